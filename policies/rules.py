"""The rules as plain functions: from the resources of a stack to what is wrong with them."""

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

ATTACHING = {
    ATTACHMENT: ("role", "policyArn"),
    "aws:iam/policyAttachment:PolicyAttachment": ("roles", "policyArn"),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": ("roleName", "policyArns"),
}
"""What attaches managed policies to roles: the property with the roles, and that with the policies' ARNs."""

INSTEAD = {
    "AmazonEC2RoleforSSM": "state_manager, patching, distributor, parameters, session_logs and cloudwatch_agent",
    "AmazonSSMFullAccess": "those that name what the instances do",
    "AmazonSSMManagedEC2InstanceDefaultPolicy": "state_manager, patching, distributor and legacy_messaging",
    "AmazonSSMManagedInstanceCore": "parameters, state_manager, patching, distributor and legacy_messaging",
}
"""The options of SsmInstanceProfile that do what is used of each of AWS's wide policies."""


NAME_THE_PATHS = (
    "reads every parameter, passwords included. Name the paths that are read: SsmInstanceProfile with the option "
    'parameters, {"paths": ["/app/prod"]}.'
)
NO_SUCH_KEY = (
    "a condition on ssm:SourceInstanceARN locks every instance out: the key is not there in calls with the role of an "
    "instance profile. To bind credentials to their instance, SsmInstanceProfile has the options require_imdsv2 and "
    "vpc_endpoints_only."
)
LET_IT_WAIT = (
    ", so an instance can be launched without its permissions. Let it depend on them (dependsOn), as "
    "SsmInstanceProfile does by itself."
)


@dataclass(frozen=True)
class Resource:
    """A resource of a stack, as far as the rules ask about it. Properties that are not known yet are left out."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dependencies: frozenset[str] = frozenset()
    """The URNs of what is made before it."""
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """For each property the URNs of what its value comes from."""


Finding = tuple[Resource, str]
"""A resource, and what is wrong with it and what to do."""


def wide_policies(resources: Sequence[Resource]) -> Iterator[Finding]:
    """AWS's policies that grant Systems Manager as a whole, on roles that EC2 can assume, or may."""
    roles = [each for each in resources if each.type == ROLE]
    for each in resources:
        if each.type in ATTACHING:
            of_role, of_arn = ATTACHING[each.type]
            if any(role is None or _is_for_ec2(role) for role in _attached_to(each, of_role, roles)):
                yield from _wide(each, _listed(each.props.get(of_arn)))
        elif each.type == ROLE and _is_for_ec2(each):
            yield from _wide(each, each.props.get("managedPolicyArns") or [])


def parameters_everywhere(resources: Sequence[Resource]) -> Iterator[Finding]:
    """ssm:GetParameter and its like on every parameter."""
    for each, statement in _statements(resources):
        actions = [action for action in _listed(statement.get("Action")) if _reads_parameters(action)]
        if "NotAction" in statement and not any(map(_reads_parameters, _listed(statement["NotAction"]))):
            actions = [f"everything but {', '.join(map(str, _listed(statement['NotAction'])))}"]
        wide = [resource for resource in _listed(statement.get("Resource")) if _is_every_parameter(resource)]
        if "NotResource" in statement:
            wide = [f"everything but {', '.join(map(str, _listed(statement['NotResource'])))}"]
        if statement.get("Effect") == "Allow" and actions and wide:
            yield each, f"{', '.join(actions)} on {', '.join(wide)} {NAME_THE_PATHS}"


def source_instance_arn(resources: Sequence[Resource]) -> Iterator[Finding]:
    """ssm:SourceInstanceARN, which is never there in calls with an instance profile."""
    for each, statement in _statements(resources):
        condition = statement.get("Condition")
        keys = [key for entry in condition.values() for key in entry] if isinstance(condition, Mapping) else []
        if any(key.lower() == "ssm:sourceinstancearn" for key in keys):
            yield each, NO_SUCH_KEY


