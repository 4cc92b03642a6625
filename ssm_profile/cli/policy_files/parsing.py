"""Reads the data of a text: JSON, or YAML with the tags of CloudFormation."""

import json
import re
from typing import Any
from urllib.parse import unquote

import yaml

from ssm_profile.errors import InputError

DEEPEST = 100
"""The most levels of objects and lists that are read."""
MOST_VALUES = 1_000_000
"""The most values that YAML can have after its aliases are expanded."""

ACCEPTED = (
    "Pass a policy document in JSON or YAML, the output of an AWS CLI command that prints policies, a CloudFormation "
    "template, the output of `terraform show -json`, or a Terraform state"
)

_SURROGATES = re.compile("[\ud800-\udfff]")


def parse(text: str, name: str) -> Any:
    """The data of a text: JSON, also several values one after the other; URL-encoded JSON; or YAML.

    YAML is read by the rules of version 1.2, so ``2012-10-17`` and ``on`` are strings. A tag of CloudFormation such as
    ``!Ref`` becomes the object for which it stands.

    Args:
        text: The text.
        name: The name of the text in error messages.

    Returns:
        JSON data. For several values, their list.

    Raises:
        InputError: If the text is neither, has a key twice, or is too deep.
    """
    # No output can encode a lone surrogate, and IAM accepts none.
    text = _SURROGATES.sub("\ufffd", text.removeprefix("\ufeff"))
    start = text.lstrip()[:3]
    if not start:
        raise InputError(f"{name} is empty. {ACCEPTED}.")
    if start.upper() == "%7B":
        text = unquote(text)
        start = "{"
    try:
        values = _json_values(text)
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:
        if start[0] in "{[":
            raise InputError(f"{name} is not JSON ({error}). {describe(text)}") from None
        values = _yaml_values(text, name)
    data = values[0] if len(values) == 1 else values
    return _checked(data, name)


def parse_embedded(value: Any, name: str) -> Any:
    """The data of a policy document in another document. IAM's API and Terraform have it as text, also URL-encoded.

    Args:
        value: The text. Another value is returned unchanged, as is a text that is not JSON.
        name: The name of the document in error messages.

    Raises:
        InputError: If the document has a key twice, or is too deep.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        values = _json_values(unquote(text) if text[:3].upper() == "%7B" else text)
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError:
        return value
    return _checked(values[0], name) if len(values) == 1 else value


class _Object(dict[str, Any]):
    """A JSON object with a key that it has twice."""

    duplicate = ""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    marked, seen = _Object(members), set[str]()
    for key, _ in pairs:
        if key in seen:
            marked.duplicate = key
            break
        seen.add(key)
    return marked


def _no_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _json_values(text: str) -> list[Any]:
    """One or more JSON values, with white space between them.

    Raises:
        ValueError: If the text is something else.
        RecursionError: If a value is too deep.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)
    space = re.compile(r"\s*")
    values, position = list[Any](), len(text) - len(text.lstrip())
    while position < len(text):
        value, end = decoder.raw_decode(text, position)
        values.append(value)
        position = len(space.match(text, end)[0]) + end  # pyright: ignore[reportOptionalSubscript]
        if len(values) > 1 and not all(isinstance(each, dict | list) for each in (values[0], value)):
            raise json.JSONDecodeError("Extra data", text, end)
    return values


_Path = tuple[Any, str | int] | None
"""The path of the container and the key in it. Joined only for an error, since a key can be as long as the file."""


def _checked(data: Any, name: str) -> Any:
    """Refuse a key that is there twice, and too many levels. Replace lone surrogates, which JSON can escape."""
    if not isinstance(data, dict | list):
        return _without_surrogates(data)
    level: list[tuple[_Path, Any]] = [(None, data)]
    for _ in range(DEEPEST):
        below = list[tuple[_Path, Any]]()
        for path, container in level:
            if isinstance(container, _Object):
                raise _duplicate(name, container.duplicate, path)
            members: list[tuple[Any, Any]] = list(
                enumerate(container) if isinstance(container, list) else container.items()
            )
            for key, value in members:
                if isinstance(value, dict | list):
                    below.append(((path, key), value))
                else:
                    container[key] = _without_surrogates(value)
                if isinstance(key, str) and _SURROGATES.search(key):
                    _rename(container, key)
        level = below
        if not level:
            return data
    raise _too_deep(name)


def _rename(container: Any, key: str) -> None:
    container[_without_surrogates(key)] = container.pop(key)


def _without_surrogates(value: Any) -> Any:
    return _SURROGATES.sub("\ufffd", value) if isinstance(value, str) else value


def _duplicate(name: str, key: str, path: _Path, line: int | None = None) -> InputError:
    parts = list[str]()
    while path is not None:
        path, part = path
        parts.append(f"[{part}]" if isinstance(part, int) else f".{part[:80]}")
    place = f" in {''.join(reversed(parts)).removeprefix('.')}" if parts else ""
    at = f" (line {line})" if line is not None else ""
    return InputError(
        f"{name} has the key {json.dumps(_without_surrogates(key[:80]), ensure_ascii=False)} twice{place}{at}. "
        "Readers disagree on which one counts. Remove one of them, or merge them."
    )


def _too_deep(name: str) -> InputError:
    return InputError(f"{name} is nested too deeply: it has more than {DEEPEST} levels. {ACCEPTED}.")


_YAML = "tag:yaml.org,2002:"
_FUNCTIONS = frozenset(
    {"And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Length"}
    | {"Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform"}
)


_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML without libyaml has the second only


