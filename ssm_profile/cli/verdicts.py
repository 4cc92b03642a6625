"""The verdict on each feature: whether a policy grants what the feature's option would grant."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ssm_profile.catalogue import Grant
from ssm_profile.iam.evaluator import Decision, Outcome, Policy, Reason

from .reverse_lookup import Feature
from .templates import KnownValues, Values, values_by_path


class Verdict(Enum):
    """Whether a feature works."""

    WORKS = "works"
    WORKS_IF = "works if"
    """It depends on a condition or a value that is not known."""
    PARTLY = "partly"
    MISSING = "missing"


_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}
"""The verdicts, the best first."""


@dataclass(frozen=True)
class Row:
    """One action of a feature on its resources, and what the policy decides."""

    grant: Grant
    action: str
    resources: tuple[str, ...]
    """Patterns of ARNs, without the values that the option or the deployment decides."""
    decision: Decision
    is_allowed_on_some: bool
    """Whether the policy allows or may allow the action on some of the resources."""


@dataclass(frozen=True)
class Addition:
    """What the option of a feature grants with the values of the verdict, and the policy does not certainly grant."""

    action: str
    resources: tuple[str, ...]
    """ARNs, with wildcards for what the option or the deployment decides."""


@dataclass(frozen=True)
class FeatureVerdict:
    """The verdict on one feature."""

    feature: Feature
    verdict: Verdict
    rows: tuple[Row, ...]
    values: tuple[Values, ...] = ()
    """The values of options with which the feature works best. Empty where the policy allows every value."""
    requires: str | None = None
    """The feature that does not work, and without which this one has no effect."""
    additions: tuple[Addition, ...] = ()
    """For a feature that works, what its option grants beyond the policy."""

    @property
    def missing(self) -> list[Row]:
        """The rows that the policy does not allow, with those that the feature works without."""
        return [row for row in self.rows if row.decision.outcome is Outcome.DENIED]

    @property
    def reasons(self) -> list[Reason]:
        """What a verdict :attr:`Verdict.WORKS_IF` depends on, each once."""
        return list(
            dict.fromkeys(
                reason
                for row in self.rows
                if row.decision.outcome is Outcome.CONDITIONAL and not row.grant.is_optional
                for reason in row.decision.reasons
            )
        )


def rank(verdict: FeatureVerdict) -> int:
    """The place of a verdict among all, the best first."""
    return _RANK[verdict.verdict]


def known_values(verdicts: Iterable[FeatureVerdict]) -> KnownValues:
    """The values of options that a policy names, sorted."""
    return values_by_path((verdict.feature.name, values) for verdict in verdicts for values in verdict.values)


def partition_of_policy(policy: Policy, role_arn: str | None = None) -> str:
    """The partition in which a policy is judged: the role's, the one that most of its ARNs have, or aws."""
    if role_arn:
        return role_arn.split(":")[1]
    named = [
        parts[1]
        for each in (*policy.statements, *(policy.boundary or ()))
        for resource in each.resources
        if len(parts := resource.split(":")) > 1 and re.fullmatch("aws(-[a-z]+)*", parts[1])
    ]
    return max(named, key=named.count) if named else "aws"
