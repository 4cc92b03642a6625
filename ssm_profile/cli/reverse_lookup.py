"""The reverse lookup in the catalogue: from actions and resources to the options that grant them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from ssm_profile.catalogue import CAPABILITIES, NOT_GRANTED, Capability, Grant
from ssm_profile.options import OPTIONS, OptionType, option_at
from ssm_profile.policy import is_granted_by_default
from ssm_profile.regions import LOCATION_FIELDS
from ssm_profile.validation import find_value_mistakes

from .action_list import expanded, matches
from .evaluator import Policy, Statement, overlap

FILL_IN = "..."
"""The placeholder for a value that only the person who sets the option knows."""

_KEY_ARN_PATTERN = "arn:*:kms:*:*:key/*"


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
    return (*narrower, grant.resources)[0]


def statements_for(policy: Policy, grant: Grant, action: str, pattern: str | None = None) -> list[Statement]:
    """The statements of a policy that allow what a grant allows.

    Of their conditions, only ``kms:ViaService`` is judged: it distinguishes the uses of one action.

    Args:
        policy: The policy.
        grant: The grant in the catalogue.
        action: The action of the grant, or one that its wildcard matches.
        pattern: The resources on which the action is needed. None stands for any.
    """
    statements = policy.granting(action) if pattern is None else policy.grants(action, pattern)
    wanted = [as_pattern(service) for service in _via_services(grant.condition)]
    return [
        statement
        for statement in statements
        if not (via := _via_services(statement.condition))
        or any(overlap(service, other) for service in via for other in wanted)
    ]


def _via_services(condition: Mapping[str, Any]) -> list[str]:
    values = [keys["kms:ViaService"] for keys in condition.values() if "kms:ViaService" in keys]
    return [service for services in values for service in ([services] if isinstance(services, str) else services)]


def as_pattern(template: str, location: Mapping[str, str] = {}) -> str:
    """A resource template with a wildcard for each of its fields.

    Args:
        template: A resource in the catalogue.
        location: The fields that are known; their values are filled in.
    """

    def filled(field: str) -> str:
        return _KEY_ARN_PATTERN if field.rstrip("]").endswith("kms_key_arn") else location.get(field, "*")

    pattern = "".join(
        literal + ("" if field is None else filled(field)) for literal, field, _, _ in Formatter().parse(template)
    )
    return pattern.replace(":parameter*", ":parameter/*")  # the paths of parameters begin with a slash


def depends_on_options(template: str) -> bool:
    """Whether the value of an option decides what a template matches."""
    fields = {field for _, field, _, _ in Formatter().parse(template) if field}
    return bool(fields - {*LOCATION_FIELDS, "patch_suffix", "snapshot_suffix"})


def option_values(grant: Grant, resource: str, *, is_pattern: bool) -> dict[str, str]:
    """The values of options with which a grant matches a resource, by ``option`` or ``option.key``.

    Args:
        grant: A grant in the catalogue.
        resource: A resource, or a pattern of resources.
        is_pattern: Whether the resource is a pattern.
    """
    for template in grant.resources:
        parts, paths = "", list[str]()
        for literal, field, _, _ in Formatter().parse(template):
            escaped = re.escape(literal)
            parts += escaped if is_pattern else escaped.replace(r"\*", ".*").replace(r"\?", ".")
            if field is not None:
                path = (grant.each or "") if field == "each" else field.replace("[", ".").rstrip("]")
                known = path.split(".")[0] in OPTIONS
                paths += [path] if known else []
                parts += f"({_part(path)})" if known else "[^:/]*"
        if (match := re.fullmatch(parts, resource)) and paths:
            values = {path: value for path, value in zip(paths, match.groups(), strict=True) if value}
            if all(map(_is_allowed, values, values.values())):
                return values
    return {}


def choose(wanted: set[str], within: set[str]) -> tuple[list[Feature], set[str]]:
    """The features that grant actions, and the actions that no feature grants.

    Features that grant nothing beyond *within* are preferred.

    Args:
        wanted: The actions to grant.
        within: The actions that the policy grants already.
    """
    rest, chosen = set(wanted), list[Feature]()
    for feature in sorted(FEATURES, key=lambda feature: not feature.actions() <= within):
        if feature.actions() & rest:
            chosen.append(feature)
            rest -= feature.actions()
    return without_redundant(chosen), rest


def without_redundant(features: Iterable[Feature]) -> list[Feature]:
    """The features without each switch whose actions the other features grant."""
    left = list(features)
    for feature in sorted(left, key=lambda feature: len(feature.actions())):
        others = {action for other in left if other is not feature for action in other.actions()}
        if feature.option and OPTIONS[feature.option].type == "boolean" and feature.actions() <= others:
            left.remove(feature)
    return left


def useful_features(features: Iterable[Feature]) -> list[Feature]:
    """The features without redundant ones, and without parts of capabilities that are missing."""
    left = list(features)
    names = {feature.name for feature in left}
    return without_redundant(feature for feature in left if _base(feature) in {feature.name, *names})


def _base(feature: Feature) -> str:
    """The feature without which a part of a capability has no effect."""
    option, _, key = feature.name.partition(".")
    if not key:
        return feature.name
    required_keys = OPTIONS[option].required_keys
    return option_at(feature.name).requires or (option if required_keys and key not in required_keys else feature.name)


def options_of(features: Iterable[Feature], policy: Policy) -> dict[str, Any]:
    """The options that grant features, with the values that the resources of a policy contain.

    A value that the policy does not contain, because it grants on everything, is :data:`FILL_IN`.
    """
    features = list(features)
    values_by_feature = {feature.name: _values_in(policy, feature) for feature in features}
    known: dict[str, set[str]] = {}
    for values in values_by_feature.values():
        for path, some in values.items():
            known.setdefault(path, set()).update(some)
    options: dict[str, Any] = {}
    for feature in features:
        values = {
            path: known[path] for path in (*values_by_feature[feature.name], *_required(feature)) if path in known
        }
        for name, value in options_for(feature, values).items():
            options[name] = {**options.get(name, {}), **value} if isinstance(value, dict) else value
    return options


def _values_in(policy: Policy, feature: Feature) -> dict[str, set[str]]:
    """The values of options in the resources of the statements that allow a feature."""
    values: dict[str, set[str]] = {}
    for grant in feature.grants:
        for statement in statements_for(policy, grant, grant.action):
            for resource in statement.resources:
                for path, value in option_values(grant, resource, is_pattern=True).items():
                    values.setdefault(path, set()).add(value)
    return values


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


def refusal(action: str) -> str | None:
    """Why no option grants an action, if the catalogue says so."""
    return next(
        (each.why for each in NOT_GRANTED if any(matches(pattern.lower(), action.lower()) for pattern in each.actions)),
        None,
    )


def _part(path: str) -> str:
    """What matches the value of an option within an ARN, as a regular expression."""
    if path.endswith("bucket"):
        return r"[^/*?]+"
    if path.endswith("prefix"):
        return r"[^*?]*?"
    return r"[^*?]+?"


def _required(feature: Feature) -> list[str]:
    """The options and keys without which a feature is not granted."""
    option = feature.option
    if option is None or not OPTIONS[option].keys:
        return [feature.name]
    required_keys = [f"{option}.{key}" for key in OPTIONS[option].required_keys]
    if feature.name == option:
        return required_keys
    if required := option_at(feature.name).requires:
        return [required, feature.name]
    return [*(required_keys if len(required_keys) == 1 else []), feature.name]


def _is_allowed(path: str, value: str) -> bool:
    return not find_value_mistakes(path, [value] if option_at(path).type == "array" else value)


def _set(options: dict[str, Any], path: str, value: Any) -> None:
    option, _, key = path.partition(".")
    if key:
        options.setdefault(option, {})[key] = value
    else:
        options[option] = value
