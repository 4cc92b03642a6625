"""Sets of options for documents and tests. They are derived, so that they include each new option at once."""

from typing import Any

from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.options import OPTIONS
from ssm_profile.policy import GRANTING
from ssm_profile.regions import Location

OptionSet = dict[str, Any]

LOCATION: Location = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}
"""Where the examples in documents and tests are deployed."""

SWITCHES = [name for name, option in OPTIONS.items() if name in GRANTING and option.type == "boolean"]
"""The options that grant or deny something and are true or false."""

SMALLEST: OptionSet = {name: False for name in SWITCHES if OPTIONS[name].default} | {
    capability.name: True for capability in CAPABILITIES if capability.replaces and capability.replaces not in OPTIONS
}
"""The options with the smallest grants: what is on by default is off, and what can be narrowed is narrowed."""

_REPLACED = {capability.replaces for capability in CAPABILITIES}
_ALTERNATIVES = {capability.name for capability in CAPABILITIES if capability.alternative_to}

EVERYTHING: OptionSet = {
    name: OPTIONS[name].example
    for name in OPTIONS
    if name in GRANTING and name not in _REPLACED and name not in _ALTERNATIVES
}
"""Every option that grants or denies something, without those that another one narrows or excludes."""


def smallest_with(name: str) -> OptionSet:
    """The smallest options with one option, at its example, and with what that requires."""
    option, replaced = OPTIONS[name], [each.replaces for each in CAPABILITIES if each.name == name]
    required = dict.fromkeys(option.requires, True)
    smallest = {other: value for other, value in SMALLEST.items() if other not in replaced}
    return {**smallest, **required, name: option.example}
