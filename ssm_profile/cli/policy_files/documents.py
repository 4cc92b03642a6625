"""Finds the roles and policies in data: a policy document, output of the AWS CLI, a template, a plan or a state."""

from collections.abc import Callable, Mapping
from typing import Any

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import as_list

from .account_details import find_account_roles, is_details
from .cloudformation import find_template_roles, is_template
from .found import FoundPolicy, FoundRole, map_of, policy_of, text_of
from .intrinsics import Resolver
from .parsing import ACCEPTED, describe, parse_embedded
from .pulumi_export import find_stack_roles, is_export
from .terraform import (
    find_plan_roles,
    find_shown_state_roles,
    find_state_file_roles,
    is_plan,
    is_shown_state,
    is_state_file,
)

_WRAPPERS = ("PolicyVersion", "PolicyDocument", "Document", "InlinePolicy")
"""The keys under which the AWS CLI prints a document."""

_FORMATS: list[tuple[str, Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any], str], list[FoundRole]]]] = [
    ("an account's authorization details", is_details, lambda data, name: find_account_roles([data], name)),
    ("a plan of Terraform", is_plan, find_plan_roles),
    ("a state of Terraform", is_shown_state, find_shown_state_roles),
    ("a state of Terraform", is_state_file, find_state_file_roles),
    ("a stack of Pulumi", is_export, find_stack_roles),
    ("a CloudFormation template", is_template, find_template_roles),
]

_REFUSED: list[tuple[Callable[[Mapping[str, Any]], bool], str]] = [
    (
        lambda data: "AssumeRolePolicyDocument" in map_of(data.get("Role")),
        (
            "is the output of `aws iam get-role`, which has the trust policy and no permissions. Pass the output of "
            "`aws iam get-role-policy` or of `aws iam get-account-authorization-details`"
        ),
    ),
    (
        lambda data: "DefaultVersionId" in map_of(data.get("Policy")),
        (
            "is the output of `aws iam get-policy`, which has no document. Pass the output of "
            "`aws iam get-policy-version`"
        ),
    ),
    (
        lambda data: "PolicyNames" in data or "AttachedPolicies" in data,
        (
            "has the names of policies only. Pass the output of `aws iam get-role-policy`, of `get-policy-version` "
            "or `aws iam get-account-authorization-details`"
        ),
    ),
    (
        lambda data: isinstance(data.get("Policy"), str),
        ("has a resource-based policy. Pass a policy that is attached to a role"),
    ),
    (
        lambda data: isinstance(data.get("resource"), Mapping | list) or isinstance(data.get("data"), Mapping),
        (
            "is a Terraform configuration in JSON. Run `terraform plan -out plan`, and pass the output of "
            "`terraform show -json plan`"
        ),
    ),
    (
        lambda data: "@level" in data,
        (
            "is the log of `terraform plan -json`. Run `terraform plan -out plan`, and pass the output of "
            "`terraform show -json plan`"
        ),
    ),
    (
        lambda data: isinstance(data.get("modules"), list) and "version" in data,
        ("is a state of Terraform 0.11 or older. Pass the output of `terraform show -json` of a later version"),
    ),
    (
        lambda data: isinstance(data.get("app"), str) or isinstance(data.get("artifacts"), Mapping),
        ("belongs to a CDK app. Run `cdk synth`, and pass the template in the folder cdk.out"),
    ),
    (
        lambda data: "runtime" in data and "name" in data,
        ("is a project of Pulumi. Pass the output of `pulumi stack export`"),
    ),
]


def find_roles(data: Any, name: str) -> list[FoundRole]:
    """The roles in a file.

    Args:
        data: JSON data: a policy document; the output of an AWS CLI command that prints one, or of
            ``aws iam get-account-authorization-details``; a CloudFormation template; a plan or a state of Terraform; a
            stack of Pulumi; or a list of these.
        name: The name of the file.

    Returns:
        One or more roles. Policy documents are one role, with the name of the file. A policy in a template, a plan or a
        state whose role is not there is a role of its own.

    Raises:
        InputError: If the data has no policies of roles, or only a trust policy or a resource-based policy.
    """
    try:
        return _found(_unwrapped(data, name), name)
    except RecursionError:
        raise InputError(f"{name} is nested too deeply. {ACCEPTED}.") from None


