"""Finds the roles of a stack of Pulumi, as ``pulumi stack export`` prints it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ssm_profile.iam.documents import as_list

from .found import FoundRole, map_of, text_of
from .resources import NoReferences, Resource, connect_roles

# Pulumi's provider is made of Terraform's: the same resources, with names in camel case.
_TYPES = {
    "aws:iam/role:Role": "aws_iam_role",
    "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "aws:iam/policy:Policy": "aws_iam_policy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "aws_iam_role_policy_attachment",
    "aws:iam/policyAttachment:PolicyAttachment": "aws_iam_policy_attachment",
    "aws:iam/instanceProfile:InstanceProfile": "aws_iam_instance_profile",
}
_PLURALS = {"inline_policies": "inline_policy"}


def is_export(data: Mapping[str, Any]) -> bool:
    """Whether an object is an exported stack, or a file in which Pulumi keeps the state of a stack."""
    return bool(_resources(data)) or "deployment" in data


def find_stack_roles(data: Mapping[str, Any], name: str) -> list[FoundRole]:
    """The roles of a stack.

    Args:
        data: The data of the export.
        name: The name of the file.
    """
    return connect_roles(_iam_resources(data), NoReferences(), name)


def _resources(data: Mapping[str, Any]) -> list[Any]:
    latest = map_of(map_of(data.get("checkpoint")).get("latest"))
    return as_list(map_of(data.get("deployment") or latest).get("resources"))


def _iam_resources(data: Mapping[str, Any]) -> Iterator[Resource]:
    for each in map(map_of, _resources(data)):
        kind = _TYPES.get(text_of(each.get("type")))
        if kind and each.get("delete") is not True:  # a resource that was replaced and is not deleted yet
            values = _snake_case(each.get("outputs") or each.get("inputs"))
            yield Resource(_address(each), kind, map_of(values))


def _address(resource: Mapping[str, Any]) -> str:
    return f"{text_of(resource.get('type'))} {text_of(resource.get('urn')).rsplit('::', 1)[-1]}"


def _snake_case(value: Any) -> Any:
    if isinstance(value, Mapping):
        names = {key: re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", str(key)) for key in value}
        return {_PLURALS.get(names[key], names[key]): _snake_case(each) for key, each in value.items()}
    return [_snake_case(each) for each in value] if isinstance(value, list) else value
