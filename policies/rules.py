"""The rules as pure functions: each finds violations in the resources of a stack."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ssm_profile.options import SSM_WIDE_POLICIES
from ssm_profile.policy import EC2

ROLE = "aws:iam/role:Role"
INSTANCE_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
INLINE = "aws:iam/rolePolicy:RolePolicy"
MANAGED = "aws:iam/policy:Policy"

ATTACHMENT_KEYS = {
    ATTACHMENT: ("role", "policyArn"),
    "aws:iam/policyAttachment:PolicyAttachment": ("roles", "policyArn"),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": ("roleName", "policyArns"),
}
"""The resource types that attach managed policies: the property with the roles and the property with the ARNs."""

REPLACEMENT_OPTIONS = {
    "AmazonEC2RoleforSSM": "state_manager, patching, distributor, parameters, session_logs and cloudwatch_agent",
    "AmazonSSMManagedEC2InstanceDefaultPolicy": "state_manager, patching, distributor and legacy_messaging",
    "AmazonSSMManagedInstanceCore": "parameters, state_manager, patching, distributor and legacy_messaging",
}
"""The options of SsmInstanceProfile that replace a wide policy, where AWS made it for instances."""

NAME_THE_PATHS = (
    "gives access to every parameter, secrets included. Grant only the paths that are needed, for example with the "
    'option parameters of SsmInstanceProfile: {"paths": ["/app/prod"]}.'
)
KEY_NEVER_PRESENT = (
    "A condition on ssm:SourceInstanceARN locks every instance out, because calls made with an instance profile do not "
    "have this key. To bind credentials to their instance, use the options require_imdsv2 and vpc_endpoints_only of "
    "SsmInstanceProfile."
)
ADD_DEPENDS_ON = (
    ", so an instance can launch without its permissions. Add them to dependsOn of the instance profile. "
    "SsmInstanceProfile does this itself."
)


@dataclass(frozen=True)
class Resource:
    """The parts of a resource that the rules read. Properties whose value is not known yet are left out."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dependencies: frozenset[str] = frozenset()
    """The URNs of the resources that are created before it."""
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """For each property, the URNs of the resources that its value comes from."""


Finding = tuple[Resource, str]
"""A resource and a message that says what is wrong with it and what to do."""


def wide_policies(resources: Sequence[Resource]) -> Iterator[Finding]:
    """A role that EC2 can assume must not have an AWS managed policy that grants Systems Manager too widely."""
    roles = [each for each in resources if each.type == ROLE]
    for each in resources:
        if each.type in ATTACHMENT_KEYS:
            role_key, arn_key = ATTACHMENT_KEYS[each.type]
            if any(role is None or _is_for_ec2(role) for role in _attached_to(each, role_key, roles)):
                yield from _wide_policy_findings(each, _as_list(each.props.get(arn_key)))
        elif each.type == ROLE and _is_for_ec2(each):
            yield from _wide_policy_findings(each, each.props.get("managedPolicyArns") or [])


def parameters_everywhere(resources: Sequence[Resource]) -> Iterator[Finding]:
    """A policy must not allow reading every parameter."""
    for each, statement in _statements(resources):
        actions = [action for action in _as_list(statement.get("Action")) if _reads_parameters(action)]
        if "NotAction" in statement and not any(map(_reads_parameters, _as_list(statement["NotAction"]))):
            actions = [f"every action except {', '.join(map(str, _as_list(statement['NotAction'])))}"]
        wide = [resource for resource in _as_list(statement.get("Resource")) if _is_every_parameter(resource)]
        if "NotResource" in statement:
            wide = [f"every resource except {', '.join(map(str, _as_list(statement['NotResource'])))}"]
        if statement.get("Effect") == "Allow" and actions and wide:
            yield each, f"Allowing {', '.join(actions)} on {', '.join(wide)} {NAME_THE_PATHS}"


def source_instance_arn(resources: Sequence[Resource]) -> Iterator[Finding]:
    """A condition must not use ssm:SourceInstanceARN: calls made with an instance profile do not have it."""
    for each, statement in _statements(resources):
        condition = statement.get("Condition")
        keys = [key for entry in condition.values() for key in entry] if isinstance(condition, Mapping) else []
        if any(key.lower() == "ssm:sourceinstancearn" for key in keys):
            yield each, KEY_NEVER_PRESENT


