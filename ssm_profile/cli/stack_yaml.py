"""Options as YAML for the file of a stack."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import yaml

from ssm_profile.options import OPTIONS, camel_case, option_paths
from ssm_profile.stack_config import PROJECT, config_key

from .report import Items, Paragraph, Part, code

_WORD = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
_NAMES = {name for path in option_paths() for name in path.split(".")}


def format_stack_config(options: Mapping[str, Any]) -> str:
    """The options as the ``config`` key of Pulumi.STACK.yaml."""
    config = {
        config_key(name, PROJECT): _written(_defaults(name) if value == {} else value)
        for name, value in options.items()
    }
    return yaml.safe_dump({"config": config}, sort_keys=False, default_flow_style=False, width=1000).rstrip()


def options_as_code(names: Iterable[str]) -> str:
    """The names of options or capabilities as the config of a stack writes them."""
    return ", ".join(code(camel_case(name)) for name in names)


def in_camel_case(text: str) -> str:
    """A text with the names of options as the config of a stack writes them."""
    return _WORD.sub(lambda word: camel_case(word[0]) if word[0] in _NAMES else word[0], text)


def format_covered(covered: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """What to say of capabilities that need no option of their own, because other options grant what they need."""
    if covered:
        yield Paragraph(
            "The options also cover these capabilities. Set the option of one that you use if you leave out an option "
            "that covers it:"
        )
        yield Items(tuple(f"{options_as_code([row['capability']])}: {options_as_code(row['by'])}" for row in covered))


def _written(value: Any) -> Any:
    """A value with the keys of its maps in camelCase."""
    if isinstance(value, Mapping):
        return {camel_case(key): entry for key, entry in cast("Mapping[str, Any]", value).items()}
    return [_written(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else value


def _defaults(name: str) -> dict[str, Any]:
    """The keys of a map with their defaults, since stack config counts an empty map as not given."""
    return {key: option.default for key, option in OPTIONS[name].keys.items() if option.default}
