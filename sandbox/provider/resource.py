"""The base of all resource types: their properties, names and tags, and how a change is detected."""

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .protocol import UNKNOWN

State = dict[str, Any]
"""A resource's properties, by their names in the Pulumi schema."""

DEFAULTS = "__defaults"
"""The key under which Pulumi stores the names of the inputs that the provider chose."""


@dataclass(frozen=True)
class Property:
    """How the real provider treats one input property."""

    default: Any = None
    """The value in AWS if the program sets none."""
    required: bool = False
    replaces: bool = False
    """Whether a change replaces the resource."""
    document: bool = False
    """Whether it is a policy document. Documents are compared as JSON values, not as strings."""
    chosen_by_aws: bool = False
    """Whether AWS chooses the value if the program sets none. That value then stays."""
    type: str = ""
    """The type in the schema. It may be left out if the default has it, or if it is "string"."""

    def is_equal(self, old: Any, new: Any) -> bool:
        """Whether two values are equivalent in AWS."""
        if self.chosen_by_aws and not new:
            return True
        old, new = (self.default if value is None else value for value in (old, new))
        if self.document and old != new:
            try:
                return bool(json.loads(old) == json.loads(new))
            except (TypeError, ValueError):  # one value is unknown in the preview
                return False
        if isinstance(old, list) and isinstance(new, list):  # AWS treats every list here as a set
            return sorted(map(_sort_key, old)) == sorted(map(_sort_key, new))
        return bool(old == new)


class PartlyCreatedError(Exception):
    """A resource exists, but a later step of its creation failed.

    Args:
        resource_id: The resource's ID.
        cause: The error of the later step.
        unset: The properties that AWS may not have yet.
    """

    def __init__(self, resource_id: str, cause: Exception, *unset: str) -> None:
        super().__init__(str(cause))
        self.resource_id = resource_id
        self.cause = cause
        self.unset = unset


