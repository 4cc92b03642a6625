"""What all resource types have in common: their table of properties, naming, tagging, comparing."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pulumi.runtime.rpc import UNKNOWN

State = dict[str, Any]
"""A resource's properties by their names in the Pulumi schema."""

DEFAULTS = "__defaults"
"""The key under which Pulumi keeps the names of inputs that the provider chose."""


@dataclass(frozen=True)
class Property:
    """How the real provider treats one input property."""

    default: Any = None
    """What AWS has when the property is not given."""
    required: bool = False
    replaces: bool = False
    """Whether a change makes a new resource in place of an update."""
    document: bool = False
    """Whether it is a policy document, which is compared by meaning and not by its text."""
    chosen_by_aws: bool = False
    """Whether AWS chooses a value, which then stays, where none is given."""

    def same(self, old: Any, new: Any) -> bool:
        """Whether two values mean the same to AWS."""
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
        resource_id: Its ID.
        cause: What failed.
        undone: The properties that it may not have yet.
    """

    def __init__(self, resource_id: str, cause: Exception, *undone: str) -> None:
        super().__init__(str(cause))
        self.resource_id = resource_id
        self.cause = cause
        self.undone = undone


class ResourceType:
    """One type of resource: a table of its properties, and the calls that manage it.

    Args:
        client: Makes the boto3 client of a service, as in ``client("iam")``.
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
    """The property with the name that Pulumi chooses, where the resource has one."""
    name_limit: ClassVar[int] = 0
    """How long the name may be, where it has one."""

    def __init__(self, client: Callable[[str], Any], default_tags: State) -> None:
        self.client = client
        self.default_tags = default_tags

    def create(self, inputs: State) -> str:
        """Create the resource and give its ID."""
        raise NotImplementedError

    def read(self, resource_id: str) -> State | None:
        """Every property but ``tags`` as AWS has it, or nothing where the resource does not exist."""
        raise NotImplementedError

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        """Change what can change in place."""
        raise NotImplementedError

    def delete(self, resource_id: str, state: State) -> None:
        """Delete the resource, after detaching what keeps AWS from deleting it."""
        raise NotImplementedError

    def check(self, urn_name: str, old: State, new: State, seed: bytes) -> tuple[State, State]:
        """The inputs with name and tags completed, and what is wrong with which property."""
        inputs = {key: value for key, value in new.items() if key not in (DEFAULTS, "tagsAll")}
        wrong: State = {
            key: f"unknown to the sandbox's fake AWS provider, which knows {', '.join(self.properties)}"
            for key in inputs.keys() - self.properties.keys()
        }
        wrong |= {
            key: "required" for key, known in self.properties.items() if known.required and inputs.get(key) is None
        }
        key = self.name_property
        if key in self.properties and not inputs.get(key):
            chosen_before = key in old.get(DEFAULTS, [])
            suffix = f"{random.Random(seed).randrange(16**7):07x}"  # noqa: S311 - the engine wants it repeatable
            inputs |= {key: old[key] if chosen_before else f"{urn_name}-{suffix}", DEFAULTS: [key]}
        if inputs.get(key, UNKNOWN) != UNKNOWN and len(inputs[key]) > self.name_limit:
            whose = f'"{urn_name}" plus 7 random chars' if DEFAULTS in inputs else f'"{inputs[key]}"'
            wrong[key] = f"{whose} is longer than maximum length {self.name_limit}"
        if "tags" in self.properties:
            tags = inputs.get("tags") or {}
            inputs["tagsAll"] = UNKNOWN if tags == UNKNOWN else {**self.default_tags, **tags}
        return inputs, wrong

    def changes(self, old: State, new: State) -> dict[str, bool]:
        """The properties that differ, and for each whether it needs a replacement."""
        differing = {
            key: known.replaces
            for key, known in self.properties.items()
            if key != "tags" and not known.same(old.get(key), new.get(key))
        }
        if (old.get("tagsAll") or {}) != (new.get("tagsAll") or {}):
            differing["tagsAll"] = False
        return differing

    def state(self, resource_id: str) -> State | None:
        """Every property as AWS has it, or nothing where the resource does not exist."""
        state = self.read(resource_id)
        if state and "tags" in self.properties:
            state["tags"] = {
                key: value for key, value in state["tagsAll"].items() if self.default_tags.get(key) != value
            }
        return state

    def inputs_of(self, state: State) -> State:
        """The inputs that give this state: what an import or a refresh starts from."""
        inputs = {key: state[key] for key, known in self.properties.items() if not known.same(state.get(key), None)}
        return inputs | ({"tagsAll": state["tagsAll"]} if "tags" in self.properties else {})


def tag_list(tags: State) -> list[dict[str, str]]:
    """Tags as AWS's APIs take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(entity: Mapping[str, Any]) -> dict[str, str]:
    """The tags of something that an API gave."""
    return {tag["Key"]: tag["Value"] for tag in entity.get("Tags", [])}


def _sortable(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True)
