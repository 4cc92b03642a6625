"""Resources of a stack as the rules read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ssm_profile.iam.documents import as_list


class Unknown(Enum):
    """A value that is known only after the resource that it comes from is created."""

    UNKNOWN = "not known yet"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, eq=False)
class Resource:
    """The parts of a resource that the rules read."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The properties as plain values, with :data:`UNKNOWN` for each value that is not known yet."""
    dependencies: frozenset[str] = frozenset()
    """The URNs of the resources that are created before it."""
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """For each property, the URNs of the resources that its value comes from."""
    parent: str | None = None
    """The URN of its parent."""

    def prop(self, key: str) -> Any:
        """The value of a property: None if there is none, :data:`UNKNOWN` if it comes from a resource to be created."""
        value = self.props.get(key)
        return UNKNOWN if value is None and self.sources.get(key) else value

    def entries(self, key: str) -> list[Any]:
        """The entries of a property that is a list. A single value stands for a list with one entry."""
        return as_list(self.prop(key))


def to_plain(value: Any) -> Any:
    """A value of pulumi_policy as plain dicts and lists, with :data:`UNKNOWN` for each value that is not known yet."""
    if isinstance(value, Mapping):
        return {str(key): _entry(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_entry(value, number) for number in range(len(value))]
    return value


def has_unknown(value: Any) -> bool:
    """Whether a value is not known yet, or contains one that is not."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def _entry(container: Any, key: Any) -> Any:
    try:
        entry = container[key]
    except Exception:  # noqa: BLE001 - pulumi_policy raises an error of its own for a value that is not known yet
        return UNKNOWN
    return to_plain(entry)
