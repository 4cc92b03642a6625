"""Reads the roles of the account of the AWS credentials, with one read-only call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import PaginationError

from ssm_profile.cli.aws_client import PATIENT, client, readable_errors
from ssm_profile.errors import InputError

from .members import Found, Problem, roles_of_account
from .pages import POLICIES, ROLES

READ_ACTION = "iam:GetAccountAuthorizationDetails"
"""The permission that reading an account requires."""

_PLACE = "the account"


def read_account() -> Iterator[Found]:
    """The roles of the account.

    Raises:
        InputError: If they cannot be read.
    """
    with readable_errors("fleet", (READ_ACTION,)):
        pages = _read_pages()  # all of them, because a policy can be on another page than its role
        policies = [policy for page in pages for policy in _entries(page, POLICIES, ROLES)]
        roles = [role for page in pages for role in _entries(page, ROLES, POLICIES)]
    if pages[-1].get("IsTruncated") or pages[-1].get("Marker"):
        yield Problem(
            _PLACE,
            "The answer is not complete: its last page says that there are more roles or policies. Run the command "
            "again.",
        )
    yield from roles_of_account(policies, roles, _PLACE)


def _read_pages() -> list[Mapping[str, Any]]:
    pages = client("iam", config=PATIENT).get_paginator("get_account_authorization_details")
    try:
        return list(pages.paginate(Filter=["Role", "LocalManagedPolicy", "AWSManagedPolicy"]))
    except PaginationError as error:
        raise InputError(
            f"fleet: the answer repeats a page ({error}), so that the roles after it cannot be read. Run the command "
            "again. If this does not help, check AWS_ENDPOINT_URL and the settings of your proxy."
        ) from None


def _entries(page: Mapping[str, Any], key: str, other: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a list of a page.

    Raises:
        KeyError: If the page has neither this list nor another one, and so is no answer of IAM.
    """
    return page.get(key, []) if other in page else page[key]
