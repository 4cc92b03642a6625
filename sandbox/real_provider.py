"""The real pulumi-resource-aws in place of the fake provider: where it is, and what keeps it on this machine."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import SandboxError

_SERVICES = ("ec2", "iam", "kms", "s3", "ssm", "sts")


def find_real_provider() -> Path:
    """The plugin's executable, of the version of pulumi_aws, where the Pulumi CLI keeps its plugins.

    Raises:
        SandboxError: If it is not installed. The text has the command that installs it.
    """
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    wanted = version("pulumi_aws")
    plugin = home / "plugins" / f"resource-aws-v{wanted}" / "pulumi-resource-aws"
    if not plugin.is_file():
        raise SandboxError(
            f"the real AWS provider {wanted} is not installed: `pulumi plugin install resource aws {wanted}` does it"
        )
    return plugin


def settings(url: str) -> dict[str, Any]:
    """The stack config with which the provider talks to an emulated AWS alone.

    Args:
        url: Where the emulated AWS is.
    """
    return {
        "aws:endpoints": [dict.fromkeys(_SERVICES, url)],
        "aws:s3UsePathStyle": True,
        "aws:skipCredentialsValidation": True,
        "aws:skipMetadataApiCheck": True,
        "aws:skipRegionValidation": True,
    }
