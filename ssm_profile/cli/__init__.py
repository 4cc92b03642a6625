"""The command ``ssm-profile``: explain, compare and audit policies. It needs what ``ssm-profile[cli]`` installs."""

import sys

TROUBLE = 2
"""The exit code where there is no answer: wrong usage, or input that cannot be read."""


def main() -> None:
    """Run the command, or say what has to be installed first."""
    try:
        from .app import ssm_profile  # noqa: PLC0415 - what may be missing is the question
    except ImportError as error:
        if (error.name or "").startswith("ssm_profile"):
            raise
        sys.stderr.write(
            f"Error: the command needs {error.name}, which is not installed. Install it with:\n"
            "  pip install 'ssm-profile[cli]'\n"
        )
        sys.exit(TROUBLE)
    ssm_profile(prog_name="ssm-profile")