class _Loader(_FastLoader):
    """Composes nodes. The plain scalars of YAML 1.2 have a type, and no others, such as the dates of version 1.1."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML defines the type


for _tag, _pattern, _starts in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,99})", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?", "-+0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"{_YAML}{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_starts))


def _yaml_values(text: str, name: str) -> list[Any]:
    """The documents of YAML.

    Raises:
        InputError: If the text is not YAML.
    """
    loader = None
    try:
        loader = _Loader(text)
        nodes = list[Any]()
        while loader.check_node():
            nodes.append(loader.get_node())
        reader = _NodeReader(name)
        return [reader.value(node, None, 0) for node in nodes] or [None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not text"
        raise InputError(f"{name} is neither JSON nor YAML ({problem}{at}). {describe(text)}") from None
    except (RecursionError, MemoryError):
        raise _too_deep(name) from None
    finally:
        if loader is not None:
            loader.dispose()


class _NodeReader:
    """Makes data of the nodes of YAML. Counts the values, since each alias of a list repeats all that is in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def value(self, node: Any, path: _Path, depth: int) -> Any:
        """The value of a node."""
        self.count += 1
        if self.count > MOST_VALUES:
            raise InputError(f"{self.name} has more than {MOST_VALUES:,} values, the most that is read. {ACCEPTED}.")
        if depth > DEEPEST:  # also the end of an alias that contains itself
            raise _too_deep(self.name)
        function = node.tag.removeprefix("!")
        if node.tag.startswith("!") and (function in _FUNCTIONS or function in ("Ref", "Condition")):
            return self._function(function, node, path, depth)
        if not node.tag.startswith(_YAML):
            raise self._tag_error(node)
        kind = node.tag.removeprefix(_YAML)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(kind, node)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return self._list(node, path, depth)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._map(node, path, depth)
        raise self._tag_error(node)

    def _function(self, function: str, node: Any, path: _Path, depth: int) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value: Any = node.value
            if function == "GetAtt":
                value = str(value).split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = self._list(node, path, depth)
        else:
            value = self._map(node, path, depth)
        return {function if function in ("Ref", "Condition") else f"Fn::{function}": value}

    def _list(self, node: Any, path: _Path, depth: int) -> list[Any]:
        return [self.value(each, (path, number), depth + 1) for number, each in enumerate(node.value)]

    def _map(self, node: Any, path: _Path, depth: int) -> dict[str, Any]:
        own, merged = dict[str, Any](), dict[str, Any]()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise InputError(
                    f"{self.name}, line {key_node.start_mark.line + 1}: a key must be a string, and it is a list or a "
                    "map here. Correct the YAML."
                )
            if key_node.tag == f"{_YAML}merge":
                is_list = isinstance(value_node, yaml.SequenceNode)
                for each in value_node.value if is_list else [value_node]:
                    other = self.value(each, path, depth + 1)
                    merged = {**other, **merged} if isinstance(other, dict) else merged
                continue
            key = str(key_node.value)
            if key in own:
                raise _duplicate(self.name, key, path, key_node.start_mark.line + 1)
            own[key] = self.value(value_node, (path, key), depth + 1)
        return {**merged, **own}

    def _scalar(self, kind: str, node: Any) -> Any:
        text = str(node.value)
        if kind in ("bool", "null"):
            return {"t": True, "f": False}.get(text[:1].lower())
        try:
            number = {"int": int, "float": float}.get(kind, str)(text)
        except ValueError:
            return text
        if kind in ("int", "float", "str", "timestamp", "binary", "merge"):
            return number
        raise self._tag_error(node)

    def _tag_error(self, node: Any) -> InputError:
        tag = node.tag.replace(_YAML, "!!")[:80]
        return InputError(
            f"{self.name}, line {node.start_mark.line + 1}: the tag {tag} is not known. Use JSON, or YAML with the "
            "tags of CloudFormation such as !Ref and !Sub."
        )


_TERRAFORM = (
    "It seems to be a Terraform configuration. Pass its plan: run `terraform plan -out plan`, and pass the output of "
    "`terraform show -json plan`."
)
_CDK = "It seems to be the source of a CDK app. Run `cdk synth`, and pass the template in the folder cdk.out."
_PULUMI = "It seems to be the source of a Pulumi program. Pass the output of `pulumi stack export`."
# Each pattern takes linear time: no repetition can match across the start of another.
_LOOKS = {
    r'^[ \t+~#/-]*(?:resource|data)[ \t]+"[^"\n]*"[ \t]+"': _TERRAFORM,
    r'^[ \t]*(?:module|provider|variable|output)[ \t]+"[^"\n]*"[ \t]*\{': _TERRAFORM,
    r"^[ \t]*(?:terraform|locals)[ \t]*\{": _TERRAFORM,
    r"\baws[-_]cdk": _CDK,
    r"@pulumi/|\bimport pulumi|\bpulumi_aws\b": _PULUMI,
    r"\A[ \t]*<": "It seems to be XML or HTML. Pass what the AWS CLI prints with `--output json`.",
    r"\A[ \t]*(?://|/\*)": "It seems to be JSON with comments. Remove them.",
}
_JSON_LOOKS = {
    r"[{\[,:][ \t]*'|:[ \t]*(?:None|True|False)\b": (
        "It seems to be a Python dict. Pass what `json.dumps` makes of it."
    ),
    r"^[ \t]*(?://|/\*|#)|[{}\[\],][ \t]*(?://|/\*|#)": "It seems to be JSON with comments. Remove them.",
    r",\s*[}\]]": "It seems to be JSON with a comma before a closing bracket. Remove the comma.",
}


def describe(text: str) -> str:
    """What a text that is not data seems to be, and what can be used instead, in sentences."""
    start = text.lstrip()[:100_000]
    looks = _JSON_LOOKS if start[:1] in ("{", "[") else _LOOKS
    return next((each for pattern, each in looks.items() if re.search(pattern, start, re.MULTILINE)), f"{ACCEPTED}.")
