"""The same instance profile in many accounts, by one program: a provider for each, which assumes a role there."""

import re

import pulumi
import pulumi_aws as aws

from ssm_profile import SsmInstanceProfile

config = pulumi.Config()
accounts = config.require_object("accounts")
role = config.require("role")
region = config.require("region")


def mistakes(found: object) -> list[str]:
    """What is wrong with the accounts, a line each."""
    if not isinstance(found, dict) or not found:
        return [f"accounts: found {found!r}; allowed: a map of names to account IDs"]
    lines = [
        f"accounts.{name}: found {account!r}; allowed: an account ID of 12 digits, in quotes"
        for name, account in found.items()
        if not isinstance(account, str) or not re.fullmatch(r"\d{12}", account)
    ]
    twice = [name for name in found if list(found.values()).count(found[name]) > 1]
    return lines + ([f"accounts: found the same account as {', '.join(twice)}; allowed: each once"] if twice else [])


if lines := mistakes(accounts):
    raise pulumi.RunError("\n  ".join(["The accounts cannot be used; nothing was changed:", *lines]))

for name, account in accounts.items():
    provider = aws.Provider(
        name,
        region=region,
        # As its class, since Pulumi passes a dict's keys on to a provider as they are, and it would not know role_arn.
        assume_roles=[
            aws.ProviderAssumeRoleArgs(role_arn=f"arn:aws:iam::{account}:role/{role}", session_name="ssm-profile")
        ],
        allowed_account_ids=[account],  # so that a role that leads elsewhere changes nothing
    )
    profile = SsmInstanceProfile(
        name, {"tags": {"Account": name}, "role_name": "ssm-instance"}, pulumi.ResourceOptions(providers=[provider])
    )
    pulumi.export(name, profile.instance_profile_arn)
