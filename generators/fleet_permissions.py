"""The tables of the permissions of ``fleet``, which cog writes into docs/fleet.md."""

from ssm_profile.cli.fleet import account_instances
from ssm_profile.cli.fleet.permissions import PERMISSIONS
from ssm_profile.cli.usage import advisor, athena, bucket, lake, trail_settings

_YOURS = "your identity"
_READERS = "the identity that reads the account: yours, or the role in each account"

_FLAGS = (
    ("`--used` without a SOURCE", (trail_settings.REGIONS_ACTION, *trail_settings.READ_ACTIONS), _READERS),
    ("`--instances`", account_instances.ACTIONS, _READERS),
    ("`--used s3://BUCKET/PREFIX`", bucket.READ_ACTIONS, _YOURS),
    ("`--used athena:TABLE`", athena.READ_ACTIONS, _YOURS),
    ("`--used lake:EVENT_DATA_STORE`", lake.READ_ACTIONS, _YOURS),
    ("`--used access-advisor`", advisor.READ_ACTIONS, _READERS),
)
"""The flag, its permissions, and who needs them."""


def permissions_table() -> str:
    """A Markdown table of the permissions of the sources, with what each reads."""
    rows = (f"| {source} | `{action}` | {whose} | {reads} |" for source, action, whose, reads in PERMISSIONS)
    return "\n".join(["| source | permission | who needs it | what it reads |", "| --- | --- | --- | --- |", *rows])


def flags_table() -> str:
    """A Markdown table of the permissions of flags, and who needs them."""
    rows = (f"| {what} | {', '.join(f'`{each}`' for each in actions)} | {whose} |" for what, actions, whose in _FLAGS)
    return "\n".join(["| flag | permissions | who needs them |", "| --- | --- | --- |", *rows])
