"""The same instance profile in many accounts. Each account has a provider, which assumes a role in the account."""

import re

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile

config = pulumi.Config()
accounts = config.require_object("accounts")
role = config.require("role")
region = config.require("region")


def find_mistakes(value: object) -> list[str]:
    """A sentence for each mistake in the config value ``accounts``."""
    if not isinstance(value, dict) or not value:
        return [f"`accounts` must be a map of names to account IDs (got {value!r})."]
    mistakes = [
        f"`accounts.{name}` must be an account ID of 12 digits, in quotes (got {account!r})."
        for name, account in value.items()
        if not isinstance(account, str) or not re.fullmatch(r"\d{12}", account)
    ]
    duplicates = [name for name in value if list(value.values()).count(value[name]) > 1]
    if duplicates:
        mistakes.append(
            f"`accounts` must contain each account once (got the same account for {', '.join(duplicates)})."
        )
    return mistakes


if mistakes := find_mistakes(accounts):
    raise pulumi.RunError("\n  ".join(["The accounts are not valid, and nothing was changed:", *mistakes]))

for name, account in accounts.items():
    provider = aws.Provider(
        name,
        region=region,
        # This needs the class. Pulumi passes the keys of a dict to a provider unchanged, and it has no key role_arn.
        assume_roles=[
            aws.ProviderAssumeRoleArgs(role_arn=f"arn:aws:iam::{account}:role/{role}", session_name="ssm-profile")
        ],
        allowed_account_ids=[account],  # a role in another account changes nothing
    )
    profile = SsmInstanceProfile(
        name, {"tags": {"Account": name}, "role_name": "ssm-instance"}, pulumi.ResourceOptions(providers=[provider])
    )
    pulumi.export(name, profile.instance_profile_arn)
