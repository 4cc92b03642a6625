"""Reads policy documents from text, and from the output of AWS CLI commands that print one."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.patterns import arn_glob
from ssm_profile.iam.patterns import overlap as globs_overlap

MAX_LENGTH = 131_072
"""The longest policy document that IAM's API accepts, in characters without white space."""


def overlap(one: str, other: str) -> bool:
    """Whether two patterns of resources match a common resource."""
    return globs_overlap(arn_glob(one), arn_glob(other))


def read_json(text: str, name: str) -> Any:
    """The value of a JSON string.

    Raises:
        InputError: If the string is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{name} is not JSON ({error}). Pass a policy document in JSON.") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply. Pass a policy document.") from None


def read_statements(text: str, name: str) -> tuple[Statement, ...]:
    """The statements of a policy document, or of the output of an AWS CLI command that prints one.

    Args:
        text: JSON: a policy document, or the output of get-role-policy, get-policy-version and similar commands.
        name: The name of the document in error messages.

    Raises:
        InputError: If the text is not a permissions policy.
    """
    if (length := len("".join(text.split()))) > MAX_LENGTH:
        raise InputError(
            f"{name} has {length:,} characters, not counting white space. Pass a policy document of at most "
            f"{MAX_LENGTH:,} characters."
        )
    return statements_of(_unwrapped(read_json(text, name), name), name)


def _unwrapped(document: Any, name: str) -> Any:
    """The document without the object in which the AWS CLI prints it."""
    for _ in range(3):
        if not isinstance(document, Mapping):
            break
        answer = document
        inner = [answer[key] for key in ("PolicyVersion", "PolicyDocument", "Document") if key in answer]
        if "Statement" in answer or not inner:
            break
        document = inner[0]
    if isinstance(document, str):
        return read_json(unquote(document), name)  # IAM's API returns documents URL-encoded.
    return document
