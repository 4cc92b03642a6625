"""``python -m benchmarks.deployment WAY COUNT [no-checkpoints]``: deploys components in the sandbox.

Prints as JSON the seconds of `pulumi up`, and how many waits for an output Pulumi's SDK made. With `no-checkpoints` the
engine writes its state once, at the end, and not after each step.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

from sandbox.pulumi_cli import find_pulumi
from sandbox.workspace import Sandbox

from .commands import command_seconds

PROGRAM = """\
from benchmarks.programs import PROGRAMS

for number in range({count}):
    PROGRAMS[{way!r}](f"p{{number}}")
"""


def main(way: str, count: int, *flags: str) -> None:
    """Deploy a number of components in one way."""
    waits = 0
    wait = asyncio.wait  # nothing but Pulumi's SDK calls it in this process

    def counted_wait(futures: Collection[asyncio.Task[Any]], **options: Any) -> Any:
        nonlocal waits
        waits += len(futures)
        return wait(futures, **options)

    pulumi = find_pulumi(Console(stderr=True))
    with (
        patch.object(asyncio, "wait", counted_wait),
        command_seconds() as seconds,
        tempfile.TemporaryDirectory() as directory,
        Sandbox(pulumi) as sandbox,
    ):
        if "no-checkpoints" in flags:
            sandbox.environment |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
        project = Path(directory)
        (project / "Pulumi.yaml").write_text("name: benchmark\nruntime: python\n")
        (project / "__main__.py").write_text(PROGRAM.format(way=way, count=count))
        sandbox.stack("benchmark", project, {"aws:region": "eu-central-1"}).up()
    print(json.dumps({"seconds": seconds["up"], "waits": waits}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