class ResourceType:
    """One resource type: its properties, and the calls that manage a resource of it.

    Args:
        client: Returns the boto3 client of a service, as in ``client("iam")``.
        default_tags: The provider's default tags.
    """

    type_name: ClassVar[str]
    """The type's token in Pulumi, such as aws:iam/role:Role."""
    title: ClassVar[str]
    """The type's name in messages, such as "IAM Role"."""
    properties: ClassVar[Mapping[str, Property]]
    computed: ClassVar[tuple[str, ...]] = ()
    """The output properties that are not inputs."""
    name_property: ClassVar[str] = "name"
    """The property for which Pulumi generates a name, if the type has such a property."""
    name_limit: ClassVar[int] = 0
    """The maximum length of the name in characters, if the type has one."""
    deleted_before_replacement: ClassVar[bool] = False
    """Whether pulumi-aws asks the engine to delete a resource of this type before it creates the replacement."""

    def __init__(self, client: Callable[[str], Any], default_tags: State) -> None:
        self.client = client
        self.default_tags = default_tags

    def create(self, inputs: State) -> str:
        """Create the resource and return its ID."""
        raise NotImplementedError

    def read(self, resource_id: str) -> State | None:
        """Read the properties except ``tags`` from AWS. Returns None if the resource does not exist.

        A property that is not in the answer counts as unchanged.
        """
        raise NotImplementedError

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        """Update the changed properties in place."""
        raise NotImplementedError(f"The fake AWS provider cannot update {', '.join(changed)} of {self.type_name}.")

    def delete(self, resource_id: str, state: State) -> None:
        """Delete the resource. First remove what keeps AWS from deleting it."""
        raise NotImplementedError

    def check(self, urn_name: str, old: State, new: State, seed: bytes) -> tuple[State, State]:
        """The inputs with a name and all tags, and an error message for each invalid property."""
        inputs = {key: value for key, value in new.items() if key not in (DEFAULTS, "tagsAll")}
        failures: State = {
            key: unsupported_message("property", f"`{key}` of {self.type_name}", self.properties)
            for key in inputs.keys() - self.properties.keys()
        }
        failures |= {
            key: f"`{key}` is required."
            for key, known in self.properties.items()
            if known.required and inputs.get(key) is None
        }
        key = self.name_property
        if key in self.properties and not inputs.get(key):
            chosen_before = key in old.get(DEFAULTS, [])
            suffix = f"{random.Random(seed).randrange(16**7):07x}"  # noqa: S311 - the engine needs the same name again
            inputs |= {key: old[key] if chosen_before else f"{urn_name}-{suffix}", DEFAULTS: [key]}
        if inputs.get(key, UNKNOWN) != UNKNOWN and len(inputs[key]) > self.name_limit:
            name = f'"{urn_name}" plus 7 random chars' if DEFAULTS in inputs else f'"{inputs[key]}"'
            failures[key] = f"{name} is longer than maximum length {self.name_limit}"
        if "tags" in self.properties:
            tags = inputs.get("tags") or {}
            inputs["tagsAll"] = UNKNOWN if tags == UNKNOWN else {**self.default_tags, **tags}
        return inputs, failures

    def changes(self, old: State, new: State) -> dict[str, bool]:
        """The changed properties, and for each whether its change replaces the resource."""
        differing = {
            key: known.replaces
            for key, known in self.properties.items()
            if key != "tags" and not known.is_equal(old.get(key), new.get(key))
        }
        if (old.get("tagsAll") or {}) != (new.get("tagsAll") or {}):
            differing["tagsAll"] = False
        return differing

    def is_deleted_first(self, new: State) -> bool:
        """Whether a resource that is replaced is deleted before its replacement is created.

        A program option overrides it. AWS refuses a second resource with the same name, so Pulumi's bridge to Terraform
        deletes a resource with a given name first, even if the name changes (``nameRequiresDeleteBeforeReplace``).
        """
        has_given_name = bool(new.get(self.name_property)) and self.name_property not in new.get(DEFAULTS, [])
        return self.deleted_before_replacement or (self.name_property in self.properties and has_given_name)

    def given(self, inputs: State, *without: str) -> State:
        """The properties that have a value, without their tags and without those that a caller names."""
        return {
            key: inputs[key]
            for key in self.properties
            if key not in ("tags", *without) and inputs.get(key) not in (None, [], {})
        }

    def state(self, resource_id: str) -> State | None:
        """Read all properties from AWS. Returns None if the resource does not exist."""
        state = self.read(resource_id)
        if state and "tags" in self.properties:
            state["tags"] = {
                key: value for key, value in state["tagsAll"].items() if self.default_tags.get(key) != value
            }
        return state

    def inputs_of(self, state: State) -> State:
        """The inputs that lead to this state. An import or a refresh stores them."""
        inputs = {key: state[key] for key, known in self.properties.items() if not known.is_equal(state.get(key), None)}
        return inputs | ({"tagsAll": state["tagsAll"]} if "tags" in self.properties else {})


def unsupported_message(kind: str, name: str, supported: Iterable[str]) -> str:
    """The error message for a property, resource type or function that the fake provider does not support."""
    return (
        f"The fake AWS provider does not support the {kind} {name}. Run with the real provider (`--provider real`), "
        f"or use one of these: {', '.join(supported)}."
    )


def tag_list(tags: State) -> list[dict[str, str]]:
    """Convert tags to the form of AWS's requests."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(entity: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an entity in AWS's response."""
    return {tag["Key"]: tag["Value"] for tag in entity.get("Tags", [])}


def to_aws(value: Any, names: Mapping[str, str] = {}) -> Any:
    """A value in the form of AWS's requests: the keys of dictionaries in PascalCase, whole numbers as integers.

    Args:
        value: A value of a property, or a dictionary of properties.
        names: AWS's names for the keys that are named in another way.
    """
    if isinstance(value, dict):
        return {names.get(key, key[0].upper() + key[1:]): to_aws(entry, names) for key, entry in value.items()}
    if isinstance(value, list):
        return [to_aws(entry, names) for entry in value]
    return int(value) if isinstance(value, float) else value


def _sort_key(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True)
