"""Reads the roles of an account, with one read-only call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import PaginationError

from ssm_profile.cli.aws_client import client, readable_errors
from ssm_profile.errors import InputError

from .members import Found, Problem, roles_of_account
from .pages import POLICIES, ROLES
from .permissions import READ

_PLACE = "the account"
_MORE = "IsTruncated"


def read_account() -> Iterator[Found]:
    """The roles of the account of the AWS credentials.

    Raises:
        InputError: If they cannot be read.
    """
    with readable_errors("fleet", (READ,)):
        details = read_details(client("iam"))
    yield from found_in_account(details, _PLACE)


def read_details(iam: Any) -> dict[str, Any]:
    """The roles and policies of an account, as ``aws iam get-account-authorization-details`` prints them.

    All pages are read first, because a policy can be on another page than its role.

    Args:
        iam: A client of IAM.

    Raises:
        InputError: If a page is repeated.
    """
    pages = _read_pages(iam)
    last = pages[-1]
    details = {
        "UserDetailList": [],
        "GroupDetailList": [],
        ROLES: [role for page in pages for role in _entries(page, ROLES, POLICIES)],
        POLICIES: [policy for page in pages for policy in _entries(page, POLICIES, ROLES)],
    }
    return details | ({_MORE: True} if last.get("IsTruncated") or last.get("Marker") else {})


def is_whole(details: Mapping[str, Any]) -> bool:
    """Whether the last page said that there are no more roles and policies."""
    return not details.get(_MORE)


def found_in_account(details: Mapping[str, Any], place: str) -> Iterator[Found]:
    """The roles of an account, and that some are missing.

    Args:
        details: What :func:`read_details` gives.
        place: The account, in messages.
    """
    if not is_whole(details):
        yield Problem(
            place,
            "The answer is not complete: its last page says that there are more roles or policies. Run the command "
            "again.",
        )
    yield from roles_of_account(details[POLICIES], details[ROLES], place)


def _read_pages(iam: Any) -> list[Mapping[str, Any]]:
    pages = iam.get_paginator("get_account_authorization_details")
    try:
        return list(pages.paginate(Filter=["Role", "LocalManagedPolicy", "AWSManagedPolicy"]))
    except PaginationError as error:
        raise InputError(
            f"IAM repeats a page of its answer ({error}), so that the roles after it cannot be read. Run the command "
            "again. If this does not help, check AWS_ENDPOINT_URL and the settings of your proxy."
        ) from None


def _entries(page: Mapping[str, Any], key: str, other: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a list of a page.

    Raises:
        KeyError: If the page has neither this list nor another one, and so is no answer of IAM.
    """
    return page.get(key, []) if other in page else page[key]
