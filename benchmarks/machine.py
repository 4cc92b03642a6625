"""What was measured, when and on what: without it a number means nothing."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pulumi.automation import PulumiCommand


def about(pulumi: PulumiCommand) -> dict[str, Any]:
    """The date, the machine and the versions, of a run that begins now.

    Args:
        pulumi: The CLI that is used.
    """
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _value("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": f"{int(_value('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GB",
        "os": f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, Linux {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
        "versions": {
            "Python": platform.python_version(),
            "pulumi": version("pulumi"),
            "pulumi-aws": version("pulumi_aws"),
            "Pulumi CLI": str(pulumi.version),
            "moto": version("moto"),
        },
    }


def _value(file: str, key: str) -> str:
    """A value of a file of lines of the form ``key : value``."""
    lines = (line.partition(":") for line in Path(file).read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "unknown")
