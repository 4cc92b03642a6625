"""The verdict on each feature of a role: keep it, drop its option, or why this cannot be seen."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from ssm_profile.catalogue import EC2_DESCRIBE, HEARTBEAT, MESSAGING, QUIET_AGENT
from ssm_profile.cli.reverse_lookup import FEATURES, Feature
from ssm_profile.options import OPTIONS, option_at
from ssm_profile.policy import is_granted_by_default
from ssm_profile.visibility import ASKED_FOR_BY_SESSIONS, CALLED_ONCE

from .blindness import Blind, Reason
from .verdicts import Use


class Advice(StrEnum):
    """The closed list of verdicts on a feature."""

    KEEP = "keep"
    DROP = "could be dropped"
    UNSEEN = "cannot be seen"


_REQUIRED = (MESSAGING.name, HEARTBEAT.name)
_CALLED_ANYWAY = {grant.action for capability in (MESSAGING, HEARTBEAT, QUIET_AGENT) for grant in capability.grants}
"""The actions that every agent calls, whatever its role has. They tell nothing of other features."""

_BY_NAME = {feature.name: feature for feature in FEATURES}
_ACTIONS = {feature.name: frozenset(feature.actions()) for feature in FEATURES}


def feature_uses(names: Iterable[str], action_uses: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The verdict on each feature, as plain data.

    Args:
        names: The features that the role has, by the names of :data:`FEATURES`: those that work or may work.
        action_uses: What :func:`uses` says of the actions. The others count as not seen.

    Returns:
        For each feature ``capability``, its name; ``option``; ``used``, the actions that are used; ``narrower``, the
        options that grant only these, or None; ``advice``, one of :class:`Advice`; ``unseen``, the actions that cannot
        be seen, if they are why; ``reason``, one of :class:`Reason` or None; and ``why``, sentences, which are on the
        first of ``unseen`` if there are any.
    """
    features = [_BY_NAME[name] for name in names if name in _BY_NAME]
    by_action = {each["action"]: each for each in action_uses}
    rows = {feature.name: _row(feature, features, by_action) for feature in features}
    for feature in features:
        if rows[feature.name]["advice"] != Advice.DROP:
            _keep_required(feature, rows)
    return list(rows.values())


def _keep_required(feature: Feature, rows: Mapping[str, dict[str, Any]]) -> None:
    """Keep what a feature requires that is not known to be unused."""
    for name in feature.requires:
        if name in rows and rows[name]["advice"] == Advice.DROP:
            why = f"`{feature.name}` requires it, and is not known to be unused."
            rows[name].update(_verdict(Advice.UNSEEN, Blind(Reason.REQUIRED, why)))
            _keep_required(_BY_NAME[name], rows)


