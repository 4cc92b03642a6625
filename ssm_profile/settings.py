"""From stack config to the component's args, with every mistake in one error."""

import json
import re
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.runtime import config as stack_config

from .capabilities import PATCH_BUCKET_SUFFIXES
from .component import SsmInstanceProfileArgs
from .options import OPTIONS, Kind, find_mistakes, find_name_mistakes, unknown_key
from .policy import unknown_buckets

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
    kinds: dict[str, Kind] = {name: option.kind for name, option in OPTIONS.items()}
    kinds[PROTECT] = "boolean"
    names = {config_key(name): name for name in kinds}
    found = _project_config()
    values = {names[key]: _parsed(kinds[names[key]], text) for key, text in found.items() if key in names}
    unknown = [unknown_key(key, names) for key in found if key not in names]
    for name, option in OPTIONS.items():
        if option.fields and isinstance(values.get(name), dict):
            fields = {config_key(f"{name}.{field}"): field for field in option.fields}
            entries = {f"{config_key(name)}.{key}": value for key, value in values[name].items()}
            values[name] = {fields[key]: value for key, value in entries.items() if key in fields}
            unknown += [unknown_key(key, fields) for key in entries if key not in fields]
    options = {name: value for name, value in values.items() if value not in ("", [], {})}
    protect = options.pop(PROTECT, False)

    mistakes = find_name_mistakes(component_name, options, config_key) + find_mistakes(options, config_key)
    if not isinstance(protect, bool):
        mistakes += [f"{config_key(PROTECT)}: found {json.dumps(protect)}; allowed: true or false"]
    region = _everything().get("aws:region")
    if options.get("managed_buckets") is True and region and region not in PATCH_BUCKET_SUFFIXES:
        mistakes.append(f"{config_key('managed_buckets')}: {unknown_buckets(region)}")
    mistakes += unknown
    if mistakes:
        raise pulumi.RunError("\n  ".join(["The stack config cannot be used; nothing was changed:", *mistakes]))
    args = {name: _kept_secret(name, value) for name, value in options.items()}
    return Settings(cast("SsmInstanceProfileArgs", args), protect)


def config_key(option: str) -> str:
    """The stack config key of an option: ``quiet_agent`` is ``ssm-profile:quietAgent``, and so for keys of maps."""
    return f"{pulumi.get_project()}:{re.sub('_(.)', lambda letter: letter[1].upper(), option)}"


def _everything() -> dict[str, str]:
    # pulumi.Config answers for keys that one asks for; only here are those that nobody asks for.
    return {**stack_config.get_config_env(), **stack_config.CONFIG.get()}


def _project_config() -> dict[str, str]:
    return {key: text for key, text in _everything().items() if key.startswith(f"{pulumi.get_project()}:")}


def _parsed(kind: Kind, text: str) -> Any:
    """The value as its kind has it; text that is not of the kind is left for the rules to refuse."""
    if kind == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _kept_secret(option: str, value: Any) -> Any:
    secret = OPTIONS[option].accepts_outputs and stack_config.is_config_secret(config_key(option))
    return pulumi.Output.secret(value) if secret else value
