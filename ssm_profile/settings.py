"""The settings of the current stack: the args of the component, with every mistake in one error."""

from dataclasses import dataclass
from functools import partial
from typing import cast

import pulumi
from pulumi.runtime import config as pulumi_config

from .component import SsmInstanceProfileArgs
from .options import OPTIONS
from .policy import policy_document, size
from .regions import SHORTEST_LOCATION
from .stack_config import PROTECT, config_key, parse_config
from .validation import find_name_mistakes, find_size_mistakes


@dataclass(frozen=True)
class Settings:
    """What the config of a stack asks for."""

    args: SsmInstanceProfileArgs
    protect: bool


def read_settings(component_name: str) -> Settings:
    """Read the config of the current stack.

    Args:
        component_name: The name of the component, which is validated as well.

    Raises:
        pulumi.RunError: If anything is wrong. The text has a line for each mistake. Pulumi shows no traceback.
    """
    # pulumi.Config returns keys that a program asks for. The keys that no option knows are only here.
    config: dict[str, str] = {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}
    project = pulumi.get_project()
    label = partial(config_key, project=project)
    options, mistakes = parse_config(config, project)
    mistakes = find_name_mistakes(component_name, options, label) + mistakes
    if not mistakes:
        mistakes = find_size_mistakes(size(policy_document(options, SHORTEST_LOCATION)), options, label)
    if mistakes:
        lines = ["The stack config is not valid. Nothing was changed.", *map(str, mistakes)]
        raise pulumi.RunError("\n  ".join(lines))
    protect = options.pop(PROTECT, False)
    args = {
        name: pulumi.Output.secret(value)
        if OPTIONS[name].accepts_outputs and pulumi_config.is_config_secret(label(name))
        else value
        for name, value in options.items()
    }
    return Settings(cast("SsmInstanceProfileArgs", args), protect)
