"""The schema of the fake provider's resource types. Pulumi YAML and the generators of SDKs ask for it."""

from collections.abc import Iterable
from typing import Any

from .resource import Property, ResourceType

_TYPES = {bool: "boolean", int: "integer", list: "array", dict: "object"}
_ANY = {"$ref": "pulumi.json#/Any"}
_COMPUTED = {"latestVersion": Property(type="integer"), "tagsAll": Property(default={})}
"""The computed properties that are not strings."""

_CONFIG = {
    "allowedAccountIds": Property(type="array"),
    "assumeRoles": Property(type="array"),
    "defaultTags": Property(type="object"),
    "maxRetries": Property(type="integer"),
    "region": Property(),
}


def package_schema(version: str, types: Iterable[type[ResourceType]]) -> dict[str, Any]:
    """The schema in Pulumi's format. It has no functions, and no types for what is in maps and lists.

    Args:
        version: The version of the package.
        types: The resource types.
    """
    config = {name: property_schema(rule) for name, rule in _CONFIG.items()}
    return {
        "name": "aws",
        "version": version,
        "meta": {"moduleFormat": "(.*)(?:/[^/]*)"},  # aws:s3/bucket:Bucket is Bucket in the module s3
        "language": {"go": {"importBasePath": "github.com/pulumi/pulumi-aws/sdk/v7/go/aws"}},
        "provider": {"inputProperties": config},
        "resources": {known.type_name: _resource_schema(known) for known in types},
    }


def property_schema(rule: Property) -> dict[str, Any]:
    """The schema of a property."""
    kind = rule.type or _TYPES.get(type(rule.default), "string")
    # A map with a default has strings, such as `tags`.
    values = {"type": "string"} if rule.default == {} else _ANY
    items = {"array": {"items": _ANY}, "object": {"additionalProperties": values}}
    return {"type": kind, **items.get(kind, {})}


def _resource_schema(known: type[ResourceType]) -> dict[str, Any]:
    inputs = {name: property_schema(rule) for name, rule in known.properties.items()}
    computed = {name: property_schema(_COMPUTED.get(name, Property())) for name in known.computed}
    return {
        "inputProperties": inputs,
        "requiredInputs": [name for name, rule in known.properties.items() if rule.required],
        "properties": computed | inputs,
        "required": [*known.computed, *inputs],
    }
