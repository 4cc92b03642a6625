"""The reverse lookup in the catalogue: from actions and resources to the options that grant them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from ssm_profile.catalogue import CAPABILITIES, NOT_GRANTED, Capability, Grant
from ssm_profile.iam.evaluator import Policy
from ssm_profile.options import OPTIONS, OptionType, option_at
from ssm_profile.policy import is_granted_by_default

from .action_list import expanded, matches
from .templates import PLACE_FIELDS, filled, named_values, option_fields, values_by_path

FILL_IN = "..."
"""The placeholder for a value that only the person who sets the option knows."""


@dataclass(frozen=True)
class Feature:
    """A capability, or the part of a capability that a key of its option grants."""

    name: str
    """The option or ``option.key``. Where no option is needed, the name of the capability."""
    capability: Capability
    grants: tuple[Grant, ...]

    @property
    def option(self) -> str | None:
        """The option that grants it, if one is needed."""
        return self.capability.name if self.capability.name in OPTIONS else None

    @property
    def requires(self) -> str | None:
        """The feature without which this one has no effect."""
        option, _, key = self.name.partition(".")
        if not key:
            return OPTIONS[option].requires if option in OPTIONS else None
        needs = {grant.needs for grant in self.capability.grants}
        required = option_at(self.name).requires
        if required and required in needs:
            return required
        return option if None in needs else None

    @property
    def alternatives(self) -> tuple["Feature", ...]:
        """The feature for each of the lists whose entries it can be granted on, where one list is sufficient."""
        lists = _lists(self)
        if len(lists) < 2:  # noqa: PLR2004 - two lists
            return (self,)
        return tuple(
            replace(self, grants=tuple(grant for grant in self.grants if grant.each in (None, each))) for each in lists
        )

    def actions(self) -> set[str]:
        """Its actions with wildcards expanded, without those that a list in an option names."""
        return {action for grant in self.grants for action in actions_of(grant)}


def actions_of(grant: Grant) -> tuple[str, ...]:
    """The actions of a grant with wildcards expanded. None where a list in an option names them."""
    return () if "{" in grant.action else expanded(grant.action)


def _features(capability: Capability) -> list[Feature]:
    names = dict.fromkeys(grant.needs or capability.name for grant in capability.grants)
    return [
        Feature(
            name, capability, tuple(grant for grant in capability.grants if (grant.needs or capability.name) == name)
        )
        for name in names
    ]


FEATURES = [feature for capability in CAPABILITIES if not capability.replaces for feature in _features(capability)]
"""Every feature. A capability that only narrows another one is not a feature of its own."""


def tight_templates(feature: Feature, grant: Grant) -> tuple[str, ...]:
    """The narrowest resources on which a grant is sufficient."""
    narrower = [
        other.resources
        for capability in CAPABILITIES
        if capability.replaces == feature.capability.name
        for other in capability.grants
        if other.action == grant.action
    ]
    return (*narrower, grant.sufficient or grant.resources)[0]


def choose(wanted: set[str], within: set[str]) -> tuple[list[Feature], set[str]]:
    """The features that grant actions, and the actions that no feature grants.

    Features that grant nothing beyond *within* are preferred. Those on listed ARNs of other accounts come last.

    Args:
        wanted: The actions to grant.
        within: The actions that the policy grants already.
    """
    rest, chosen = set(wanted), list[Feature]()
    for feature in sorted(FEATURES, key=lambda feature: (_is_listed(feature), not feature.actions() <= within)):
        if feature.actions() & rest:
            chosen.append(feature)
            rest -= feature.actions()
    return chosen, rest


def _is_listed(feature: Feature) -> bool:
    """Whether an option has the ARNs on which a feature is granted, and nothing else."""
    return all(grant.resources == ("{each}",) for grant in feature.grants)


def without_redundant(features: Iterable[Feature], known: Mapping[str, Sequence[str]]) -> list[Feature]:
    """The features without each one for which the others grant everything that it needs.

    Args:
        features: The features.
        known: The known values of ``option`` or ``option.key``.
    """
    left = list(features)
    permissions = {feature.name: _permissions(feature.grants, feature, known) for feature in left}
    for feature in sorted(left, key=lambda feature: len(permissions[feature.name])):
        others = [other for other in left if other is not feature]
        granted = {each for other in others for each in permissions[other.name]}
        needed = [grant for grant in feature.grants if not grant.is_optional] or feature.grants
        if feature.option and _permissions(needed, feature, known) <= granted:
            left = others
    return left


def _permissions(
    grants: Iterable[Grant], feature: Feature, known: Mapping[str, Sequence[str]]
) -> set[tuple[str, str, str]]:
    """What grants of a feature grant with each of the known values: action, resource and condition."""
    location = {field: f"<{field}>" for field in PLACE_FIELDS}
    found = set[tuple[str, str, str]]()
    for grant in grants:
        values = {path: known.get(path) or [_default(feature, path)] for path in option_fields(grant)}
        for chosen in product(*values.values()):
            completed = {**location, **dict(zip(values, chosen, strict=True))}
            condition = str(
                {
                    key: [filled(each, grant, completed) for each in templates]
                    for keys in grant.condition.values()
                    for key, templates in keys.items()
                }
            )
            # A name that is not known stands for every beginning of a name as well.
            resources = [filled(each, grant, completed).replace(f"{FILL_IN}*", FILL_IN) for each in grant.resources]
            found |= {(action, resource, condition) for action in actions_of(grant) for resource in resources}
    return found


def _default(feature: Feature, path: str) -> str:
    """What stands for the value of an option in a template if the value is not known."""
    return FILL_IN if path in _required(feature) else str(option_at(path).default or "")


def useful_features(features: Iterable[Feature], known: Mapping[str, Sequence[str]]) -> list[Feature]:
    """The features without redundant ones, and without parts of capabilities that are missing."""
    left = _without_alternatives(features)
    names = {feature.name for feature in left}
    return without_redundant([feature for feature in left if feature.requires in {None, *names}], known)


def _without_alternatives(features: Iterable[Feature]) -> list[Feature]:
    """The features without those whose option another one excludes."""
    listed = list(features)
    names = {feature.capability.name for feature in listed}
    return [feature for feature in listed if feature.capability.alternative_to not in names]


def options_of(features: Iterable[Feature], known: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The options that grant features.

    Args:
        features: The features.
        known: The known values of ``option`` or ``option.key``. The value of another required one is :data:`FILL_IN`.
    """
    options: dict[str, Any] = {}
    for feature in features:
        paths = [path for path in (*_fields(feature), *_required(feature)) if path in known]
        for name, value in options_for(feature, {path: known[path] for path in paths}).items():
            options[name] = {**options.get(name, {}), **value} if isinstance(value, dict) else value
    return options


