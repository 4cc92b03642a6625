"""Trust policies: whether EC2 can assume a role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ssm_profile.errors import InputError

from .conditions import ABSENT, Context, holds
from .documents import Statement, as_list, condition_lines, statements_of
from .evaluator import Kind, Reason, as_alternatives

EC2 = "ec2.amazonaws.com"
"""The service principal of EC2."""

TRUST_POLICY = "trust policy"
"""The name of a trust policy in reasons."""

_SERVICES = (EC2, f"{EC2}.cn")
_SERVICE_OF_TEMPLATE = re.compile(r"([a-z0-9.-]+)\.\$\{[^{}]*}")
"""A service with the domain of the partition as a value of a template, such as ``ec2.${AWS::URLSuffix}``."""

_DOMAIN = "amazonaws.com"

_CALL_OF_EC2: Context = {
    "aws:principalisawsservice": ("true",),
    "aws:principalservicename": _SERVICES,
    # A service is no IAM principal. AWS does not say whether its requests have these keys.
    "aws:principalarn": (ABSENT, EC2),
    "aws:principalaccount": (ABSENT, EC2),
    "aws:multifactorauthpresent": (ABSENT, "false"),
    # These keys exist only for members of an organization, for users and after MFA.
    "aws:principalorgid": (ABSENT,),
    "aws:principalorgpaths": (ABSENT,),
    "aws:username": (ABSENT,),
    "aws:multifactorauthage": (ABSENT,),
    # CloudTrail shows the parameters of the call: the ARN of the role, and the ID of the instance as session name.
    "sts:externalid": (ABSENT,),
}
"""What is known of the request with which EC2 assumes the role of an instance profile.

