"""From stack config to the component's args, with every mistake in one error."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pulumi
from pulumi.runtime import config as stack_config

from .catalogue import PATCH_BUCKET_SUFFIXES
from .component import SsmInstanceProfileArgs
from .options import OPTIONS, Kind, camel_case, find_mistakes, find_name_mistakes, find_other_partitions, unknown_key
from .policy import SHORTEST_LOCATION, find_size_mistakes, partition_of, policy_document, unknown_buckets

PROJECT = "ssm-profile"
"""The project's own name, with which the keys in this repository's files begin."""

PROTECT = "protect"
"""The program's own key: whether the component's resources are protected from deletion."""


@dataclass(frozen=True)
class Settings:
    """What the stack config asks for."""

    args: SsmInstanceProfileArgs
    protect: bool


def read_settings(component_name: str) -> Settings:
    """Read the whole config of the current stack; an empty value counts as not given.

    Args:
        component_name: The component's name, which is checked beside the config.

    Raises:
        pulumi.RunError: If anything is wrong. The text has a line for each mistake, and Pulumi shows no traceback.
    """
    # pulumi.Config answers for keys that one asks for; only here are those that nobody asks for.
    config: dict[str, str] = {**stack_config.get_config_env(), **stack_config.CONFIG.get()}
    project = pulumi.get_project()
    options, mistakes = parse_config(config, project)
    mistakes = find_name_mistakes(component_name, options, partial(config_key, project=project)) + mistakes
    if not mistakes:
        mistakes = find_size_mistakes(options, policy_document(options, SHORTEST_LOCATION))
    if mistakes:
        raise pulumi.RunError("\n  ".join(["The stack config cannot be used; nothing was changed:", *mistakes]))
    protect = options.pop(PROTECT, False)
    args = {
        name: pulumi.Output.secret(value)
        if OPTIONS[name].accepts_outputs and stack_config.is_config_secret(config_key(name, project))
        else value
        for name, value in options.items()
    }
    return Settings(cast("SsmInstanceProfileArgs", args), protect)


def parse_config(config: Mapping[str, str], project: str) -> tuple[dict[str, Any], list[str]]:
    """The options that a stack's config asks for, by their names in Python, and a line for each mistake in it.

    Args:
        config: The config with its values as Pulumi passes them to a program: ``{"ssm-profile:quietAgent": "true"}``.
        project: The project, with which the keys begin.
    """
    label = partial(config_key, project=project)
    kinds: dict[str, Kind] = {name: option.kind for name, option in OPTIONS.items()}
    kinds[PROTECT] = "boolean"
    names = {label(name): name for name in kinds}
    found = {key: text for key, text in config.items() if key.startswith(f"{project}:")}
    values = {names[key]: _parsed(kinds[names[key]], text) for key, text in found.items() if key in names}
    unknown = [unknown_key(key, names) for key in found if key not in names]
    # Pulumi would pass over the keys of a project that has another name by now, and with them what they protect.
    unknown += [
        f"{key}: found a key of the project {PROJECT}, and this one is {project}; "
        f"allowed: {project}:{key.removeprefix(f'{PROJECT}:')}"
        for key in config
        if key.startswith(f"{PROJECT}:") and project != PROJECT
    ]
    for name, option in OPTIONS.items():
        if option.fields and isinstance(values.get(name), dict):
            fields = {label(f"{name}.{field}"): field for field in option.fields}
            entries = {f"{label(name)}.{key}": value for key, value in values[name].items()}
            values[name] = {fields[key]: value for key, value in entries.items() if key in fields}
            unknown += [unknown_key(key, fields) for key in entries if key not in fields]
    options = {name: value for name, value in values.items() if value not in ("", [], {})}

    mistakes = find_mistakes({name: value for name, value in options.items() if name != PROTECT}, label)
    if not isinstance(options.get(PROTECT, False), bool):
        mistakes.append(f"{label(PROTECT)}: found {json.dumps(options[PROTECT])}; allowed: true or false")
    region = config.get("aws:region")
    if region and not find_other_partitions(options, label):
        mistakes += find_other_partitions(options, label, partition_of(region))
    if options.get("managed_buckets") is True and region and region not in PATCH_BUCKET_SUFFIXES:
        mistakes.append(f"{label('managed_buckets')}: {unknown_buckets(region)}")
    return options, mistakes + unknown


def config_key(option: str, project: str) -> str:
    """The stack config key of an option: ``quiet_agent`` is ``ssm-profile:quietAgent``, and so for keys of maps."""
    return f"{project}:{camel_case(option)}"


def _parsed(kind: Kind, text: str) -> Any:
    """The value as its kind has it; text that is not of the kind is left for the rules to refuse."""
    if kind == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
