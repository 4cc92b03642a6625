"""IAM's own simulator: which requests a role must be allowed, and which it must be denied."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ssm_profile import policy
from ssm_profile.policy import Options
from ssm_profile.regions import Location

from . import CheckError
from .account import Account

_ARN_FIELDS = 6
_INSTANCE = "arn:{partition}:ec2:{region}:{account}:instance/i-0123456789abcdef0"
_PARAMETER = "arn:{partition}:ssm:{region}:{account}:parameter/not-granted"
_ROLE = "arn:{partition}:iam::{account}:role/not-granted"
_LOG_GROUP = "arn:{partition}:logs:{region}:{account}:log-group:/not-granted:log-stream:sample"

DENIED: tuple[tuple[str, str], ...] = (
    ("ssm:SendCommand", _INSTANCE),
    ("ssm:StartSession", _INSTANCE),
    ("ssm:TerminateSession", "arn:{partition}:ssm:{region}:{account}:session/sample"),
    ("ssm:CreateAssociation", _INSTANCE),
    ("ssm:PutParameter", _PARAMETER),
    ("ssm:GetParameter", _PARAMETER),
    ("ssm:GetParameters", _PARAMETER),
    ("ssm:GetParametersByPath", _PARAMETER),
    ("ssm:GetParameterHistory", _PARAMETER),
    ("iam:PassRole", _ROLE),
    ("iam:PutRolePolicy", _ROLE),
    ("iam:AttachRolePolicy", _ROLE),
    ("sts:AssumeRole", _ROLE),
    ("ec2:RunInstances", _INSTANCE),
    ("ec2:TerminateInstances", _INSTANCE),
    ("s3:ListAllMyBuckets", "*"),
    ("s3:GetObject", "arn:{partition}:s3:::not-granted/sample"),
    ("s3:PutObject", "arn:{partition}:s3:::not-granted/sample"),
    ("s3:DeleteObject", "arn:{partition}:s3:::not-granted/sample"),
    ("logs:PutLogEvents", _LOG_GROUP),
    ("logs:DeleteLogGroup", _LOG_GROUP),
    ("kms:Decrypt", "arn:{partition}:kms:{region}:{account}:key/00000000-0000-0000-0000-000000000000"),
    ("secretsmanager:GetSecretValue", "arn:{partition}:secretsmanager:{region}:{account}:secret:not-granted-a1b2c3"),
)
"""Actions and resources that no option grants: an instance with them could reach what is not its own."""

_IMDSV2 = ("ec2:RoleDelivery", "2.0", "numeric")
_IMDSV1 = ("ec2:RoleDelivery", "1.0", "numeric")

ContextEntry = tuple[str, str, str]
"""A condition key, its value and IAM's name of its type."""


@dataclass(frozen=True)
class Request:
    """Actions on one resource. IAM answers for each action."""

    actions: tuple[str, ...]
    resource: str
    context: tuple[ContextEntry, ...] = (_IMDSV2,)


def allowed_requests(options: Options, location: Location) -> list[Request]:
    """A request for each action, resource and condition that the options grant."""
    grouped: dict[tuple[str, tuple[ContextEntry, ...]], dict[str, None]] = {}
    for grant in policy.grants(options):
        checked = replace(grant, resources=grant.sufficient or grant.resources)
        scope = policy.scope_of(checked, options, location)
        for pattern in [scope["Resource"]] if isinstance(scope["Resource"], str) else scope["Resource"]:
            key = (_example(pattern, location), (_IMDSV2, *_context(scope.get("Condition", {}), location)))
            grouped.setdefault(key, {}).update(dict.fromkeys(_actions(grant.action)))
    return [Request(tuple(actions), resource, context) for (resource, context), actions in grouped.items()]


def denied_requests(options: Options, location: Location) -> list[Request]:
    """The requests that must be denied: :data:`DENIED`, and a granted one with credentials of IMDSv1."""
    grouped: dict[str, list[str]] = {}
    for action, template in DENIED:
        grouped.setdefault(template.format_map(location), []).append(action)
    requests = [Request(tuple(actions), resource) for resource, actions in grouped.items()]
    if options.get("require_imdsv2"):
        granted = Request(("ssm:UpdateInstanceInformation",), _INSTANCE.format_map(location), (_IMDSV1,))
        requests.append(granted)
    return requests


def check_allowed(account: Account, role_arn: str, requests: Sequence[Request]) -> str:
    """Check that IAM's simulator allows each action, with the permissions boundary and the organization's policies.

    Raises:
        CheckError: If it does not. The message says what denied each action.
    """
    return _check(account, role_arn, requests, expected=True)


