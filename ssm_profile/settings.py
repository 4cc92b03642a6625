"""From stack config to the component's args, with every mistake in one error."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.runtime import config as stack_config

from .component import SsmInstanceProfileArgs
from .options import OPTIONS, Kind, find_mistakes, find_name_mistakes, unknown_key

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
    options = {name: value for name, value in values.items() if value not in ("", [], {})}
    protect = options.pop(PROTECT, False)

    mistakes = find_name_mistakes(component_name, options, config_key) + find_mistakes(options, config_key)
    if not isinstance(protect, bool):
        mistakes += [f"{config_key(PROTECT)}: found {json.dumps(protect)}; allowed: true or false"]
    mistakes += [unknown_key(key, names) for key in found if key not in names]
    if mistakes:
        raise pulumi.RunError("\n  ".join(["The stack config cannot be used; nothing was changed:", *mistakes]))
    args = {name: _kept_secret(name, value) for name, value in options.items()}
    return Settings(cast("SsmInstanceProfileArgs", args), protect)


def config_key(option: str) -> str:
    """The stack config key of an option: ``quiet_agent`` is ``ssm-profile:quietAgent``."""
    first, *rest = option.split("_")
    return f"{pulumi.get_project()}:{first}{''.join(word.capitalize() for word in rest)}"


def _project_config() -> dict[str, str]:
    # pulumi.Config answers for keys that one asks for; only here are those that nobody asks for.
    everything: Mapping[str, str] = {**stack_config.get_config_env(), **stack_config.CONFIG.get()}
    return {key: text for key, text in everything.items() if key.startswith(f"{pulumi.get_project()}:")}


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