Whether it has aws:SourceAccount, aws:SourceArn and similar keys is not documented, so that they are not known.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and for the parameters
the public CloudTrail logs of https://summitroute.com/blog/2020/10/09/public_dataset_of_cloudtrail_logs_from_flaws_cloud/
"""

_UNKNOWN = "${"
"""What a value of a template contains that only the deployment has."""


class Trust(NamedTuple):
    """What a trust policy decides about EC2."""

    is_for_ec2: bool
    """Whether EC2 can assume the role. What is not known counts as allowing where it may allow, and not as denying."""
    reasons: tuple[Reason, ...] = ()
    """What this depends on. Empty if it is certain."""


FOR_EC2 = Trust(is_for_ec2=True)


class _Applied(NamedTuple):
    """A statement that may apply to the call of EC2."""

    statement: Statement
    is_certain: bool = False
    depends_on: str = ""
    kind: Kind = Kind.CONDITION

    @property
    def reason(self) -> Reason:
        return Reason(self.kind if self.statement.allows else Kind.EXPLICIT_DENY, self.statement, self.depends_on)


def is_for_ec2(trust: Any, name: str) -> bool:
    """Whether EC2 can assume a role, as :func:`judge_trust` says it.

    Args:
        trust: The value of the JSON of the trust policy.
        name: The name of the policy in error messages.

    Raises:
        InputError: If it is not a trust policy, or if IAM refuses it.
    """
    return judge_trust(trust, name).is_for_ec2


def judge_trust(trust: Any, name: str) -> Trust:
    """What a trust policy decides about EC2.

    Args:
        trust: The value of the JSON of the trust policy.
        name: The name of the policy in error messages.

    Raises:
        InputError: If it is not a trust policy, or if IAM refuses it.
    """
    if not isinstance(trust, Mapping):
        raise InputError(f"{name} is not a policy document.")
    applied = list(_applied(trust, name))
    allows = [each for each in applied if each.statement.allows]
    denies = [each for each in applied if not each.statement.allows]
    if not allows or any(each.is_certain for each in denies):
        return Trust(is_for_ec2=False)
    uncertain = [] if any(each.is_certain for each in allows) else allows
    one_of = as_alternatives(each.reason for each in uncertain)
    return Trust(is_for_ec2=True, reasons=(*one_of, *(each.reason for each in denies)))


def _applied(trust: Mapping[str, Any], name: str) -> Iterator[_Applied]:
    """The statements that may apply to the call of EC2."""
    listed = list(enumerate(as_list(trust.get("Statement")), 1))
    for number, each in listed:
        if is_unknown(each):
            yield from (_Applied(_unread(number, allows=allows), depends_on=each) for allows in (True, False))
    for principal, statement in trusting_statements(trust, name):
        if not statement.has_action("sts:AssumeRole"):
            continue
        located = replace(statement, policy=TRUST_POLICY)
        outcome, covered = holds(statement.condition, _CALL_OF_EC2), _covers_ec2(principal)
        if outcome is False or covered is False:
            continue
        if outcome is None:
            yield _Applied(located, depends_on=" and ".join(condition_lines(statement.condition)))
        elif covered is None:
            yield _Applied(located, depends_on=", ".join(_unknown_principals(principal)), kind=Kind.UNKNOWN_VALUE)
        else:
            yield _Applied(located, is_certain=True)


def trusting_statements(trust: Mapping[str, Any], name: str) -> Iterator[tuple[Any, Statement]]:
    """The statements of a trust policy with their principals, without those that a template does not show.

    Args:
        trust: The value of the JSON of the trust policy.
        name: The name of the policy in error messages.

    Raises:
        InputError: If it is not a trust policy, or if IAM refuses it.
    """
    listed = list(enumerate(as_list(trust.get("Statement")), 1))
    known = [(number, each) for number, each in listed if not is_unknown(each)]
    if listed and not known:
        return
    if any(isinstance(each, Mapping) and "NotPrincipal" in each for _, each in known):
        raise InputError(f"{name}: IAM refuses NotPrincipal in a trust policy.")
    # A trust policy names principals where a permissions policy names resources, and is the same otherwise.
    statements = statements_of({**trust, "Statement": [_with_resource(each) for _, each in known]}, name)
    for (number, each), statement in zip(known, statements, strict=True):
        yield each.get("Principal"), replace(statement, number=number)


def _unread(number: int, *, allows: bool) -> Statement:
    """What stands for a statement that a template does not show."""
    return Statement(
        allows=allows,
        actions=("*",),
        except_actions=False,
        resources=("*",),
        except_resources=False,
        condition={},
        policy=TRUST_POLICY,
        number=number,
    )


def _with_resource(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    kept = {key: value for key, value in statement.items() if key not in ("Principal", "NotResource")}
    return kept | {"Resource": "*"}


def _covers_ec2(principal: Any) -> bool | None:
    """Whether EC2 is among the principals. None if this is not known."""
    # AWS documents that * alone and {"AWS": "*"} are the same for anonymous users, and it excludes services from a Deny
    # on * with aws:PrincipalIsAWSService, so that * covers them.
    if principal == "*":
        return True
    if isinstance(principal, Mapping):
        services = as_list(principal.get("Service"))
        if "*" in as_list(principal.get("AWS")) or any(named_service(each) in _SERVICES for each in services):
            return True
    return None if _unknown_principals(principal) else False


def _unknown_principals(principal: Any) -> Sequence[str]:
    """The principals of a template that can be EC2."""
    listed = as_list(principal.get("Service")) if isinstance(principal, Mapping) else [principal]
    return [each for each in listed if is_unknown(each)]


def unread_statements(trust: Mapping[str, Any]) -> list[str]:
    """The statements that a template does not show, as it writes them."""
    return [each for each in as_list(trust.get("Statement")) if is_unknown(each)]


def named_service(service: Any) -> Any:
    """A service with its full name, where a template has a value for the domain: that name is the same everywhere.

    Source: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.aws_iam/ServicePrincipal.html
    """
    found = _SERVICE_OF_TEMPLATE.fullmatch(service) if isinstance(service, str) else None
    return f"{found[1]}.{_DOMAIN}" if found else service


def is_unknown(value: Any) -> bool:
    """Whether a value of a template is one that only the deployment has."""
    return isinstance(value, str) and _UNKNOWN in value
