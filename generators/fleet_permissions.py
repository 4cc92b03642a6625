"""The table of the permissions of ``fleet``, which cog writes into docs/command.md."""

from ssm_profile.cli.fleet import account
from ssm_profile.cli.usage import advisor, athena, bucket, lake, trail_settings

_ROWS = (
    ("without a SOURCE", (account.READ_ACTION,)),
    (
        "`--used` without a SOURCE: the Regions and the trails of the account",
        (trail_settings.REGIONS_ACTION, *trail_settings.READ_ACTIONS),
    ),
    ("`--used s3://BUCKET/PREFIX`", bucket.READ_ACTIONS),
    ("`--used athena:TABLE`", athena.READ_ACTIONS),
    ("`--used lake:EVENT_DATA_STORE`", lake.READ_ACTIONS),
    ("`--used access-advisor`", advisor.READ_ACTIONS),
)


def fleet_permissions() -> str:
    """A Markdown table of what requires which permissions."""
    rows = (f"| {what} | {', '.join(f'`{action}`' for action in actions)} |" for what, actions in _ROWS)
    return "\n".join(["| what | permissions |", "| --- | --- |", *rows])
