"""The real AWS provider, pulumi-resource-aws: find it, and point it to the emulated AWS only."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import SandboxError

_SERVICES = ("ec2", "iam", "kms", "s3", "ssm", "sts")


def find_real_provider() -> Path:
    """Find the plugin's executable among the plugins of the Pulumi CLI, in the version of pulumi_aws.

    Raises:
        SandboxError: If it is not installed. The message has the command that installs it.
    """
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    required = version("pulumi_aws")
    plugin = home / "plugins" / f"resource-aws-v{required}" / "pulumi-resource-aws"
    if not plugin.is_file():
        raise SandboxError(
            f"The real AWS provider {required} is not installed. "
            f"Install it with `pulumi plugin install resource aws {required}`."
        )
    return plugin


def settings(url: str) -> dict[str, Any]:
    """Return the stack config with which the provider calls an emulated AWS only.

    Args:
        url: The URL of the emulated AWS.
    """
    return {
        "aws:endpoints": [dict.fromkeys(_SERVICES, url)],
        "aws:s3UsePathStyle": True,
        "aws:skipCredentialsValidation": True,
        "aws:skipMetadataApiCheck": True,
        "aws:skipRegionValidation": True,
    }
