"""Finds the roles in the output of ``aws iam get-account-authorization-details``."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ssm_profile.iam.documents import as_list

from .found import FoundPolicy, FoundRole, Parts, map_of, policy_of, text_of
from .parsing import parse_embedded

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+")
_KEYS = ("RoleDetailList", "Policies", "UserDetailList", "GroupDetailList")


def is_details(data: Any) -> bool:
    """Whether an object is a page of the output."""
    return (
        isinstance(data, Mapping) and "Statement" not in data and any(isinstance(data.get(key), list) for key in _KEYS)
    )


def find_account_roles(pages: Iterable[Mapping[str, Any]], name: str) -> list[FoundRole]:
    """The roles of an account.

    Args:
        pages: The pages of the output. A policy can be on another page than its role.
        name: The name of the file.
    """
    pages = list(pages)
    policies = (map_of(policy) for page in pages for policy in as_list(page.get("Policies")))
    documents = documents_of(policies)
    roles = (map_of(role) for page in pages for role in as_list(page.get("RoleDetailList")))
    return [found_role(role, documents, f"{name}, role {role_name(role)}") for role in roles]


def role_name(role: Mapping[str, Any]) -> str:
    """The name of a role in the output."""
    return text_of(role.get("RoleName"), "without a name")


def documents_of(policies: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The default documents of the managed policies in the output by ARN. None where it is not known which one counts.

    A policy without its versions is left out.
    """
    listed = (policy for policy in policies if policy.get("PolicyVersionList"))
    return distinct_documents((text_of(policy.get("Arn")), default_document(policy)) for policy in listed)


def default_document(policy: Mapping[str, Any]) -> Any:
    """The document of the default version of a managed policy in the output. None if there are several."""
    versions = [map_of(version) for version in as_list(policy.get("PolicyVersionList"))]
    defaults = [version.get("Document") for version in versions if version.get("IsDefaultVersion") is True]
    return distinct_documents(("", document) for document in defaults).get("")


def distinct_documents(found: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The documents of policies by ARN. Of a policy with two different documents, None: which one counts is not known.

    Args:
        found: The ARNs and documents.
    """
    documents = dict[str, Any]()
    for arn, document in found:
        documents[arn] = document if documents.get(arn, document) == document else None
    return documents


def policy_arns(role: Mapping[str, Any]) -> Iterator[str]:
    """The ARNs of the managed policies of a role in the output, and of its permissions boundary."""
    for attached in map(map_of, as_list(role.get("AttachedManagedPolicies"))):
        yield text_of(attached.get("PolicyArn"))
    yield text_of(map_of(role.get("PermissionsBoundary")).get("PermissionsBoundaryArn"))


def found_role(role: Mapping[str, Any], documents: Mapping[str, Any], place: str) -> FoundRole:
    """A role of the output.

    Args:
        role: The role.
        documents: The default documents of the managed policies, by ARN. None where it is not known which one counts.
        place: Where the role is, for messages and names of policies.
    """
    arn = text_of(role.get("Arn"))
    ambiguous = [arn for arn in policy_arns(role) if arn in documents and documents[arn] is None]
    parts = Parts(arn=arn if _ROLE_ARN.fullmatch(arn) else None, ambiguous_arns=ambiguous)
    parts.names.append(text_of(role.get("RoleName")))
    for inline in map(map_of, as_list(role.get("RolePolicyList"))):
        policy_name = f"{place}, policy {text_of(inline.get('PolicyName'))}"
        parts.add_policy(policy_name, parse_embedded(inline.get("PolicyDocument"), policy_name))
    for attached in map(map_of, as_list(role.get("AttachedManagedPolicies"))):
        arn = text_of(attached.get("PolicyArn"))
        if documents.get(arn) is None:
            parts.arns.append(arn)
        else:
            parts.read_arns.append(arn)
            parts.add_policy(f"{place}, policy {arn}", parse_embedded(documents[arn], f"policy {arn}"))
    if arn := text_of(map_of(role.get("PermissionsBoundary")).get("PermissionsBoundaryArn")):
        boundary: FoundPolicy | str | None = None
        if documents.get(arn) is not None:
            boundary = policy_of(f"{place}, policy {arn}", parse_embedded(documents[arn], f"policy {arn}"))
        parts.set_boundary(boundary, arn)
    trust = parse_embedded(role.get("AssumeRolePolicyDocument"), f"{place}, trust policy")
    parts.trust = trust if isinstance(trust, Mapping) else None
    if isinstance(role.get("InstanceProfileList"), list):
        parts.profiles = []
        for profile in map(map_of, role["InstanceProfileList"]):
            parts.add_profile(text_of(profile.get("InstanceProfileName")))
    return parts.role(place)
