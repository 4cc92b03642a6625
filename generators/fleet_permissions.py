"""The table of the permissions of ``fleet``, which cog writes into docs/command.md."""

from ssm_profile.cli.fleet.permissions import PERMISSIONS


def permissions_table() -> str:
    """A Markdown table of the permissions, with what each reads."""
    rows = (f"| {source} | `{action}` | {whose} | {reads} |" for source, action, whose, reads in PERMISSIONS)
    return "\n".join(["| source | permission | who needs it | what it reads |", "| --- | --- | --- | --- |", *rows])
