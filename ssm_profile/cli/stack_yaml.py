"""Options as YAML for the file of a stack."""

from collections.abc import Mapping
from typing import Any

import yaml

from ssm_profile.options import OPTIONS, camel_case
from ssm_profile.stack_config import PROJECT, config_key


def format_stack_config(options: Mapping[str, Any]) -> str:
    """The options as the ``config`` key of Pulumi.STACK.yaml."""
    config = {
        config_key(name, PROJECT): {camel_case(key): entry for key, entry in (value or _defaults(name)).items()}
        if isinstance(value, Mapping)
        else value
        for name, value in options.items()
    }
    return yaml.safe_dump({"config": config}, sort_keys=False, default_flow_style=False, width=1000).rstrip()


def _defaults(name: str) -> dict[str, Any]:
    """The keys of a map with their defaults, since stack config counts an empty map as not given."""
    return {key: option.default for key, option in OPTIONS[name].keys.items() if option.default}
