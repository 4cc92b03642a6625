"""Connects the IAM resources of Terraform or Pulumi: roles with their policies, boundaries and instance profiles."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ssm_profile.iam.documents import as_list

from .found import FoundPolicy, FoundRole, Parts, map_of, placeholder, policy_of, text_of
from .parsing import parse_embedded

ROLE = "aws_iam_role"
POLICY = "aws_iam_policy"
DOCUMENT = "data.aws_iam_policy_document"
DATA_POLICY = "data.aws_iam_policy"


@dataclass(frozen=True)
class Resource:
    """A resource, or a data source."""

    address: str
    """``module.web.aws_iam_role.this["blue"]``"""
    type: str
    """``aws_iam_role``, or ``data.aws_iam_policy_document`` for a data source."""
    values: Mapping[str, Any]
    """The attributes that are known."""
    module: str = ""
    """``module.web``, or an empty string for the root module."""
    name: str = ""
    index: str | int | None = None


@dataclass(frozen=True)
class Document:
    """The content of a policy document."""

    content: Any
    """JSON data, or a text that says why it is not known."""
    unknown: tuple[str, ...] = ()


class References(Protocol):
    """What unknown attributes refer to."""

    def targets(self, resource: Resource, attribute: str) -> list[Resource]:
        """The resources and data sources to which an unknown attribute refers."""
        ...

    def names(self, resource: Resource, attribute: str) -> list[str]:
        """The unknown values on which an attribute depends: ``aws_s3_bucket.logs.arn``."""
        ...

    def document(self, resource: Resource) -> Document:
        """The content of a data source that is a policy document, also if its JSON is unknown."""
        ...

    def is_used(self, document: Resource) -> bool:
        """Whether a resource refers to the data source."""
        ...

    def is_deleted(self, role: str, policy: str) -> bool:
        """Whether an inline policy, by its name, or an attachment, by the policy's ARN, is being deleted."""
        ...


class NoReferences:
    """For input that has all values."""

    def targets(self, resource: Resource, attribute: str) -> list[Resource]:  # noqa: ARG002, D102
        return []

    def names(self, resource: Resource, attribute: str) -> list[str]:  # noqa: ARG002, D102
        return []

    def document(self, resource: Resource) -> Document:  # noqa: D102
        return Document(parse_embedded(resource.values.get("json"), resource.address))

    def is_used(self, document: Resource) -> bool:  # noqa: ARG002, D102
        return False

    def is_deleted(self, role: str, policy: str) -> bool:  # noqa: ARG002, D102
        return False


def connect_roles(resources: Iterable[Resource], references: References, name: str) -> list[FoundRole]:
    """The roles among resources, and the policies whose role is not among them.

    Args:
        resources: The resources. Those of other types are ignored.
        references: What unknown attributes refer to.
        name: The name of the file.
    """
    return _Connector(list(resources), references, name).roles()


