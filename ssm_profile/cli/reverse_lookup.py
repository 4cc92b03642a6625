"""The reverse lookup in the catalogue: from actions and resources to the options that grant them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from typing import Any

from ssm_profile.catalogue import CAPABILITIES, NOT_GRANTED, Capability, Grant
from ssm_profile.options import OPTIONS, OptionType, option_at
from ssm_profile.policy import capabilities, is_granted_by_default
from ssm_profile.validation import FILL_IN

from .action_list import expanded, matches
from .templates import (
    PLACE_FIELDS,
    KnownValues,
    filled,
    option_fields,
)


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
    def requires(self) -> tuple[str, ...]:
        """The features without which this one has no effect."""
        option, _, key = self.name.partition(".")
        if not key:
            return OPTIONS[option].requires if option in OPTIONS else ()
        needs = {grant.needs for grant in self.capability.grants}
        required = tuple(each for each in option_at(self.name).requires if each in needs)
        return required or ((option,) if None in needs else ())

    @cached_property
    def key(self) -> tuple[str | None, ...]:
        """What distinguishes it from others and from its alternatives."""
        return (self.name, *(grant.each for grant in self.grants))

    @cached_property
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


def without_redundant(features: Iterable[Feature], known: KnownValues) -> list[Feature]:
    """The features without each one that another one excludes, or for which the others grant all that it needs.

    Args:
        features: The features.
        known: The known values of ``option`` or ``option.key``.
    """
    left = _without_alternatives(features)
    permissions = {feature.name: _permissions(feature.grants, feature, known) for feature in left}
    for feature in sorted(left, key=lambda feature: len(permissions[feature.name])):
        others = [other for other in left if other is not feature]
        granted = {each for other in others for each in permissions[other.name]}
        if feature.option and _permissions(_needed(feature), feature, known) <= granted:
            left = others
    return left


def covered_features(features: Iterable[Feature], left: Sequence[Feature], known: KnownValues) -> list[dict[str, Any]]:
    """The features that others make redundant, each with those that grant something that it needs.

    Args:
        features: The features.
        left: Those of them that are not redundant.
        known: The known values of ``option`` or ``option.key``.
    """
    permissions = {feature.name: _permissions(feature.grants, feature, known) for feature in left}
    rows: list[dict[str, Any]] = []
    for feature in features:
        needed = _permissions(_needed(feature), feature, known)
        covering = [name for name, granted in permissions.items() if granted & needed]
        if (
            feature not in left
            and feature.option
            and needed <= {each for name in covering for each in permissions[name]}
        ):
            rows.append({"capability": feature.name, "by": covering})
        elif feature not in left and feature.capability.alternative_to in permissions and feature.name not in known:
            # Both take any value then.
            rows.append({"capability": feature.name, "by": [feature.capability.alternative_to]})
    return rows


def has_feature(options: Mapping[str, Any], name: str) -> bool:
    """Whether options grant a feature with some value.

    Args:
        options: The options.
        name: The name of the feature.
    """
    option, _, key = name.partition(".")
    if not key:
        return any(capability.name == name for capability in capabilities(options))
    maps = options.get(option, [])
    return any(key in each for each in (maps if isinstance(maps, list) else [maps]))


def _needed(feature: Feature) -> Sequence[Grant]:
    """The grants without which a feature does not work."""
    return [grant for grant in feature.grants if not grant.is_optional] or feature.grants


def _permissions(grants: Iterable[Grant], feature: Feature, known: KnownValues) -> set[tuple[str, str, str]]:
    """What grants of a feature grant with each of the known values: action, resource and condition."""
    location = {field: f"<{field}>" for field in PLACE_FIELDS}
    found = set[tuple[str, str, str]]()
    for grant in grants:
        for chosen in _choices(feature, grant, known):
            completed = {**location, **chosen}
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


def _choices(feature: Feature, grant: Grant, known: KnownValues) -> Iterator[dict[str, str]]:
    """Each set of known values for the options in the templates of a grant."""
    fields = option_fields(grant)
    if _is_list_of_maps(feature):
        for entry in known.get(feature.name) or [{}]:
            yield {path: entry.get(path.partition(".")[2]) or _default(feature, path) for path in fields}
        return
    values = {path: known.get(path) or [_default(feature, path)] for path in fields}
    for chosen in product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def _default(feature: Feature, path: str) -> str:
    """What stands for the value of an option in a template if the value is not known."""
    return FILL_IN if path in _required(feature) else str(option_at(path).default or "")


def useful_features(features: Iterable[Feature], known: KnownValues) -> list[Feature]:
    """The features without redundant ones, and without parts of capabilities that are missing."""
    listed = list(features)
    names = {feature.name for feature in listed}
    return without_redundant([feature for feature in listed if names.issuperset(feature.requires)], known)


def _without_alternatives(features: Iterable[Feature]) -> list[Feature]:
    """The features without those whose option another one excludes."""
    listed = list(features)
    names = {feature.capability.name for feature in listed}
    return [feature for feature in listed if feature.capability.alternative_to not in names]


def asks_for_values(feature: Feature) -> bool:
    """Whether a feature is granted only with values that a person chooses."""
    return any(option_at(path).type != "boolean" for path in _required(feature) if path.split(".")[0] in OPTIONS)


def options_of(features: Iterable[Feature], known: KnownValues) -> dict[str, Any]:
    """The options that grant features.

    Args:
        features: The features.
        known: The known values of ``option`` or ``option.key``. The value of another required one is :data:`FILL_IN`.
    """
    options: dict[str, Any] = {}
    # A part of a capability comes after the capability, since each of its maps is part of one of the capability's.
    for feature in sorted(features, key=lambda each: each.name != each.option and _is_list_of_maps(each)):
        paths = [path for path in (*_fields(feature), *_required(feature)) if path in known]
        if _is_list_of_maps(feature):
            paths = [feature.name] if feature.name in known else []
        for name, value in options_for(feature, {path: known[path] for path in paths}).items():
            if _is_list_of_maps(feature):
                options[name] = _with_parts(options[name], value, feature) if name in options else value
            else:
                options[name] = {**options.get(name, {}), **value} if isinstance(value, dict) else value
    return options


def _is_list_of_maps(feature: Feature) -> bool:
    return feature.option is not None and OPTIONS[feature.option].is_list_of_maps


def _with_parts(
    maps: Sequence[dict[str, Any]], parts: Sequence[dict[str, Any]], feature: Feature
) -> list[dict[str, Any]]:
    """The maps of a capability, each with the key that a part of the capability adds to it.

    A part that leaves the bucket open, such as that of a KMS key, can be a part of each map. A part that names its
    bucket, or more of it, gets a map of its own where the maps of the capability do not.
    """
    added = feature.name.partition(".")[2]
    united: list[dict[str, Any]] = []
    for one in [*maps, *_narrower(maps, parts, added)]:
        values = {str(part[added]): part[added] for part in parts if _is_part(part, one, added)}
        value = next(iter(values.values())) if len(values) == 1 else FILL_IN
        united.append({**one, added: value} if values else one)
    return united


def _narrower(maps: Sequence[dict[str, Any]], parts: Sequence[dict[str, Any]], added: str) -> Iterator[dict[str, Any]]:
    """A map for each part that no map and no other part has, and that is about a part of what a map grants."""
    names = [{key: value for key, value in part.items() if key != added and value != FILL_IN} for part in parts]
    for part, named in zip(parts, names, strict=True):
        wider = [one for one in maps if all(one.get(key, FILL_IN) in (FILL_IN, named[key]) for key in named)]
        is_in_another = any(other.items() < named.items() for other in names)
        if wider and not is_in_another and not any(_is_part(part, one, added) for one in maps):
            narrower = {**wider[0], **named}
            maps = [*maps, narrower]
            yield narrower


def _is_part(part: Mapping[str, Any], whole: Mapping[str, Any], added: str) -> bool:
    """Whether a part of a capability is one of what a map of the capability grants."""
    return all(part[key] in (FILL_IN, whole.get(key)) for key in part if key != added)


def _fields(feature: Feature) -> list[str]:
    """The options and keys whose values the resources and conditions of a feature contain."""
    return [path for grant in feature.grants for path in option_fields(grant)]


def options_for(feature: Feature, values: KnownValues) -> dict[str, Any]:
    """The options that grant one feature. Nothing where it is granted by default.

    Args:
        feature: The feature.
        values: The values for each ``option`` or ``option.key``.
    """
    option = feature.option
    if option is None or is_granted_by_default(feature.capability):
        return {}
    required_options = dict.fromkeys(OPTIONS[option].requires, True)
    if OPTIONS[option].type == "boolean":
        return {option: True, **required_options}
    if _is_list_of_maps(feature):
        required = {
            path.partition(".")[2]: True if option_at(path).type == "boolean" else FILL_IN
            for path in _required(feature)
        }
        return {option: [{**required, **entry} for entry in values.get(feature.name, [{}])]}
    options: dict[str, Any] = {}
    for path in dict.fromkeys((*_required(feature), *values)):
        _set(options, path, _chosen(option_at(path).type, sorted(values.get(path, ()))))
    return {**(options or {option: {}}), **required_options}


def _chosen(option_type: OptionType, values: list[str]) -> Any:
    if option_type == "array":
        return values or [FILL_IN]
    if option_type == "boolean":
        return True
    return values[0] if len(values) == 1 else FILL_IN


_REFUSALS = [
    (pattern.partition(":")[0], pattern.lower(), refused.why) for refused in NOT_GRANTED for pattern in refused.actions
]
"""The service, the pattern of the actions, and why no option grants them."""


@cache
def refusal(action: str) -> str | None:
    """Why no option grants an action, if the catalogue says so."""
    lowered = action.lower()
    service = lowered.partition(":")[0]
    return next(
        (why for its_service, pattern, why in _REFUSALS if its_service == service and matches(pattern, lowered)), None
    )


def _required(feature: Feature) -> list[str]:
    """The options and keys without which a feature is not granted."""
    option = feature.option
    if option is None or not OPTIONS[option].keys:
        return [feature.name]
    required_keys = [f"{option}.{key}" for key in OPTIONS[option].required_keys]
    required_keys += [required for path in required_keys for required in option_at(path).requires]
    if feature.name == option:
        return required_keys
    required = [*option_at(feature.name).requires, *(option_at(feature.name).requires_any and _lists(feature)[:1])]
    single = required_keys if len(required_keys) == 1 else []
    return [*single, *required, feature.name]


def _lists(feature: Feature) -> list[str]:
    """The options and keys with the lists for whose entries a feature is granted."""
    return list(dict.fromkeys(grant.each for grant in feature.grants if grant.each))


def _set(options: dict[str, Any], path: str, value: Any) -> None:
    option, _, key = path.partition(".")
    if key:
        options.setdefault(option, {})[key] = value
    else:
        options[option] = value
