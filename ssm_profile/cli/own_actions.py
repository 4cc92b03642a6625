"""The actions that show that a role uses a capability, although its policies grant only a part of what it needs."""

from collections.abc import Iterable

from ssm_profile.iam.evaluator import Outcome
from ssm_profile.risks import RISKS

from .reverse_lookup import FEATURES, actions_of
from .templates import option_fields
from .verdicts import FeatureVerdict

_DANGEROUS = {call.action for risk in RISKS for way in risk.ways for call in way}
"""The actions of every risk. Each has uses without Systems Manager."""


def own_actions(partial: FeatureVerdict, working: Iterable[FeatureVerdict], others: Iterable[str] = ()) -> list[str]:
    """The granted actions of a capability that neither are dangerous nor belong to a capability that works.

    Dangerous actions count if a capability, with those that it requires, consists of them, such as reading parameters.

    Args:
        partial: The verdict on the capability.
        working: The verdicts on the capabilities that work.
        others: Further actions that the options grant on every resource.
    """
    granted = {
        row.action for row in partial.rows if row.is_allowed_on_some or row.decision.outcome is not Outcome.DENIED
    }
    names = (partial.feature.name, *partial.feature.requires)
    needed = {action for feature in FEATURES if feature.name in names for action in feature.actions()}
    if needed - _DANGEROUS:
        granted -= _DANGEROUS
    granted -= set(others)
    listed = list(working)
    return sorted(action for action in granted if not any(_shares(action, partial, each) for each in listed))


def _shares(action: str, partial: FeatureVerdict, working: FeatureVerdict) -> bool:
    """Whether a capability that works has an action of another one, on the names for which the policy grants it."""
    grants = [grant for grant in working.feature.grants if action in actions_of(grant)]
    names, known = _names(partial), _names(working)
    if not grants or not names or names <= known:
        return bool(grants)
    takes_any = any(map(option_fields, grants)) and not known
    return takes_any or any("*" in grant.resources for grant in grants)


def _names(verdict: FeatureVerdict) -> set[str]:
    """The names that the policy gives to the options of a capability."""
    return {name for values in verdict.values for name in values.values()}
