"""YAML as Pulumi reads it.

PyYAML follows YAML 1.1, in which ``yes`` is true, ``1:30`` is 90 and the last of two equal keys wins. Pulumi reads
``yes`` and ``1:30`` as strings, and refuses equal keys.

Source: https://github.com/go-yaml/yaml/blob/v3/resolve.go
"""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ssm_profile.errors import InputError

from .policy_files import read_text

_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "merge": r"<<",
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "timestamp": r"\d{4}-\d{1,2}-\d{1,2}(?: \d{1,2}:\d{1,2}:\d{1,2}|[Tt]\d{1,2}:\d{1,2}:\d{1,2}Z)?",
    "int": r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|[1-9][0-9_]*|0)",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
}
"""The plain scalars that are not strings, in the order in which they are tried."""

_WIDEST_INTEGER = 1e21
"""From here on, Pulumi writes a number with an exponent."""


def read_yaml(file: Path) -> dict[str, Any]:
    """The map in a file.

    Raises:
        InputError: If the file cannot be read, or is no YAML map.
    """
    try:
        document = yaml.load(read_text(str(file)), _Loader)  # noqa: S506 - it is a safe loader
        json.dumps(document, default=str)  # fails if a value contains itself
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{file} is not YAML: {error}.") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InputError(f"{file} must be a YAML map with keys, as Pulumi writes it.")
    return document


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar = {}

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark
                    )
                keys.add(key.value)
        return node


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    return int(re.sub(r"^([-+]?0)(?=[0-7])", r"\1o", text), 0)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    number = float(loader.construct_scalar(node))
    return int(number) if abs(number) < _WIDEST_INTEGER and number.is_integer() else number


def _time(loader: _Loader, node: yaml.ScalarNode) -> str:
    """The text that Go writes, since config has no times."""
    text = str(loader.construct_scalar(node))
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    year, month, day, hour, minute, second = [*numbers, 0, 0, 0][:6]
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} +0000 UTC"


for _name, _pattern in _SCALARS.items():
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), None)
_Loader.add_constructor(f"{_TAG}int", _integer)
_Loader.add_constructor(f"{_TAG}float", _number)
_Loader.add_constructor(f"{_TAG}timestamp", _time)