def profiles_before_policies(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Instance profiles that can be made, and launched with, before the policies of their role."""
    roles = [each for each in resources if each.type == ROLE]
    for profile in (each for each in resources if each.type == INSTANCE_PROFILE):
        role = _role_of(profile, roles)
        late = [
            each.name
            for each in resources
            if each.type in (INLINE, ATTACHMENT)
            and role is not None
            and _role_of(each, roles) is role
            and each.urn not in profile.dependencies
        ]
        if late:
            yield profile, f"it does not wait for {', '.join(late)}{LET_IT_WAIT}"


RULES: dict[str, Callable[[Sequence[Resource]], Iterator[Finding]]] = {
    "no-wide-ssm-policies": wide_policies,
    "no-parameters-everywhere": parameters_everywhere,
    "no-source-instance-arn": source_instance_arn,
    "profile-after-policies": profiles_before_policies,
}
"""Every rule by its name in the policy pack."""

ADVISORY = ("profile-after-policies",)
"""The rules that only advise, unless a configuration says otherwise."""


def findings(name: str, resources: Sequence[Resource], exceptions: Sequence[str] = ()) -> Iterator[Finding]:
    """What a rule finds, but for exceptions.

    Args:
        name: The rule.
        resources: The resources of the stack.
        exceptions: URNs or patterns of them, such as ``*::legacy-*``.
    """
    for resource, message in RULES[name](resources):
        if not any(fnmatchcase(resource.urn, pattern) for pattern in exceptions):
            yield resource, message


def _wide(resource: Resource, arns: Sequence[Any]) -> Iterator[Finding]:
    for arn in arns:
        name = str(arn).rsplit("/", 1)[-1]
        if name in SSM_WIDE_POLICIES and ":iam::aws:policy/" in str(arn):
            instead = f"In its location: SsmInstanceProfile, for what you use of it with the options {INSTEAD[name]}."
            yield resource, f"{name} is attached. {SSM_WIDE_POLICIES[name]} {instead}"


def _role_of(resource: Resource, roles: Sequence[Resource]) -> Resource | None:
    """The role of an attachment, an inline policy or a profile, if it is in the stack."""
    return next(iter(_roles_of(resource, "role", roles)), None)


def _attached_to(resource: Resource, key: str, roles: Sequence[Resource]) -> list[Resource | None]:
    """The roles that a property names; None for each that is not in the stack, or not known."""
    known = _roles_of(resource, key, roles)
    named = len(_listed(resource.props.get(key))) or (1 if key in resource.sources else 0)
    return [*known, *[None] * (named - len(known))]


def _roles_of(resource: Resource, key: str, roles: Sequence[Resource]) -> list[Resource]:
    """Those of the stack's roles that a property names."""
    sources, named = resource.sources.get(key, frozenset()), _listed(resource.props.get(key))
    return [
        role
        for role in roles
        if role.urn in sources or any(name in (role.props.get("name"), role.props.get("arn")) for name in named)
    ]


def _is_for_ec2(role: Resource) -> bool:
    """Whether EC2 can assume a role; what is not known is taken to be."""
    trust = _document(role.props.get("assumeRolePolicy"))
    if trust is None:
        return True
    principals = [statement.get("Principal") for statement in _listed(trust.get("Statement"))]
    services = [
        service
        for principal in principals
        if isinstance(principal, Mapping)
        for service in _listed(principal.get("Service"))
    ]
    return any(service in (EC2, f"{EC2}.cn") for service in services)


def _statements(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """The statements of every permissions policy in a stack."""
    for each in resources:
        texts: list[Any] = [each.props.get("policy")] if each.type in (INLINE, MANAGED) else []
        if each.type == ROLE:
            texts = [inline.get("policy") for inline in each.props.get("inlinePolicies") or []]
        for text in texts:
            for statement in _listed((_document(text) or {}).get("Statement")):
                if isinstance(statement, Mapping):
                    yield each, statement


def _document(text: Any) -> Mapping[str, Any] | None:
    if isinstance(text, str):
        try:
            text = json.loads(text)
        except ValueError:
            return None
    return text if isinstance(text, Mapping) else None


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _reads_parameters(action: Any) -> bool:
    pattern = str(action).lower()
    names = ("ssm:getparameter", "ssm:getparameters", "ssm:getparametersbypath")
    return any(fnmatchcase(name, pattern) for name in names)


def _is_every_parameter(resource: Any) -> bool:
    text = str(resource)
    return text == "*" or (text.startswith("arn:") and text.split(":", 5)[-1] in ("*", "parameter*", "parameter/*"))
