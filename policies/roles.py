"""The roles of a stack, each with the policies that the stack gives it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from resources import UNKNOWN, Resource, has_unknown

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.trust import is_for_ec2


class _RoleKeys(NamedTuple):
    """The properties of a role, by type of resource."""

    name: str
    trust: str
    inline_policies: str
    document: str
    """The property of an entry of ``inline_policies`` that has its document."""
    policy_name: str


class _PolicyKeys(NamedTuple):
    """The properties of a policy, by type of resource."""

    document: str
    roles: str | None = None
    others: tuple[str, ...] = ()
    """The users and groups that have the policy."""
    arn: str | None = None
    name: str = "name"


class _AttachmentKeys(NamedTuple):
    """The properties of an attachment of managed policies, by type of resource."""

    roles: str | None
    arns: str
    others: tuple[str, ...] = ()


_ROLES = {
    "aws:iam/role:Role": _RoleKeys("name", "assumeRolePolicy", "inlinePolicies", "policy", "name"),
    "aws-native:iam:Role": _RoleKeys(
        "roleName", "assumeRolePolicyDocument", "policies", "policyDocument", "policyName"
    ),
}
_MANAGED_ARNS, _BOUNDARY = "managedPolicyArns", "permissionsBoundary"

_USERS = ("users", "groups")
_POLICIES = {
    "aws:iam/rolePolicy:RolePolicy": _PolicyKeys("policy", "role"),
    "aws:iam/policy:Policy": _PolicyKeys("policy", arn="arn"),
    "aws-native:iam:RolePolicy": _PolicyKeys("policyDocument", "roleName", name="policyName"),
    "aws-native:iam:Policy": _PolicyKeys("policyDocument", "roles", _USERS, name="policyName"),
    "aws-native:iam:ManagedPolicy": _PolicyKeys("policyDocument", "roles", _USERS, "policyArn"),
}
_ATTACHMENTS = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _AttachmentKeys("role", "policyArn"),
    "aws:iam/policyAttachment:PolicyAttachment": _AttachmentKeys("roles", "policyArn", _USERS),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": _AttachmentKeys("roleName", "policyArns"),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": _AttachmentKeys(None, "policyArn", ("user",)),
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": _AttachmentKeys(None, "policyArn", ("group",)),
}
_PROFILES = {
    "aws:iam/instanceProfile:InstanceProfile": "role",
    "aws-native:iam:InstanceProfile": "roles",
}
TYPES = frozenset([*_ROLES, *_POLICIES, *_ATTACHMENTS, *_PROFILES])
"""The types of resources whose properties the rules read."""


@dataclass(eq=False)
class Policy:
    """A policy of the stack: a resource, or an inline policy of a role."""

    resource: Resource
    statements: tuple[Statement, ...] | None
    """None if the document is not known yet, or if it cannot be read."""
    arn: Any = None
    """The ARN of a managed policy."""
    roles: "list[Role]" = field(default_factory=list["Role"])
    """The roles of the stack that have it."""
    is_used: bool = False
    """Whether something of the stack uses it: a role, a user or a group, or a role as its permissions boundary."""
    is_outside: bool = False
    """Whether a role that is not in the stack has it."""


@dataclass(eq=False)
class Role:
    """A role of the stack."""

    resource: Resource
    is_for_ec2: bool | None
    """Whether EC2 can assume it. None if the trust policy is not known yet, or if it cannot be read."""
    policies: dict[Policy, None] = field(default_factory=dict[Policy, None])
    """Its policies that are in the stack: the keys."""
    attached: dict[str, list[Resource]] = field(default_factory=dict[str, list[Resource]])
    """The ARNs of its managed policies, each with the resources that attach it."""
    givers: dict[object, list[Resource]] = field(default_factory=dict[object, list[Resource]])
    """The resources that give it a policy, by policy. The role has the policy after the first of them."""
    boundary: Policy | None = None
    """Its permissions boundary, if that is in the stack."""
    is_boundary_unknown: bool = False
    """Whether it is not known yet which permissions boundary it has."""

    @property
    def is_known(self) -> bool:
        """Whether the documents of all its policies in the stack, and of its boundary, are known."""
        boundary = () if self.boundary is None else (self.boundary,)
        policies = (*self.policies, *boundary)
        return not self.is_boundary_unknown and all(each.statements is not None for each in policies)


class Stack:
    """The roles, policies and instance profiles of a stack. It takes time in proportion to the number of resources."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        """Find the roles of a stack and their policies.

        Args:
            resources: The resources of the stack.
        """
        self.resources = resources
        self.roles: list[Role] = []
        self.policies: list[Policy] = []
        self.unreadable: list[tuple[Resource, str]] = []
        """The resources with a policy that cannot be read, each with the reason."""
        self.attached_outside: list[tuple[Resource, str]] = []
        """The attachments to roles that are not in the stack, each with the ARN of a managed policy."""
        self._roles, self._managed = _Index[Role](), _Index[Policy]()
        by_type: dict[str, list[Resource]] = {}
        for each in resources:
            by_type.setdefault(each.type, []).append(each)
        for kinds, add in (
            (_ROLES, self._add_role),
            (_POLICIES, self._add_policy),
            (_ATTACHMENTS, self._add_attachment),
        ):
            for kind, keys in kinds.items():
                for each in by_type.get(kind, ()):
                    add(each, keys)
        for each in self.roles:
            self._add_properties(each, _ROLES[each.resource.type])

    def profiles(self) -> Iterator[tuple[Resource, list[Role]]]:
        """The instance profiles, each with its role if that is in the stack."""
        for each in self.resources:
            if each.type in _PROFILES:
                yield each, self._roles.find(each, _PROFILES[each.type]).found

    def _add_role(self, resource: Resource, keys: _RoleKeys) -> None:
        document = self._document(resource, resource.prop(keys.trust))
        for_ec2 = None
        try:
            for_ec2 = None if document is None else is_for_ec2(document, "The trust policy")
        except InputError as error:
            self.unreadable.append((resource, str(error)))
        role = Role(resource, for_ec2)
        self.roles.append(role)
        self._roles.add(role, resource, keys.name, "arn")

    def _add_policy(self, resource: Resource, keys: _PolicyKeys) -> None:
        policy = Policy(resource, self._statements(resource, resource.prop(keys.document)))
        self.policies.append(policy)
        if keys.arn:
            policy.arn = resource.props.get(keys.arn)
            self._managed.add(policy, resource, keys.arn)
        if keys.roles:
            roles = self._roles.find(resource, keys.roles)
            self._use(policy, roles, is_used=any(map(resource.entries, keys.others)))
            for role in roles.found:
                role.givers.setdefault(policy, []).append(resource)

    def _add_attachment(self, resource: Resource, keys: _AttachmentKeys) -> None:
        managed = self._managed.find(resource, keys.arns)
        roles = self._roles.find(resource, keys.roles) if keys.roles else _Found[Role]([], [], is_waiting=False)
        for policy in managed.found:
            self._use(policy, roles, is_used=any(map(resource.entries, keys.others)))
        arns = [*managed.outside, *(each.arn for each in managed.found if isinstance(each.arn, str))]
        given = [*managed.found, *managed.outside] or [resource]
        for role in roles.found:
            for arn in arns:
                role.attached.setdefault(arn, []).append(resource)
            for each in given:
                role.givers.setdefault(each, []).append(resource)
        if roles.outside:
            self.attached_outside += [(resource, arn) for arn in arns]

    def _add_properties(self, role: Role, keys: _RoleKeys) -> None:
        """Add the policies that are properties of the role.

        After a refresh, the state of a role lists every policy that it has, also those of other resources.
        """
        resource = role.resource
        managed = self._managed.find(resource, _MANAGED_ARNS)
        for policy in managed.found:
            self._use(policy, _Found([role], [], is_waiting=False))
        for arn in (*managed.outside, *(each.arn for each in managed.found if isinstance(each.arn, str))):
            role.attached.setdefault(arn, [resource])
        names = [_inline_name(each.resource) for each in role.policies]
        for entry in resource.entries(keys.inline_policies):
            fields = entry if isinstance(entry, Mapping) else {keys.document: entry}
            name, value = fields.get(keys.policy_name), fields.get(keys.document)
            if value and not (isinstance(name, str) and name in names):
                role.policies[Policy(resource, self._statements(resource, value), is_used=True)] = None
        boundaries = self._managed.find(resource, _BOUNDARY)
        for policy in boundaries.found:
            policy.is_used = True
            role.boundary = policy
        role.is_boundary_unknown = boundaries.is_waiting and not boundaries.found

    def _use(self, policy: Policy, roles: "_Found[Role]", *, is_used: bool = False) -> None:
        policy.is_used |= is_used or roles.is_waiting or bool(roles.found)
        policy.is_outside |= bool(roles.outside)
        for role in roles.found:
            if policy not in role.policies:
                role.policies[policy] = None
                policy.roles.append(role)

    def _statements(self, resource: Resource, value: Any) -> tuple[Statement, ...] | None:
        document = self._document(resource, value)
        if document is None:
            return None
        try:
            return statements_of(document, "The policy")
        except InputError as error:
            self.unreadable.append((resource, str(error)))
            return None

    def _document(self, resource: Resource, value: Any) -> Any:
        """The value of the JSON of a document. None if there is none, or if it is not known yet."""
        if value is None or has_unknown(value):
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            self.unreadable.append((resource, f"A policy document is not JSON ({error})."))
            return None


def _inline_name(resource: Resource) -> Any:
    """The name of an inline policy. None for a managed policy."""
    keys = _POLICIES[resource.type]
    return None if keys.arn else resource.props.get(keys.name)


_T = TypeVar("_T", Role, Policy)


class _Found(NamedTuple, Generic[_T]):
    """What a property refers to."""

    found: list[_T]
    """What is in the stack."""
    outside: list[str]
    """The names of what is not in the stack."""
    is_waiting: bool
    """Whether it refers to something that is not known yet, and that is not in the stack."""


class _Index(Generic[_T]):
    """Roles or policies by the names that other resources have for them."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[_T]] = {}
        self._by_urn: dict[str, _T] = {}
        self._unnamed: dict[str, _T] = {}

    def add(self, item: _T, resource: Resource, *keys: str) -> None:
        """Add a role or a policy with the properties that other resources refer to."""
        names = {name for key in keys if isinstance(name := resource.props.get(key), str)}
        for name in names:
            self._by_name.setdefault(name, []).append(item)
        self._by_urn[resource.urn] = item
        if not names:
            self._unnamed[resource.urn] = item

    def find(self, resource: Resource, key: str) -> _Found[_T]:
        """Find what a property of a resource refers to."""
        urns = sorted(resource.sources.get(key, ()))
        sources = [self._by_urn[urn] for urn in urns if urn in self._by_urn]
        entries = resource.entries(key)
        # In a list, nothing says which entry it is that comes from a resource whose own name is not known.
        unnamed = [self._unnamed[urn] for urn in urns if urn in self._unnamed and len(entries) == 1]
        found, outside, is_waiting = dict[_T, None](), list[str](), False
        for entry in entries:
            # The same name can be in several accounts.
            named = self._by_name.get(entry, []) if isinstance(entry, str) else []
            chosen = [each for each in named if each in sources] or named
            if chosen:
                found |= dict.fromkeys(chosen)
            elif not isinstance(entry, str):
                is_waiting = is_waiting or entry is UNKNOWN
            elif unnamed:
                found |= dict.fromkeys(unnamed)
            else:
                outside.append(entry)
        if is_waiting and sources:
            return _Found(list(found | dict.fromkeys(sources)), outside, is_waiting=False)
        return _Found(list(found), outside, is_waiting)
