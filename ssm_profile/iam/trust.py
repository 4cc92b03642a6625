"""Trust policies: whether EC2 can assume a role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from collections.abc import Mapping
from typing import Any

from ssm_profile.errors import InputError

from .conditions import ABSENT, Context, holds
from .documents import as_list, statements_of

EC2 = "ec2.amazonaws.com"
"""The service principal of EC2."""

_SERVICES = (EC2, f"{EC2}.cn")

_CALL_OF_EC2: Context = {
    "aws:principalisawsservice": ("true",),
    "aws:principalservicename": _SERVICES,
    # A service has no ARN, account or organization of its own, and EC2 passes no external ID.
    "aws:principalarn": (ABSENT,),
    "aws:principalaccount": (ABSENT,),
    "aws:principalorgid": (ABSENT,),
    "aws:principalorgpaths": (ABSENT,),
    "aws:username": (ABSENT,),
    "aws:multifactorauthpresent": (ABSENT,),
    "aws:multifactorauthage": (ABSENT,),
    "sts:externalid": (ABSENT,),
}
"""What is known of the request with which EC2 assumes the role of an instance profile."""

_UNKNOWN = "${"
"""What a value of a template contains that only the deployment has."""


def is_for_ec2(trust: Any, name: str) -> bool:
    """Whether EC2 can assume a role.

    What is not known, such as a condition, counts as allowing where it may allow, and not as denying.

    Args:
        trust: The value of the JSON of the trust policy.
        name: The name of the policy in error messages.

    Raises:
        InputError: If it is not a trust policy, or if IAM refuses it.
    """
    if not isinstance(trust, Mapping):
        raise InputError(f"{name} is not a policy document.")
    listed = as_list(trust.get("Statement"))
    known = [each for each in listed if not _is_unknown(each)]
    if len(known) < len(listed) and not known:
        return True
    if any(isinstance(each, Mapping) and "NotPrincipal" in each for each in known):
        raise InputError(f"{name}: IAM refuses NotPrincipal in a trust policy.")
    # A trust policy names principals where a permissions policy names resources, and is the same otherwise.
    statements = statements_of({"Statement": [_with_resource(each) for each in known]}, name)
    allows, denies = [len(known) < len(listed)], [False]
    for each, statement in zip(known, statements, strict=True):
        if not statement.has_action("sts:AssumeRole"):
            continue
        outcome, covered = holds(statement.condition, _CALL_OF_EC2), _covers_ec2(each.get("Principal"))
        if statement.allows:
            allows.append(outcome is not False and covered is not False)
        else:
            denies.append(outcome is True and covered is True)
    return any(allows) and not any(denies)


def _with_resource(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    kept = {key: value for key, value in statement.items() if key not in ("Principal", "NotResource")}
    return kept | {"Resource": "*"}


def _covers_ec2(principal: Any) -> bool | None:
    """Whether EC2 is among the principals. None if this is not known."""
    # AWS documents that * alone and {"AWS": "*"} are the same for anonymous users, and it excludes services from a Deny
    # on * with aws:PrincipalIsAWSService, so that * covers them.
    if not isinstance(principal, Mapping):
        return principal == "*" or (None if _is_unknown(principal) else False)
    services = as_list(principal.get("Service"))
    if "*" in as_list(principal.get("AWS")) or any(each in _SERVICES for each in services):
        return True
    return None if any(map(_is_unknown, services)) else False


def _is_unknown(value: Any) -> bool:
    return isinstance(value, str) and _UNKNOWN in value
