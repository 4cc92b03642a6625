"""The table of the permissions of ``diagnose``, which cog writes into docs/diagnose.md."""

from ssm_profile.cli.diagnose.permissions import OPTIONAL_PERMISSIONS, PERMISSIONS


def permissions_table() -> str:
    """A Markdown table of the permissions, with what each reads."""
    needed = (f"| `{action}` | {reads} |" for action, reads in PERMISSIONS.items())
    optional = (f"| `{action}` (optional) | {reads} |" for action, reads in OPTIONAL_PERMISSIONS.items())
    return "\n".join(["| permission | what it reads |", "| --- | --- |", *needed, *optional])