def known_values(policy: Policy, features: Iterable[Feature]) -> dict[str, list[str]]:
    """The values of options that a policy names in the statements that allow features, sorted."""
    return values_by_path(
        values
        for feature in features
        for grant in feature.grants
        for statement in policy.allowing(grant.action)
        for values in named_values(statement, grant)
    )


def _fields(feature: Feature) -> list[str]:
    """The options and keys whose values the resources and conditions of a feature contain."""
    return [path for grant in feature.grants for path in option_fields(grant)]


def options_for(feature: Feature, values: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The options that grant one feature. Nothing where it is granted by default.

    Args:
        feature: The feature.
        values: The values for each ``option`` or ``option.key``.
    """
    option = feature.option
    if option is None or is_granted_by_default(feature.capability):
        return {}
    if OPTIONS[option].type == "boolean":
        required = OPTIONS[option].requires
        return {option: True} | ({required: True} if required else {})
    options: dict[str, Any] = {}
    for path in dict.fromkeys((*_required(feature), *values)):
        _set(options, path, _chosen(option_at(path).type, sorted(values.get(path, ()))))
    return options or {option: {}}


def _chosen(option_type: OptionType, values: list[str]) -> Any:
    if option_type == "array":
        return values or [FILL_IN]
    if option_type == "boolean":
        return True
    return values[0] if len(values) == 1 else FILL_IN


@cache
def refusal(action: str) -> str | None:
    """Why no option grants an action, if the catalogue says so."""
    return next(
        (each.why for each in NOT_GRANTED if any(matches(pattern.lower(), action.lower()) for pattern in each.actions)),
        None,
    )


def _required(feature: Feature) -> list[str]:
    """The options and keys without which a feature is not granted."""
    option = feature.option
    if option is None or not OPTIONS[option].keys:
        return [feature.name]
    required_keys = [f"{option}.{key}" for key in OPTIONS[option].required_keys]
    if feature.name == option:
        return required_keys
    required = [option_at(feature.name).requires, *(option_at(feature.name).requires_any and _lists(feature)[:1])]
    single = required_keys if len(required_keys) == 1 else []
    return [*single, *filter(None, required), feature.name]


def _lists(feature: Feature) -> list[str]:
    """The options and keys with the lists for whose entries a feature is granted."""
    return list(dict.fromkeys(grant.each for grant in feature.grants if grant.each))


def _set(options: dict[str, Any], path: str, value: Any) -> None:
    option, _, key = path.partition(".")
    if key:
        options.setdefault(option, {})[key] = value
    else:
        options[option] = value