def _found(data: Any, name: str) -> list[FoundRole]:
    if isinstance(data, list):
        return _found_in_list(data, name)
    if isinstance(data, str):
        raise InputError(f"{name} is text without a policy. {describe(data)}")
    if not isinstance(data, Mapping):
        raise InputError(f"{name} has no policy (it is {_kind(data)}). {ACCEPTED}.")
    if "Statement" in data:
        return [FoundRole(name, (_permissions(data, name),))]
    for kind, is_kind, find in _FORMATS:
        if is_kind(data):
            if roles := find(data, name):
                return roles
            raise InputError(f"{name} is {kind} without a role and without a policy of a role. Pass one that has some.")
    reason = next((reason for is_refused, reason in _REFUSED if is_refused(data)), None)
    if reason:
        raise InputError(f"{name} {reason}.")
    keys = ", ".join(str(key)[:40] for key in list(data)[:5])
    got = f"its keys are {keys}" if keys else "it is an empty object"
    raise InputError(f"{name} has no policy: it has no Statement ({got}). {ACCEPTED}.")


def _found_in_list(data: list[Any], name: str) -> list[FoundRole]:
    if not data:
        raise InputError(f"{name} is an empty list. {ACCEPTED}.")
    if all(map(is_details, data)):
        if roles := find_account_roles(data, name):
            return roles
        raise InputError(f"{name} has pages of an account's authorization details without a role. Pass all pages.")
    policies, roles = list[FoundPolicy](), list[FoundRole]()
    for number, element in enumerate(data, 1):
        place = f"{name}, item {number}"
        content = _unwrapped(element, place)
        if isinstance(content, Mapping) and "Statement" in content:
            policies.append(_permissions(content, place))
        elif isinstance(content, Mapping) and {"Effect", "Action"} <= set(content):
            raise InputError(
                f'{place} is a statement. Pass a policy document: {{"Version": "2012-10-17", "Statement": [...]}}.'
            )
        else:
            roles += _found(content, place)
    return [*([FoundRole(name, tuple(policies))] if policies else []), *roles]


def _unwrapped(data: Any, name: str) -> Any:
    """A document without the object in which the AWS CLI prints it, and without the string in which it can be."""
    for _ in range(4):
        inner = parse_embedded(data, name)
        if isinstance(inner, Mapping) and "Statement" not in inner:
            # The last one is that of aws cloudformation get-template.
            keys = (*_WRAPPERS, "TemplateBody")
            inner = next((inner[key] for key in keys if isinstance(inner.get(key), Mapping | str)), inner)
        if inner is data:
            break
        data = inner
    return data


def _permissions(document: Mapping[str, Any], name: str) -> FoundPolicy:
    """A policy document that is not in a template. It can have functions of CloudFormation, as a part of a template."""
    resolver = Resolver()
    resolved = resolver.resolve(document)
    if not isinstance(resolved, Mapping):
        raise InputError(f"{name} has no policy that can be read ({resolved}). {ACCEPTED}.")
    statements = [map_of(statement) for statement in as_list(resolved.get("Statement"))]
    principals = [each for each in statements if "Principal" in each or "NotPrincipal" in each]
    if principals:
        actions = [text_of(action) for each in principals for action in as_list(each.get("Action"))]
        is_trust = bool(actions) and all(action.lower().startswith("sts:") for action in actions)
        kind = "a trust policy" if is_trust else "a resource-based policy"
        raise InputError(
            f"{name} is {kind}: it has a Principal, and a permissions policy has none. Pass a policy that is attached "
            "to a role."
        )
    policy = policy_of(name, resolved, resolver.unknown)
    if isinstance(policy, str):
        raise InputError(f"{policy} cannot be read. {ACCEPTED}.")
    return policy


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return "a boolean" if isinstance(value, bool) else "a number"
