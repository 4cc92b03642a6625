"""From the keys and strings of stack config to options. Pure functions, without Pulumi."""

import json
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, cast

from .errors import Mistake
from .options import OPTIONS, Option, OptionType, camel_case
from .regions import partition_of
from .validation import (
    Label,
    find_bucket_mistakes,
    find_mistakes,
    find_partition_mistakes,
    format_value,
    unknown_key,
    unknown_option,
)

PROJECT = "ssm-profile"
"""The name of this project, with which the keys in its own stack files begin."""

PROTECT = "protect"
"""The key of the program itself: whether it protects all resources of the component from deletion."""


def config_key(option: str, project: str) -> str:
    """The stack config key of an option, or of ``option.key``: ``quiet_agent`` is ``ssm-profile:quietAgent``."""
    return f"{project}:{camel_case(option)}"


def parse_config(
    config: Mapping[str, str], project: str, secret_keys: Collection[str] = ()
) -> tuple[dict[str, Any], list[Mistake]]:
    """The options in stack config by their names in Python, and every mistake. An empty value counts as not given.

    Args:
        config: The keys and values as Pulumi passes them to a program: ``{"ssm-profile:quietAgent": "true"}``.
        project: The name of the project, with which the keys begin.
        secret_keys: The keys whose values are not shown.
    """
    label = partial(config_key, project=project)
    types: dict[str, OptionType] = {PROTECT: "boolean", **{name: option.type for name, option in OPTIONS.items()}}
    names = {label(name): name for name in types}
    own = {key: text for key, text in config.items() if key.startswith(f"{project}:")}
    values = {names[key]: _parse_value(types[names[key]], text) for key, text in own.items() if key in names}
    unknown = [unknown_option(key, names) for key in own if key not in names]
    unknown += _keys_of_this_project_elsewhere(config, project)
    for name, option in OPTIONS.items():
        if not option.keys or name not in values:
            continue
        if option.is_list_of_maps and isinstance(values[name], list):
            entries = enumerate(values[name])
            named = [_with_names(f"{name}[{number}]", option, each, label) for number, each in entries]
            values[name] = [entry for entry, _ in named]
            unknown += [mistake for _, mistakes in named for mistake in mistakes]
        else:
            values[name], mistakes = _with_names(name, option, values[name], label)
            unknown += mistakes
    options = {name: value for name, value in values.items() if value not in ("", [], {})}

    secret = [names[key] for key in secret_keys if key in names]
    mistakes = find_mistakes({name: value for name, value in options.items() if name != PROTECT}, label, secret)
    if not isinstance(options.get(PROTECT, False), bool):
        got = "a secret value" if PROTECT in secret else format_value(options[PROTECT])
        mistakes.append(Mistake(label(PROTECT), f"must be true or false (got {got})"))
    return options, [*mistakes, *_region_mistakes(options, config.get("aws:region"), project, secret), *unknown]


def _with_names(path: str, option: Option, value: Any, label: Label) -> tuple[Any, list[Mistake]]:
    """A map with the names of its keys in Python, and the mistake of each key that it does not have."""
    if not isinstance(value, dict):
        return value, []
    keys = {label(f"{path}.{key}"): key for key in option.keys}
    written = {f"{label(path)}.{key}": entry for key, entry in cast("dict[str, Any]", value).items()}
    named = {keys[key]: entry for key, entry in written.items() if key in keys}
    return named, [unknown_key(key, list(keys)) for key in written if key not in keys]


def _region_mistakes(
    options: Mapping[str, Any], region: str | None, project: str, secret: Collection[str]
) -> list[Mistake]:
    """The mistakes of options that do not fit the region of the stack."""
    if not region:
        return []
    label = partial(config_key, project=project)
    mistakes: list[Mistake] = []
    if not find_partition_mistakes(options):  # which parse_config reports
        mistakes += find_partition_mistakes(options, label, partition_of(region), secret)
    if options.get("managed_buckets") is True:
        mistakes += find_bucket_mistakes(region, label)
    return mistakes


def _keys_of_this_project_elsewhere(config: Mapping[str, str], project: str) -> list[Mistake]:
    """The keys of a project that was renamed. Pulumi passes over them, and with them over what they protect."""
    if project == PROJECT:
        return []
    return [
        Mistake(key, f"belongs to project {PROJECT}, but this project is {project}. Rename it to `{project}:{name}`")
        for key in config
        if (name := key.removeprefix(f"{PROJECT}:")) != key
    ]


def _parse_value(option_type: OptionType, text: str) -> Any:
    """The value of a config string. A string that does not parse is kept, and the rules refuse it."""
    if option_type == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
