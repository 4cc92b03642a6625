"""The tables of the permissions of ``fleet``, which cog writes into docs/fleet.md."""

from ssm_profile.cli.fleet import account_instances
from ssm_profile.cli.fleet.permissions import PERMISSIONS
from ssm_profile.cli.usage import advisor, athena, bucket, lake, trail_settings

_FLAGS = (
    ("`--used` without a SOURCE", (trail_settings.REGIONS_ACTION, *trail_settings.READ_ACTIONS)),
    ("`--instances`", (trail_settings.REGIONS_ACTION, *account_instances.READ_ACTIONS)),
    ("`--used s3://BUCKET/PREFIX`", bucket.READ_ACTIONS),
    ("`--used athena:TABLE`", athena.READ_ACTIONS),
    ("`--used lake:EVENT_DATA_STORE`", lake.READ_ACTIONS),
    ("`--used access-advisor`", advisor.READ_ACTIONS),
)


def permissions_table() -> str:
    """A Markdown table of the permissions of the sources, with what each reads."""
    rows = (f"| {source} | `{action}` | {whose} | {reads} |" for source, action, whose, reads in PERMISSIONS)
    return "\n".join(["| source | permission | who needs it | what it reads |", "| --- | --- | --- | --- |", *rows])


def flags_table() -> str:
    """A Markdown table of the permissions of flags."""
    rows = (f"| {what} | {', '.join(f'`{action}`' for action in actions)} |" for what, actions in _FLAGS)
    return "\n".join(["| flag | permissions |", "| --- | --- |", *rows])
