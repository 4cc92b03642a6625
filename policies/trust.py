"""Trust policies: whether EC2 can assume a role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from collections.abc import Mapping
from typing import Any

from resources import as_list

from ssm_profile.errors import InputError
from ssm_profile.iam.conditions import ABSENT, Context, holds
from ssm_profile.iam.documents import statements_of
from ssm_profile.policy import EC2

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


def is_for_ec2(trust: Any, name: str) -> bool:
    """Whether EC2 can assume a role.

    A condition that may hold counts as one that holds if it allows, and as one that does not if it denies.

    Args:
        trust: The value of the JSON of the trust policy.
        name: The name of the policy in error messages.

    Raises:
        InputError: If it is not a trust policy, or if IAM refuses it.
    """
    if not isinstance(trust, Mapping):
        raise InputError(f"{name} is not a policy document.")
    listed = as_list(trust.get("Statement"))
    if any(isinstance(each, Mapping) and "NotPrincipal" in each for each in listed):
        raise InputError(f"{name}: IAM refuses NotPrincipal in a trust policy.")
    # A trust policy names principals where a permissions policy names resources, and is the same otherwise.
    statements = statements_of({"Statement": [_with_resource(each) for each in listed]}, name)
    outcomes = {True: [], False: []}
    for each, statement in zip(listed, statements, strict=True):
        if _covers_ec2(each.get("Principal")) and statement.has_action("sts:AssumeRole"):
            outcomes[statement.allows].append(holds(statement.condition, _CALL_OF_EC2))
    return any(outcome is not False for outcome in outcomes[True]) and True not in outcomes[False]


def _with_resource(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    kept = {key: value for key, value in statement.items() if key not in ("Principal", "NotResource")}
    return kept | {"Resource": "*"}


def _covers_ec2(principal: Any) -> bool:
    # AWS documents that * alone and {"AWS": "*"} are the same for anonymous users, and it excludes services from a Deny
    # on * with aws:PrincipalIsAWSService, so that * covers them.
    if not isinstance(principal, Mapping):
        return principal == "*"
    services = as_list(principal.get("Service"))
    return "*" in as_list(principal.get("AWS")) or any(each in _SERVICES for each in services)
