"""Finds the roles of a CloudFormation template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssm_profile.iam.documents import as_list

from .found import FoundPolicy, FoundRole, Parts, map_of, policy_of, text_of
from .intrinsics import Resolver, is_function, reference, references

_ROLE = "AWS::IAM::Role"
_MANAGED = "AWS::IAM::ManagedPolicy"
_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", _MANAGED)
_PROFILE = "AWS::IAM::InstanceProfile"


@dataclass(frozen=True)
class _Resource:
    id: str
    type: str
    properties: Mapping[str, Any]
    condition: str | None

    def text(self, key: str) -> str:
        """A property that is a string, with placeholders."""
        return text_of(Resolver().resolve(self.properties.get(key)))


def is_template(data: Mapping[str, Any]) -> bool:
    """Whether an object is a template."""
    resources = data.get("Resources")
    return isinstance(resources, Mapping) and (
        "AWSTemplateFormatVersion" in data
        or "Transform" in data
        or any(isinstance(each, Mapping) and "Type" in each for each in resources.values())
        or any(str(key).startswith("Fn::") for key in resources)
    )


def find_template_roles(template: Mapping[str, Any], name: str) -> list[FoundRole]:
    """The roles of a template, and the policies whose role is not in it.

    A policy, or a statement, that exists only under a condition is left out. A policy under the same condition as its
    role is not: if there is the role, there is the policy.

    Args:
        template: The data of the template.
        name: The name of the file.
    """
    return _Template(template, name).roles()


class _Template:
    def __init__(self, template: Mapping[str, Any], name: str) -> None:
        self.name = name
        resources = map_of(template.get("Resources"))
        self.resources = {
            str(key): _Resource(
                id=str(key),
                type=text_of(value.get("Type")),
                properties=map_of(
                    Resolver().resolve(value["Properties"])
                    if is_function(value.get("Properties"))
                    else value.get("Properties")
                ),
                condition=value["Condition"] if isinstance(value.get("Condition"), str) else None,
            )
            for key, value in resources.items()
            if isinstance(value, Mapping)
        }
        self.loops = [str(key) for key in resources if str(key).startswith("Fn::")]
        self.roles_by_id = {each.id: Parts(names=[each.text("RoleName"), each.id]) for each in self._of(_ROLE)}
        self.others = dict[str, Parts]()
        """The policies of roles that are not in the template, by the role's name or by the policy."""
        self.attached = set[str]()
        """The managed policies that a role of the template has."""

    def roles(self) -> list[FoundRole]:
        for role in self._of(_ROLE):
            self._read_role(role, self.roles_by_id[role.id])
        for kind in _POLICIES:
            for policy in self._of(kind):
                self._read_policy(policy)
        for profile in self._of(_PROFILE):
            for role in as_list(profile.properties.get("Roles")):
                for parts in self._parts_of(role):
                    parts.add_profile(profile.text("InstanceProfileName") or profile.id)
        for loop in self.loops:
            for parts in (*self.roles_by_id.values(), *self.others.values()):
                parts.left_out.append(f"{self.name}, resources of {loop}")
        return [
            *(parts.role(self._place(role)) for role, parts in self.roles_by_id.items()),
            *(parts.role(role) for role, parts in self.others.items() if parts.policies or parts.left_out),
        ]

    def _of(self, kind: str) -> list[_Resource]:
        return [each for each in self.resources.values() if each.type == kind]

    def _place(self, resource: str) -> str:
        return f"{self.name}, resource {resource}"

    def _read_role(self, role: _Resource, parts: Parts) -> None:
        place, properties = self._place(role.id), role.properties
        trust = Resolver().resolve(properties.get("AssumeRolePolicyDocument"))
        parts.trust = trust if isinstance(trust, Mapping) else None
        for key in ("Policies", "ManagedPolicyArns"):
            if is_function(properties.get(key)):
                parts.left_out.append(f"{place}, {key} ({_shown(properties[key])})")
        for number, inline in enumerate(_elements(properties, "Policies"), 1):
            if is_function(inline) or not isinstance(inline, Mapping):
                parts.left_out.append(f"{place}, policy {number} ({_shown(inline)})")
            else:
                policy_name = text_of(Resolver().resolve(inline.get("PolicyName"))) or str(number)
                _add(parts, f"{place}, policy {policy_name}", inline.get("PolicyDocument"))
        for attached in _elements(properties, "ManagedPolicyArns"):
            self._attach(attached, role, parts)
        boundary = properties.get("PermissionsBoundary")
        arn = text_of(Resolver().resolve(boundary)) or None
        policy = self.resources.get(reference(boundary) or "")
        if policy is not None and policy.type == _MANAGED and policy.condition in (None, role.condition):
            self.attached.add(policy.id)
            parts.set_boundary(_read(self._place(policy.id), policy.properties.get("PolicyDocument")), arn)
        else:
            parts.set_boundary(None, arn)

    def _attach(self, attached: Any, role: _Resource, parts: Parts) -> None:
        """Attach a managed policy that a role names."""
        policy = self.resources.get(reference(attached) or "")
        if policy is not None and policy.type == _MANAGED:
            self.attached.add(policy.id)
            self._add_conditional(policy, role.condition, parts)
        elif is_function(attached) and next(iter(attached)) == "Fn::If":
            self.attached |= references(attached)
            parts.left_out.append(f"{self._place(role.id)}, attached policy ({_shown(attached)})")
        elif arn := text_of(Resolver().resolve(attached)):
            parts.arns.append(arn)

    def _read_policy(self, policy: _Resource) -> None:
        roles = [*_elements(policy.properties, "Roles"), *_elements(policy.properties, "RoleName")]
        if is_function(policy.properties.get("Roles")):
            roles = [policy.properties["Roles"]]
        for role in roles:
            for parts in self._parts_of(role):
                own = next((key for key, each in self.roles_by_id.items() if each is parts), None)
                self._add_conditional(policy, self.resources[own].condition if own else policy.condition, parts)
        if not roles and policy.id not in self.attached:
            parts = self.others.setdefault(self._place(policy.id), Parts())
            self._add_conditional(policy, policy.condition, parts)

    def _add_conditional(self, policy: _Resource, condition: str | None, parts: Parts) -> None:
        place = self._place(policy.id)
        if policy.condition not in (None, condition):
            parts.left_out.append(f"{place} (Condition {policy.condition})")
        elif all(each.name != place for each in parts.policies):  # a policy and its role can name each other
            _add(parts, place, policy.properties.get("PolicyDocument"))

    def _parts_of(self, role: Any) -> list[Parts]:
        """The roles to which a value refers, by reference or by name."""
        if (known := reference(role)) in self.roles_by_id:
            return [self.roles_by_id[known]]
        if is_function(role) and next(iter(role)) == "Fn::If":
            possible = [parts for key, parts in self.roles_by_id.items() if key in references(role)]
            for parts in possible:
                parts.left_out.append(f"{self.name}, policies of a role ({_shown(role)})")
            return [] if possible else [self._other(_shown(role))]
        role_name = text_of(Resolver().resolve(role))
        by_name = [
            parts
            for key, parts in self.roles_by_id.items()
            if role_name and self.resources[key].text("RoleName") == role_name
        ]
        return by_name or [self._other(role_name)]

    def _other(self, role: str) -> Parts:
        return self.others.setdefault(f"{self.name}, role {role}", Parts(names=[role]))


def _elements(properties: Mapping[str, Any], key: str) -> list[Any]:
    """The elements of a property that is a list, without those that are ``AWS::NoValue``."""
    value = properties.get(key)
    if key != "RoleName" and is_function(value):
        return []
    return [each for each in as_list(value) if each != {"Ref": "AWS::NoValue"}]


def _read(name: str, document: Any) -> FoundPolicy | str:
    resolver = Resolver()
    return policy_of(name, resolver.resolve(document), resolver.unknown)


def _add(parts: Parts, name: str, document: Any) -> None:
    resolver = Resolver()
    resolved = resolver.resolve(document)
    parts.add_policy(name, resolved, resolver.unknown)


def _shown(value: Any) -> str:
    resolved = Resolver().resolve(value)
    return resolved.strip("${}") if isinstance(resolved, str) else "not an object"