def profiles_before_policies(resources: Sequence[Resource]) -> Iterator[Finding]:
    """An instance profile must wait for the policies of its role."""
    roles = [each for each in resources if each.type == ROLE]
    for profile in (each for each in resources if each.type == INSTANCE_PROFILE):
        role = _role_of(profile, roles)
        not_awaited = [
            each.name
            for each in resources
            if each.type in (INLINE, ATTACHMENT)
            and role is not None
            and _role_of(each, roles) is role
            and each.urn not in profile.dependencies
        ]
        if not_awaited:
            yield profile, f"The instance profile does not wait for {', '.join(not_awaited)}{ADD_DEPENDS_ON}"


RULES: dict[str, Callable[[Sequence[Resource]], Iterator[Finding]]] = {
    "no-wide-ssm-policies": wide_policies,
    "no-parameters-everywhere": parameters_everywhere,
    "no-source-instance-arn": source_instance_arn,
    "profile-after-policies": profiles_before_policies,
}
"""The rules by their names in the policy pack."""

ADVISORY = ("profile-after-policies",)
"""The rules whose violations are warnings by default."""


def findings(name: str, resources: Sequence[Resource], exceptions: Sequence[str] = ()) -> Iterator[Finding]:
    """The findings of a rule, without those on excepted resources.

    Args:
        name: The name of the rule.
        resources: The resources of the stack.
        exceptions: URNs, or patterns of URNs such as ``*::legacy-*``.
    """
    for resource, message in RULES[name](resources):
        if not any(fnmatchcase(resource.urn, pattern) for pattern in exceptions):
            yield resource, message


def _wide_policy_findings(resource: Resource, arns: Sequence[Any]) -> Iterator[Finding]:
    for arn in arns:
        name = str(arn).rsplit("/", 1)[-1]
        if name in SSM_WIDE_POLICIES and ":iam::aws:policy/" in str(arn):
            options = f": {REPLACEMENT_OPTIONS[name]}" if name in REPLACEMENT_OPTIONS else ""
            instead = f"Use SsmInstanceProfile instead, with the options that you need{options}."
            yield resource, f"{name} is attached. {SSM_WIDE_POLICIES[name]} {instead}"


def _role_of(resource: Resource, roles: Sequence[Resource]) -> Resource | None:
    """The role of an attachment, inline policy or instance profile, or None if it is not in the stack."""
    return next(iter(_roles_of(resource, "role", roles)), None)


def _attached_to(resource: Resource, key: str, roles: Sequence[Resource]) -> list[Resource | None]:
    """The roles that a property names, with None for each role that is not in the stack or not known yet."""
    known = _roles_of(resource, key, roles)
    named = len(_as_list(resource.props.get(key))) or (1 if key in resource.sources else 0)
    return [*known, *[None] * (named - len(known))]


def _roles_of(resource: Resource, key: str, roles: Sequence[Resource]) -> list[Resource]:
    """The roles of the stack that a property names."""
    sources, named = resource.sources.get(key, frozenset()), _as_list(resource.props.get(key))
    return [
        role
        for role in roles
        if role.urn in sources or any(name in (role.props.get("name"), role.props.get("arn")) for name in named)
    ]


def _is_for_ec2(role: Resource) -> bool:
    """Whether EC2 can assume a role. A trust policy that is not known yet counts as if it allowed EC2."""
    trust = _document(role.props.get("assumeRolePolicy"))
    if trust is None:
        return True
    principals = [statement.get("Principal") for statement in _as_list(trust.get("Statement"))]
    services = [
        service
        for principal in principals
        if isinstance(principal, Mapping)
        for service in _as_list(principal.get("Service"))
    ]
    return any(service in (EC2, f"{EC2}.cn") for service in services)


def _statements(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """The statements of every permissions policy in a stack, each with its resource."""
    for each in resources:
        documents: list[Any] = [each.props.get("policy")] if each.type in (INLINE, MANAGED) else []
        if each.type == ROLE:
            documents = [inline.get("policy") for inline in each.props.get("inlinePolicies") or []]
        for document in documents:
            for statement in _as_list((_document(document) or {}).get("Statement")):
                if isinstance(statement, Mapping):
                    yield each, statement


def _document(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _reads_parameters(action: Any) -> bool:
    pattern = str(action).lower()
    names = ("ssm:getparameter", "ssm:getparameters", "ssm:getparametersbypath")
    return any(fnmatchcase(name, pattern) for name in names)


def _is_every_parameter(resource: Any) -> bool:
    arn = str(resource)
    return arn == "*" or (arn.startswith("arn:") and arn.split(":", 5)[-1] in ("*", "parameter*", "parameter/*"))