def _row(feature: Feature, features: Collection[Feature], uses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    used = sorted(action for action in _ACTIONS[feature.name] if _use_of(action, uses) == Use.USED)
    row = {"capability": feature.name, "option": feature.option, "used": used, "narrower": None}
    if feature.name == EC2_DESCRIBE.name and used:
        is_known = all(_use_of(each, uses) in (Use.USED, Use.UNUSED) for each in _ACTIONS[feature.name])
        names = [action.partition(":")[2] for action in used]
        row["narrower"] = {"ec2_describe_actions": names} if is_known else None
    return row | _advice(feature, features, uses)


def _advice(feature: Feature, features: Collection[Feature], uses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if feature.name in _REQUIRED:
        return _verdict(Advice.KEEP, why="Every other feature requires it.")
    telling = _telling(feature)
    calls = {action: _use_of(action, uses) for action in telling}
    if active := sorted(action for action, use in calls.items() if use in (Use.USED, Use.DENIED)):
        return _active(feature, features, active, calls)
    unseen = sorted(action for action, use in calls.items() if use == Use.UNSEEN)
    if unseen:
        first = uses.get(unseen[0], {})
        reason = Reason(first.get("reason") or Reason.NO_EVIDENCE)
        why = first.get("why") or "There is no verdict on them."
        return _verdict(Advice.UNSEEN, Blind(reason, why), unseen=unseen)
    if blind := _needed_later(feature, telling):
        return _verdict(Advice.UNSEEN, blind)
    return _verdict(Advice.DROP, why=f"None of its actions was called. {uses[min(telling)]['why']}")


def _needed_later(feature: Feature, telling: frozenset[str]) -> Blind | None:
    """Why a feature without calls can be needed."""
    if not telling:
        return Blind(Reason.SHARED, "Every agent calls its actions, whether it is needed or not.")
    if feature.capability.name in ASKED_FOR_BY_SESSIONS:
        return Blind(Reason.SESSIONS, "The session preferences decide whether the next session needs it.")
    if once := CALLED_ONCE.get(feature.name) or CALLED_ONCE.get(feature.capability.name):
        return Blind(Reason.RARE, f"{once}. The next instance can need it.")
    return None


def _telling(feature: Feature) -> frozenset[str]:
    """The actions of a feature whose calls say something of it."""
    actions = _ACTIONS[feature.name]
    return actions if feature.capability is QUIET_AGENT else actions - _CALLED_ANYWAY


def _active(
    feature: Feature, features: Collection[Feature], active: list[str], calls: Mapping[str, str]
) -> dict[str, Any]:
    """The verdict on a feature with actions that are called."""
    others = {
        action: [each.name for each in features if each is not feature and action in _ACTIONS[each.name]]
        for action in active
    }
    if own := [action for action in active if not others[action]]:
        denied = calls[own[0]] == Use.DENIED
        return _verdict(
            Advice.KEEP, why=f"`{own[0]}` is {'called, although every call was denied' if denied else 'used'}."
        )
    names = ", ".join(f"`{name}`" for name in others[active[0]])
    why = f"`{active[0]}` is called, and {names} can be the reason, too."
    return _verdict(Advice.UNSEEN, Blind(Reason.SHARED, why))


def _use_of(action: str, uses: Mapping[str, Mapping[str, Any]]) -> str:
    return uses[action]["use"] if action in uses else Use.UNSEEN.value


def _verdict(advice: Advice, blind: Blind | None = None, why: str = "", unseen: Collection[str] = ()) -> dict[str, Any]:
    return {
        "unseen": list(unseen),
        "advice": advice.value,
        "reason": blind.reason.value if blind else None,
        "why": blind.why if blind else why,
    }


def options_without(
    options: Mapping[str, Any], feature_rows: Iterable[Mapping[str, Any]], covered: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Options without what could be dropped.

    Args:
        options: The options that grant what the role has, as the audit proposes them.
        feature_rows: What :func:`feature_uses` says.
        covered: The features without an option of their own, as the audit has them: another option grants the same.
    """
    rows, left = list(feature_rows), dict(options)
    kept = {row["capability"] for row in rows if row["advice"] != Advice.DROP}
    for row in rows:
        if row.get("narrower"):
            left |= row["narrower"]
        if row["advice"] != Advice.DROP:
            continue
        depending = [
            each["capability"] for each in covered if row["capability"] in each["by"] and each["capability"] in kept
        ]
        if all(name in OPTIONS and OPTIONS[name].type == "boolean" for name in depending):
            _drop(left, _BY_NAME[row["capability"]])
            left |= dict.fromkeys(depending, True)
    return left


def _drop(options: dict[str, Any], feature: Feature) -> None:
    """Take a feature out of options."""
    option, _, key = feature.name.partition(".")
    if is_granted_by_default(feature.capability):
        options[option] = False
    elif not key:
        options.pop(option, None)
    elif option not in options:
        return
    elif OPTIONS[option].is_list_of_maps:
        options[option] = [{name: value for name, value in each.items() if name != key} for each in options[option]]
    else:
        left = {
            name: value
            for name, value in options.get(option, {}).items()
            if name != key and feature.name not in option_at(f"{option}.{name}").requires
        }
        required = OPTIONS[option].required_keys
        options[option] = left
        if required and not any(name in left for name in required):
            del options[option]
