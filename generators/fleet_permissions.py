"""The tables of the permissions of ``fleet``, which cog writes into docs/command.md."""

from ssm_profile.cli.fleet.permissions import PERMISSIONS
from ssm_profile.cli.usage import advisor, athena, bucket, lake, trail_settings

_EVIDENCE = (
    ("the account of your credentials", (trail_settings.REGIONS_ACTION, *trail_settings.READ_ACTIONS)),
    ("`s3://BUCKET/PREFIX`", bucket.READ_ACTIONS),
    ("`athena:TABLE`", athena.READ_ACTIONS),
    ("`lake:EVENT_DATA_STORE`", lake.READ_ACTIONS),
    ("`access-advisor`", advisor.READ_ACTIONS),
)


def permissions_table() -> str:
    """A Markdown table of the permissions of the sources, with what each reads."""
    rows = (f"| {source} | `{action}` | {whose} | {reads} |" for source, action, whose, reads in PERMISSIONS)
    return "\n".join(["| source | permission | who needs it | what it reads |", "| --- | --- | --- | --- |", *rows])


def evidence_table() -> str:
    """A Markdown table of the permissions of the evidence."""
    rows = (f"| {what} | {', '.join(f'`{action}`' for action in actions)} |" for what, actions in _EVIDENCE)
    return "\n".join(["| evidence | permissions |", "| --- | --- |", *rows])
