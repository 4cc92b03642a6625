"""Reads the roles of the account of the AWS credentials, with one read-only call."""

from collections.abc import Iterator

from ssm_profile.cli.iam_roles import client, readable_errors

from .members import Found, roles_of_account

READ_ACTION = "iam:GetAccountAuthorizationDetails"
"""The permission that reading an account requires."""


def read_account() -> Iterator[Found]:
    """The roles of the account.

    Raises:
        InputError: If they cannot be read.
    """
    with readable_errors("fleet", (READ_ACTION,)):
        pages = (
            client("iam")
            .get_paginator("get_account_authorization_details")
            .paginate(Filter=["Role", "LocalManagedPolicy", "AWSManagedPolicy"])
        )
        read = list(pages)  # a policy can be on another page than its role
    policies = (policy for page in read for policy in page["Policies"])
    roles = (role for page in read for role in page["RoleDetailList"])
    yield from roles_of_account(policies, roles, "the account")
