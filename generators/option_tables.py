"""The options and outputs in documents and in Pulumi.yaml: tables and keys that cog writes into them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ssm_profile.catalogue import CAPABILITIES, EXPLICIT_DENIES
from ssm_profile.component import OUTPUTS
from ssm_profile.descriptions import option_descriptions, output_descriptions
from ssm_profile.options import OPTIONS, OptionType, camel_case, option_at
from ssm_profile.policy import GRANTING
from ssm_profile.stack_config import PROTECT

_TYPES: dict[OptionType, str] = {"boolean": "bool", "string": "str", "array": "list", "object": "map"}
_EMPTY: dict[OptionType, Any] = {"boolean": False, "string": "", "array": [], "object": {}}
"""The value in Pulumi.yaml of an option without a default. Without one, Pulumi asks for a value in each stack."""

_PROTECT_DESCRIPTION = "Protect the role, its policy and the instance profile from deletion."


def permission_options() -> str:
    """The options that grant or deny something, as a Markdown table."""
    names = [each.name for each in (*CAPABILITIES, *EXPLICIT_DENIES) if each.name in OPTIONS]
    return _option_table(sorted(names, key=list(OPTIONS).index))


def resource_options() -> str:
    """The options that shape the role, the instance profile and their policies, as a Markdown table."""
    return _option_table(name for name in OPTIONS if name not in GRANTING)


def outputs() -> str:
    """The outputs of the component and of the program, as a Markdown table."""
    rows = [(f"`{name}`", f"`{camel_case(name)}`", output_descriptions()[name]) for name in OUTPUTS]
    return _table(("component", "stack output", "description"), rows)


def pulumi_yaml_config() -> str:
    """The keys below ``config`` in Pulumi.yaml."""
    lines: list[str] = []
    for name, option in OPTIONS.items():
        default = _EMPTY[option.type] if option.default is None else option.default
        # An empty list stands for the default one, so that a stack can say that it wants the default.
        entries: OptionType = "object" if option.is_list_of_maps else "string"
        shown = [] if option.type == "array" else default
        lines += _config_key(name, option.type, shown, _config_description(name), entries)
    lines += _config_key(PROTECT, "boolean", default=False, description=_PROTECT_DESCRIPTION)
    return "\n".join(lines)


def _option_table(names: Iterable[str]) -> str:
    rows = [row for name in names for row in _option_rows(name)]
    return _table(("option", "stack config", "type", "default", "description"), rows)


def _option_rows(name: str) -> Iterator[tuple[str, ...]]:
    yield _option_row(name)
    yield from (_option_row(f"{name}.{key}") for key in OPTIONS[name].keys)


def _option_row(path: str) -> tuple[str, ...]:
    option = option_at(path)
    default = f"`{json.dumps(option.default)}`" if option.default is not None else ""
    requires = f" Requires {' and '.join(f'`{each}`' for each in option.requires)}." if option.requires else ""
    indent = "&nbsp;&nbsp;" if "." in path else ""
    return (
        f"{indent}`{path}`",
        f"`{camel_case(path)}`",
        "list of maps" if option.is_list_of_maps else _TYPES[option.type],
        default,
        option_descriptions()[path].replace("|", r"\|") + requires,
    )


def _config_description(name: str) -> str:
    option = OPTIONS[name]
    requires = f" Requires {' and '.join(map(camel_case, option.requires))}." if option.requires else ""
    keys = f" Keys: {', '.join(map(camel_case, option.keys))}." if option.keys else ""
    return f"{option_descriptions()[name]}{requires}{keys}"


def _config_key(
    name: str, option_type: OptionType, default: Any, description: str, entries: OptionType = "string"
) -> Iterator[str]:
    yield f"  {camel_case(name)}:"
    yield f"    type: {option_type}"
    if option_type == "array":
        yield "    items:"
        yield f"      type: {entries}"
    yield f"    default: {json.dumps(default)}"
    yield f"    description: {json.dumps(description)}"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