def check_denied(account: Account, role_arn: str, requests: Sequence[Request]) -> str:
    """Check that IAM's simulator allows none of the actions.

    Raises:
        CheckError: If it allows one.
    """
    return _check(account, role_arn, requests, expected=False)


def _check(account: Account, role_arn: str, requests: Sequence[Request], *, expected: bool) -> str:
    wrong, count, foreign = list[str](), 0, 0
    for request in requests:
        if _is_foreign(request.resource, account.location):
            foreign += len(request.actions)
            continue
        answers = {result["EvalActionName"]: result for result in _simulate(account, role_arn, request)}
        for action in request.actions:
            count += 1
            if action not in answers:
                wrong.append(f"{action} on {request.resource}: no answer")
            elif _is_allowed(answers[action]) != expected:
                wrong.append(f"{action} on {request.resource}: {_reason(answers[action])}")
    if wrong:
        raise CheckError("; ".join(wrong))
    left_out = f"; {foreign} on resources of other accounts are left out, since it has no answer for roles"
    return f"{count} requests" + (left_out if foreign else "")


def _is_foreign(resource: str, location: Location) -> bool:
    """Whether a resource belongs to another account.

    The simulator denies every request of a role for it: the resource's policy would have to allow it as well, and it
    takes no such policy for a role. https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    fields = resource.split(":", _ARN_FIELDS - 1)
    return len(fields) == _ARN_FIELDS and fields[4] not in ("", location["account"])


def _simulate(account: Account, role_arn: str, request: Request) -> Iterable[Mapping[str, Any]]:
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}
        for key, value, kind in request.context
    ]
    # One resource a request: IAM answers with one result for each action, whatever the number of resources.
    arguments: dict[str, Any] = {
        "PolicySourceArn": role_arn,
        "ActionNames": list(request.actions),
        "ResourceArns": [request.resource],
        "ContextEntries": entries,
    }
    while True:
        answer = account.client("iam").simulate_principal_policy(**arguments)
        yield from answer["EvaluationResults"]
        if not answer.get("IsTruncated"):
            return
        arguments["Marker"] = answer["Marker"]


def _boundary(result: Mapping[str, Any]) -> bool:
    detail = result.get("PermissionsBoundaryDecisionDetail") or {}
    return bool(detail.get("AllowedByPermissionsBoundary", True))


def _organization(result: Mapping[str, Any]) -> bool:
    return bool((result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True))


def _is_allowed(result: Mapping[str, Any]) -> bool:
    return result["EvalDecision"] == "allowed" and _boundary(result) and _organization(result)


def _reason(result: Mapping[str, Any]) -> str:
    details = [result["EvalDecision"]]
    if not _boundary(result):
        details.append("the permissions boundary does not allow it")
    if not _organization(result):
        details.append("a policy of the organization does not allow it")
    if missing := result.get("MissingContextValues"):
        details.append(f"the simulator had no value for {', '.join(missing)}")
    return ", ".join(details)


def _actions(action: str) -> list[str]:
    """The actions themselves: the simulator takes no wildcards."""
    return ["ec2:DescribeInstances", "ec2:DescribeTags"] if action == "ec2:Describe*" else [action]


def _example(pattern: str, location: Location) -> str:
    """A resource that a pattern matches."""
    fields = pattern.split(":", _ARN_FIELDS - 1)
    if len(fields) < _ARN_FIELDS:
        return pattern
    *head, resource = fields
    head[3] = location["region"] if head[3] == "*" else head[3]
    head[4] = location["account"] if head[4] == "*" else head[4]
    resource = "instance/i-0123456789abcdef0" if resource == "instance/*" else resource
    return ":".join([*head, resource.replace("*", "sample").replace("?", "a")])


def _context(condition: Mapping[str, Mapping[str, Any]], location: Location) -> tuple[ContextEntry, ...]:
    """Values with which a condition holds."""
    entries = list[ContextEntry]()
    for operator, keys in condition.items():
        kind = next((name for name in ("numeric", "boolean") if operator.lower().startswith(name[:4])), "string")
        kind = "stringList" if operator.startswith("ForAnyValue:") else kind
        for key, values in keys.items():
            value = values if isinstance(values, str) else values[0]
            entries.append((key, value.replace(".*.", f".{location['region']}.").removesuffix("*"), kind))
    return tuple(entries)
