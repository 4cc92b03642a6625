"""The command ``ssm-profile``: explain, print, compare and audit policies.

The extra ``ssm-profile[cli]`` installs it.
"""

import sys

from . import exit_codes


def main() -> None:
    """Run the command. If a package is missing, print how to install it."""
    try:
        from .app import ssm_profile  # noqa: PLC0415 - the import fails where the extra is not installed
    except ImportError as error:
        if (error.name or "").startswith("ssm_profile"):
            raise
        sys.stderr.write(
            f"Error: the command requires the package {error.name}, which is not installed. Install it with:\n"
            "  pip install 'ssm-profile[cli]'\n"
        )
        sys.exit(exit_codes.ERROR)
    ssm_profile(prog_name="ssm-profile")
