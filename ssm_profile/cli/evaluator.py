"""Reads policy documents from text, and from the output of AWS CLI commands that print one."""

import json
from typing import Any

from ssm_profile.errors import InputError
from ssm_profile.iam.patterns import arn_glob
from ssm_profile.iam.patterns import overlap as globs_overlap


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
