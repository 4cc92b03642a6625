"""The base of all resource types: the table of properties, names, tags, comparison."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pulumi.runtime.rpc import UNKNOWN

State = dict[str, Any]
"""The properties of a resource, with their names in the Pulumi schema."""

DEFAULTS = "__defaults"
"""The key of the list in which Pulumi keeps the names of inputs that the provider generated."""


@dataclass(frozen=True)
class Property:
    """The real provider's rules for an input property."""

    default: Any = None
    """The value in AWS if the property is omitted."""
    required: bool = False
    replaces: bool = False
    """Whether a change replaces the resource."""
    document: bool = False
    """Whether it is a policy document, which is compared as JSON and not as a string."""
    chosen_by_aws: bool = False
    """Whether AWS chooses the value if the property is omitted; it then stays."""

    def same(self, old: Any, new: Any) -> bool:
        """Whether two values are equal for AWS."""
        if self.chosen_by_aws and not new:
            return True
        old, new = (self.default if value is None else value for value in (old, new))
        if self.document and old != new:
            try:
                return bool(json.loads(old) == json.loads(new))
            except (TypeError, ValueError):  # one of them is unknown
                return False
        if isinstance(old, list) and isinstance(new, list):  # every list here is a set to AWS
            return sorted(map(_sortable, old)) == sorted(map(_sortable, new))
        return bool(old == new)


class PartlyCreatedError(Exception):
    """A resource exists, but a later step of its creation failed.

    Args:
        resource_id: The ID of the resource.
        cause: The error of the later step.
        unset_properties: The properties that may not be set yet.
    """

    def __init__(self, resource_id: str, cause: Exception, *unset_properties: str) -> None:
        super().__init__(str(cause))
        self.resource_id = resource_id
        self.cause = cause
        self.unset_properties = unset_properties


class ResourceType:
    """A type of resource: the table of its properties, and the calls that manage it.

    Args:
        client: A function that returns the boto3 client of a service, as in ``client("iam")``.
        default_tags: The provider's default tags.
    """

    type_name: ClassVar[str]
    """Its name in Pulumi, such as aws:iam/role:Role."""
    title: ClassVar[str]
    """The name in messages, such as "IAM Role"."""
    properties: ClassVar[Mapping[str, Property]]
    computed: ClassVar[tuple[str, ...]] = ()
    """Output properties that are not inputs."""
    name_property: ClassVar[str] = "name"
    """The property with the name, which Pulumi generates if it is omitted."""
    name_limit: ClassVar[int] = 0
    """The longest name in characters, or 0 if the resource has no name."""

    def __init__(self, client: Callable[[str], Any], default_tags: State) -> None:
        self.client = client
        self.default_tags = default_tags

    def create(self, inputs: State) -> str:
        """Create the resource and return its ID."""
        raise NotImplementedError

    def read(self, resource_id: str) -> State | None:
        """Return every property but ``tags`` as it is in AWS, or None if the resource does not exist."""
        raise NotImplementedError

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        """Change the properties that need no replacement."""
        raise NotImplementedError

    def delete(self, resource_id: str, state: State) -> None:
        """Detach the resource from others, so that AWS allows the deletion, and delete it."""
        raise NotImplementedError

    def check(self, urn_name: str, old: State, new: State, seed: bytes) -> tuple[State, State]:
        """Return the inputs with name and tags, and the problem of each invalid property."""
        inputs = {key: value for key, value in new.items() if key not in (DEFAULTS, "tagsAll")}
        failures: State = {
            key: f"the sandbox's fake AWS provider supports only {', '.join(self.properties)}"
            for key in inputs.keys() - self.properties.keys()
        }
        failures |= {
            key: "required" for key, rule in self.properties.items() if rule.required and inputs.get(key) is None
        }
        key = self.name_property
        if key in self.properties and not inputs.get(key):
            is_generated = key in old.get(DEFAULTS, [])
            suffix = f"{random.Random(seed).randrange(16**7):07x}"  # noqa: S311 - the engine requires the same name for a seed
            inputs |= {key: old[key] if is_generated else f"{urn_name}-{suffix}", DEFAULTS: [key]}
        if inputs.get(key, UNKNOWN) != UNKNOWN and len(inputs[key]) > self.name_limit:
            source = f'"{urn_name}" plus 7 random chars' if DEFAULTS in inputs else f'"{inputs[key]}"'
            failures[key] = f"{source} is longer than maximum length {self.name_limit}"
        if "tags" in self.properties:
            tags = inputs.get("tags") or {}
            inputs["tagsAll"] = UNKNOWN if tags == UNKNOWN else {**self.default_tags, **tags}
        return inputs, failures

    def changes(self, old: State, new: State) -> dict[str, bool]:
        """Return the properties that differ, and for each whether it requires a replacement."""
        differing = {
            key: rule.replaces
            for key, rule in self.properties.items()
            if key != "tags" and not rule.same(old.get(key), new.get(key))
        }
        if (old.get("tagsAll") or {}) != (new.get("tagsAll") or {}):
            differing["tagsAll"] = False
        return differing

    def state(self, resource_id: str) -> State | None:
        """Return every property as it is in AWS, or None if the resource does not exist."""
        state = self.read(resource_id)
        if state and "tags" in self.properties:
            state["tags"] = {
                key: value for key, value in state["tagsAll"].items() if self.default_tags.get(key) != value
            }
        return state

    def inputs_of(self, state: State) -> State:
        """Return the inputs that produce this state, for an import or a refresh."""
        inputs = {key: state[key] for key, rule in self.properties.items() if not rule.same(state.get(key), None)}
        return inputs | ({"tagsAll": state["tagsAll"]} if "tags" in self.properties else {})


def tag_list(tags: State) -> list[dict[str, str]]:
    """Convert tags to the form of AWS's APIs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(entity: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags in an API's response."""
    return {tag["Key"]: tag["Value"] for tag in entity.get("Tags", [])}


def _sortable(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True)