class _Connector:
    def __init__(self, resources: list[Resource], references: References, name: str) -> None:
        self.name = name
        self.references = references
        self.resources = resources
        self.roles_by_address = {
            role.address: Parts(names=[text_of(role.values.get("name")), role.address]) for role in self._of(ROLE)
        }
        self.addresses_by_name = {
            text_of(role.values.get(key)): role.address for key in ("arn", "id", "name") for role in self._of(ROLE)
        }
        self.addresses_by_name.pop("", None)
        self.policies_by_arn = {
            text_of(policy.values.get("arn")): policy for kind in (DATA_POLICY, POLICY) for policy in self._of(kind)
        }
        self.others = dict[str, Parts]()
        self.attached = set[str]()
        self.inline_names = dict[str, set[str]]()
        """The names of the inline policies that are resources of their own, by the address of the role."""

    def roles(self) -> list[FoundRole]:
        """The roles, and after them the policies of other roles."""
        self._read_inline_policies()
        self._read_attachments()
        for role in self._of(ROLE):
            self._read_role(role, self.roles_by_address[role.address])
        for profile in self._of("aws_iam_instance_profile"):
            for parts in self._parts_of(profile, "role"):
                parts.add_profile(text_of(profile.values.get("name")) or profile.address)
        self._add_unattached_policies()
        self._add_unused_documents()
        found = {f"{self.name}, {address}": parts for address, parts in self.roles_by_address.items()}
        others = {
            other: parts for other, parts in self.others.items() if parts.policies or parts.arns or parts.left_out
        }
        return [parts.role(place) for place, parts in (found | others).items()]

    def _read_inline_policies(self) -> None:
        for policy in self._of("aws_iam_role_policy"):
            document = self._document(policy, "policy")
            for parts in self._parts_of(policy, "role", text_of(policy.values.get("name"))):
                parts.add_policy(self._place(policy), document.content, document.unknown)

    def _read_attachments(self) -> None:
        for attachment in self._of("aws_iam_role_policy_attachment"):
            for parts in self._parts_of(attachment, "role"):
                self._attach(parts, attachment, "policy_arn", attachment.values.get("policy_arn"))
        for attachment in self._of("aws_iam_policy_attachment"):
            for role in as_list(attachment.values.get("roles")):
                self._attach(self._named(text_of(role)), attachment, "policy_arn", attachment.values.get("policy_arn"))

    def _add_unattached_policies(self) -> None:
        for policy in self._of(POLICY):
            if policy.address not in self.attached:
                place, document = self._place(policy), self._document(policy, "policy")
                self.others.setdefault(place, Parts()).add_policy(place, document.content, document.unknown)

    def _of(self, kind: str) -> list[Resource]:
        return [each for each in self.resources if each.type == kind]

    def _place(self, resource: Resource) -> str:
        return f"{self.name}, {resource.address}"

    def _read_role(self, role: Resource, parts: Parts) -> None:
        trust = self._document(role, "assume_role_policy").content
        parts.trust = trust if isinstance(trust, Mapping) else None
        role_name = text_of(role.values.get("name"))
        own = self.inline_names.get(role.address, set())
        # The provider also reads inline policies and attachments here that are resources of their own.
        for number, inline in enumerate(map(map_of, as_list(role.values.get("inline_policy"))), 1):
            policy_name = text_of(inline.get("name")) or str(number)
            if policy_name in own or self.references.is_deleted(role_name, policy_name):
                continue
            place = f"{self._place(role)}, policy {policy_name}"
            if inline.get("policy"):
                parts.add_policy(place, parse_embedded(inline["policy"], place))
            elif "policy" not in inline and inline:
                parts.left_out.append(self._after_apply(place, self.references.names(role, "inline_policy")))
        if "inline_policy" not in role.values and (names := self.references.names(role, "inline_policy")):
            parts.left_out.append(self._after_apply(f"{self._place(role)}, inline policies", names))
        for arn in as_list(role.values.get("managed_policy_arns")):
            if not self.references.is_deleted(role_name, text_of(arn)):
                self._attach(parts, role, "managed_policy_arns", arn)
        if "managed_policy_arns" not in role.values and self.references.names(role, "managed_policy_arns"):
            self._attach(parts, role, "managed_policy_arns", None)
        self._read_boundary(role, parts)

    def _read_boundary(self, role: Resource, parts: Parts) -> None:
        arn = text_of(role.values.get("permissions_boundary")) or None
        policies = [self.policies_by_arn[arn]] if arn in self.policies_by_arn else []
        if "permissions_boundary" not in role.values and (names := self.references.names(role, "permissions_boundary")):
            arn = placeholder(" or ".join(names))
            policies = self._policies(role, "permissions_boundary")
        boundary: FoundPolicy | str | None = None
        if len(policies) == 1 and self._has_document(policies[0]):
            self.attached.add(policies[0].address)
            document = self._document(policies[0], "policy")
            boundary = policy_of(self._place(policies[0]), document.content, document.unknown)
        parts.set_boundary(boundary, arn)

    def _attach(self, parts: Parts, resource: Resource, attribute: str, arn: Any) -> None:
        """Attach a policy, by its ARN, or if that is unknown by reference."""
        if isinstance(arn, str):
            policies = [self.policies_by_arn[arn]] if arn in self.policies_by_arn else []
        else:
            policies = self._policies(resource, attribute)
        if len(policies) > 1:
            self.attached.update(each.address for each in policies)
            options = ", ".join(each.address for each in policies)
            parts.left_out.append(f"{self._place(resource)}, which attaches one or more of {options}")
            return
        for policy in policies:
            self.attached.add(policy.address)
            place = self._place(policy)
            if not self._has_document(policy):
                parts.arns.append(text_of(policy.values.get("arn"), placeholder(f"{policy.address}.arn")))
            elif all(each.name != place for each in parts.policies):
                document = self._document(policy, "policy")
                parts.add_policy(place, document.content, document.unknown)
        if not policies:
            names = self.references.names(resource, attribute) or [f"{resource.address}.{attribute}"]
            parts.arns.append(arn if isinstance(arn, str) else placeholder(" or ".join(names)))

    def _policies(self, resource: Resource, attribute: str) -> list[Resource]:
        return [each for each in self.references.targets(resource, attribute) if each.type in (POLICY, DATA_POLICY)]

    def _has_document(self, policy: Resource) -> bool:
        return policy.type == POLICY or "policy" in policy.values

    def _document(self, resource: Resource, attribute: str) -> Document:
        """The document in an attribute; if it is unknown, that of the data source to which the attribute refers."""
        if isinstance(text := resource.values.get(attribute), str):
            return Document(parse_embedded(text, self._place(resource)))
        documents = [each for each in self.references.targets(resource, attribute) if each.type == DOCUMENT]
        if len(documents) == 1:
            return self.references.document(documents[0])
        names = self.references.names(resource, attribute)
        return Document(placeholder(f"{' and '.join(names) or attribute}, known after apply"))

    def _after_apply(self, what: str, names: list[str]) -> str:
        return f"{what} ({' and '.join(names) or 'values'}, known after apply)"

    def _parts_of(self, resource: Resource, attribute: str, policy_name: str = "") -> list[Parts]:
        """The role that a resource names, or to which it refers."""
        role = resource.values.get(attribute)
        if isinstance(role, str) and role:
            return [self._named(role, policy_name)]
        roles = [each for each in self.references.targets(resource, attribute) if each.type == ROLE]
        if len(roles) == 1:
            self.inline_names.setdefault(roles[0].address, set()).add(policy_name)
            return [self.roles_by_address[roles[0].address]]
        if roles:
            for each in roles:
                self.roles_by_address[each.address].left_out.append(
                    f"{self._place(resource)}, which names one of several roles"
                )
            return []
        names = self.references.names(resource, attribute)
        return [self._named(placeholder(" or ".join(names) or f"{resource.address}.{attribute}"))]

    def _named(self, role: str, policy_name: str = "") -> Parts:
        address = self.addresses_by_name.get(role)
        if address is None:
            return self.others.setdefault(f"{self.name}, role {role}", Parts(names=[role]))
        self.inline_names.setdefault(address, set()).add(policy_name)
        return self.roles_by_address[address]

    def _add_unused_documents(self) -> None:
        """Add the policy documents that no resource uses, since a file can have nothing else."""
        documents = self._of(DOCUMENT)
        if not documents:
            return
        used = set[str]()
        for resource in self.resources:
            values = {key: each for key, each in resource.values.items() if resource.type != DOCUMENT or key != "json"}
            used.update(_normal(text) for text in _json_texts(values))
        for data in documents:
            if self.references.is_used(data) or _normal(text_of(data.values.get("json"))) in used:
                continue
            document = self.references.document(data)
            if isinstance(document.content, Mapping) and not _has_principal(document.content):
                place = self._place(data)
                self.others.setdefault(place, Parts()).add_policy(place, document.content, document.unknown)


def _json_texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        if value.lstrip().startswith("{"):
            yield value
    else:
        members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
        for member in members:
            yield from _json_texts(member)


def _normal(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _has_principal(document: Mapping[str, Any]) -> bool:
    return any(
        "Principal" in statement or "NotPrincipal" in statement
        for statement in map(map_of, as_list(document.get("Statement")))
    )
