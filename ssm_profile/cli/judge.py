"""Judges the features of a policy.

The options of a feature leave values open: a path, a bucket, the region of the deployment. A feature works if there are
values for which the policy grants everything that the feature needs. What its option would grant in addition is part of
the verdict.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ssm_profile.catalogue import ANY_INSTANCE
from ssm_profile.iam.documents import Statement
from ssm_profile.iam.evaluator import Decision, Evaluator, Kind, Need, Outcome, Policy, Reason, as_alternatives
from ssm_profile.iam.instance import instance_context
from ssm_profile.options import OPTIONS

from .candidates import MOST_LOCATIONS, Candidates, own_account
from .feature_resources import FEATURES_BY_KEY, need_of, resources_of
from .reverse_lookup import FEATURES, Feature, actions_of, tight_templates
from .samples import Known, completed, condition_values
from .templates import SAMPLE_LOCATION, Values, as_pattern, filled, only_options, sample_of
from .verdicts import Addition, FeatureVerdict, Row, Verdict, known_values, rank

_LISTS_OF_MAPS = {name for name, option in OPTIONS.items() if option.is_list_of_maps}
_TIME = re.compile("aws:(Current|Epoch|TokenIssue)Time", re.IGNORECASE)
"""What a policy contains if its answer can depend on the time."""
_WORKING = (Verdict.WORKS, Verdict.WORKS_IF)
_ALLOWED, _UNLESS_DENIED, _CONDITIONAL, _DENIED = range(4)


@dataclass
class Judge:
    """Judges the features of one policy."""

    policy: Policy
    partition: str
    role_arn: str | None = None
    account: str | None = None
    """The account of the role, if the ARN of the role is not known."""
    _evaluators: dict[tuple[object, ...], Evaluator] = field(default_factory=dict[tuple[object, ...], Evaluator])

    def __post_init__(self) -> None:
        self._context = instance_context(self.partition, self.role_arn)
        self._touched = [_features_with(each.actions, each.except_actions) for each in self.policy.statements]
        self._found_relevant: dict[tuple[int, ...], _Relevant] = {}
        self._with_unread = self.policy.with_unread()
        self._role_account = self.role_arn.split(":")[4] if self.role_arn else None
        self._own_account = self._role_account or self.account or own_account(self.policy)
        self._candidates = Candidates(self.policy, self._role_account, self._own_account)

    def verdicts(self) -> list[FeatureVerdict]:
        """The verdict on every feature, in the order of the catalogue. An alternative counts if the policy names it."""
        judged = (each for each in FEATURES if not each.capability.alternative_to or self._candidates.named(each))
        found = {feature.name: min(map(self._remembered, feature.alternatives), key=rank) for feature in judged}
        return [self._with_required(each, found) for each in found.values()]

    def _remembered(self, feature: Feature) -> FeatureVerdict:
        """The verdict on a feature. Only the statements decide it that apply to one of its actions."""
        relevant = self._relevant(feature)
        if _TIME.search(relevant.text):
            return self.verdict(feature)
        return _verdict_on(feature.key, relevant, self.partition, self.role_arn, self._own_account)

    def _relevant(self, feature: Feature) -> "_Relevant":
        """The policy with only the statements that apply to an action of a feature."""
        numbers = tuple(number for number, touched in enumerate(self._touched) if feature.key in touched)
        if numbers not in self._found_relevant:
            statements = tuple(self.policy.statements[number] for number in numbers)
            # The boundary stays whole, since its first statement has its name.
            policy = replace(self.policy, name="", statements=statements)
            self._found_relevant[numbers] = _Relevant(repr(policy), policy)
        return self._found_relevant[numbers]

    def _with_required(self, verdict: FeatureVerdict, found: Mapping[str, FeatureVerdict]) -> FeatureVerdict:
        """The verdict on a feature, which works only where the features that it requires do."""
        for name in verdict.feature.requires:
            if name in found and verdict.verdict in _WORKING:
                verdict = self._with(verdict, found[name])
        return verdict

    def _with(self, verdict: FeatureVerdict, required: FeatureVerdict) -> FeatureVerdict:
        """The verdict on a feature that works by itself, with the verdict on one that it requires."""
        if required.verdict not in _WORKING:
            return replace(verdict, verdict=Verdict.PARTLY, requires=required.feature.name)
        if required.verdict is Verdict.WORKS_IF:
            uncertain = (row for row in required.rows if row.decision.outcome is Outcome.CONDITIONAL)
            return replace(verdict, verdict=Verdict.WORKS_IF, rows=(*verdict.rows, *uncertain), additions=())
        if verdict.verdict is Verdict.WORKS and not self._grants_each(verdict, required):
            return replace(verdict, verdict=Verdict.PARTLY)
        return verdict

    def _grants_each(self, verdict: FeatureVerdict, required: FeatureVerdict) -> bool:
        """Whether the policy grants a part of a capability with every value of a list that the two share.

        In a list of maps, each map says whether it has the part, so that one is sufficient.
        """
        if required.feature.name in _LISTS_OF_MAPS:
            pairs = ((part, whole) for part in verdict.values or [{}] for whole in required.values or [{}])
            return any(
                self._grants(verdict.feature, {**part, **whole})
                for part, whole in pairs
                if all(part[path] == whole[path] for path in set(part) & set(whole))
            )
        known = known_values([verdict, required])
        lists = {grant.each for grant in verdict.feature.grants if grant.each} & set(known)
        others = {path: values[0] for path, values in known.items() if path not in lists}
        return all(self._grants(verdict.feature, others | {path: value}) for path in lists for value in known[path])

    def _grants(self, feature: Feature, values: Values) -> bool:
        """Whether the policy certainly grants everything that a feature grants with some values."""
        locations: list[Values] = [SAMPLE_LOCATION, *self._candidates.locations(feature)]
        return any(
            _worst(self._rows(feature, self._completed({**location, **values}))) == _ALLOWED for location in locations
        )

    def decide(self, action: str, need: Need, known: Known | None = None) -> Decision:
        """What the policy decides about an action, whatever its use. Policies that cannot be read do not count.

        Args:
            action: The action, such as ``ssm:GetParameter``.
            need: The resources on which it must be allowed.
            known: What is known of the request in addition.
        """
        return self._evaluator(self.policy, known or {}).decide(action, need)

    def regions(self) -> list[str]:
        """The regions that the policy names, and a sample."""
        named = [each.split(":") for one in self.policy.statements for each in one.resources]
        found = {sample_of("region", parts[3]): None for parts in named if len(parts) > 5 and parts[3]}  # noqa: PLR2004
        return list(found | {SAMPLE_LOCATION["region"]: None})[-MOST_LOCATIONS:]

    def without_uncertain_denies(self, verdicts: Iterable[FeatureVerdict]) -> "Judge":
        """The judge of the policy without the statements that deny if something unknown holds.

        Whoever replaces the policy keeps these statements. The options grant what works where they do not apply.

        Args:
            verdicts: The verdicts of this judge.
        """
        reasons = (reason for verdict in verdicts for reason in verdict.reasons)
        uncertain = {each.statement for each in reasons if each.kind is Kind.EXPLICIT_DENY and each.statement}
        policy = self.policy
        statements = tuple(each for each in policy.statements if each not in uncertain)
        boundary = policy.boundary and tuple(each for each in policy.boundary if each not in uncertain)
        if (statements, boundary) == (policy.statements, policy.boundary):
            return self
        policy = replace(policy, statements=statements, boundary=boundary)
        return Judge(policy, self.partition, self.role_arn, self.account)

    def verdict(self, feature: Feature) -> FeatureVerdict:
        """The verdict on one feature by itself, without those that it requires."""
        results = list[tuple[Values, tuple[Row, ...]]]()
        for values in self._candidates.of(feature):
            results.append((values, tuple(self._rows(feature, self._completed(values)))))
        worst = [_worst(rows) for _, rows in results]
        best = min(worst)
        working = [result for result, badness in zip(results, worst, strict=True) if badness == best]
        if best == _DENIED:
            most = max(sum(map(_allowed, rows)) for _, rows in results)
            best_results = [result for result in results if sum(map(_allowed, result[1])) == most]
            rows = best_results[0][1]
            if not any(row.is_allowed_on_some for row in rows):
                return FeatureVerdict(feature, Verdict.MISSING, rows)
            return FeatureVerdict(feature, Verdict.PARTLY, rows, _given(values for values, _ in best_results))
        verdict = Verdict.WORKS if best == _ALLOWED else Verdict.WORKS_IF
        found = FeatureVerdict(feature, verdict, working[0][1], _given(values for values, _ in working))
        if verdict is Verdict.WORKS_IF:
            return found
        return replace(found, additions=tuple(self._additions(feature, [values for values, _ in working])))

    def _additions(self, feature: Feature, working: Iterable[Values]) -> Iterator[Addition]:
        """What the option grants beyond the policy with the values with which a feature works."""
        found: dict[str, dict[str, None]] = {}
        for values in working:
            sample = self._completed(values)
            known = {path: value for path, value in values.items() if value != SAMPLE_LOCATION.get(path)}
            for grant in feature.grants:
                evaluator = self._evaluator(self._with_unread, condition_values(grant, sample, self.partition))
                for template in tight_templates(feature, grant):
                    need = need_of(filled(template, grant, sample))
                    shown = as_pattern(template, {**known, "partition": self.partition}, grant.each)
                    for action in actions_of(grant):
                        if evaluator.decide(action, need).outcome is not Outcome.ALLOWED:
                            found.setdefault(action, {})[shown] = None
        for action, resources in found.items():
            yield Addition(action, tuple(resources))

    def _rows(self, feature: Feature, values: Values) -> Iterator[Row]:
        for grant, groups in resources_of(feature.key, self.partition):
            evaluator = self._evaluator(self._with_unread, condition_values(grant, values, self.partition))
            for group in groups:
                # Most policies grant what is below a value, whose template comes last.
                needs = [need_of(filled(each, grant, values)) for each in reversed(group.templates)]
                for action in actions_of(grant):
                    decision = _most_favorable(evaluator, action, needs)
                    if group.templates == (ANY_INSTANCE,) and decision.outcome is Outcome.DENIED:
                        decision = self._on_one_instance(evaluator, action, values, decision)
                    on_some = decision.outcome is not Outcome.DENIED or any(
                        evaluator.decide(action, part).outcome is not Outcome.DENIED for part in group.parts
                    )
                    yield Row(grant, action, group.patterns, decision, on_some)

    def _on_one_instance(self, evaluator: Evaluator, action: str, values: Values, on_all: Decision) -> Decision:
        """The decision on the instance's own ARN, where the action is not allowed on every instance.

        A policy can name one region and one account: the instance is there. Which instance it is cannot be known.
        """
        instances = ANY_INSTANCE.replace("*:*", "{region}:{account}").format_map(values)
        here = evaluator.decide(action, Need((instances,), whole=True))
        is_denied = any(reason.kind is Kind.EXPLICIT_DENY for reason in on_all.reasons)
        if here.outcome is not Outcome.DENIED and not is_denied:
            return here
        account = values["account"] if self.role_arn else "*"
        anywhere = ANY_INSTANCE.replace("*:*", f"*:{account}").format_map(values)
        if evaluator.decide(action, Need((anywhere,))).outcome is Outcome.DENIED:
            return on_all
        return Decision(Outcome.CONDITIONAL, tuple(self._which_instance(action, on_all.reasons)))

    def _which_instance(self, action: str, reasons: Sequence[Reason]) -> Iterator[Reason]:
        """The statements that name some instances, as what a decision depends on."""
        named = [each.statement for each in reasons if each.statement and each.kind is Kind.OTHER_RESOURCES]
        yield from as_alternatives(map(_unknown_resources, named))
        for each in reasons:
            if each.statement and each.kind is Kind.EXPLICIT_DENY:
                yield Reason(Kind.EXPLICIT_DENY, each.statement, ", ".join(each.statement.scope()))
            elif each.kind is Kind.BOUNDARY:
                limits = [one for one in self.policy.boundary or () if one.allows and one.has_action(action)]
                yield from as_alternatives(map(_unknown_resources, limits))

    def _completed(self, values: Values) -> dict[str, str]:
        return completed(values, self.partition, self._role_account)

    def _evaluator(self, policy: Policy, known: Known) -> Evaluator:
        key = (id(policy), *sorted(known.items(), key=lambda item: item[0]))
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(policy, {**self._context, **known})
        return self._evaluators[key]


def _badness(decision: Decision) -> int:
    """How bad a decision is. What only a statement that denies may prevent is better than another condition."""
    if decision.outcome is Outcome.CONDITIONAL:
        only_denies = all(reason.kind is Kind.EXPLICIT_DENY for reason in decision.reasons)
        return _UNLESS_DENIED if only_denies else _CONDITIONAL
    return _ALLOWED if decision.outcome is Outcome.ALLOWED else _DENIED


def _worst(rows: Iterable[Row]) -> int:
    """The badness of the worst decision on what a feature does not work without."""
    return max((_badness(row.decision) for row in rows if not row.grant.is_optional), default=_ALLOWED)


def _most_favorable(evaluator: Evaluator, action: str, needs: Sequence[Need]) -> Decision:
    """The most favorable decision about an action, the first one of equals."""
    best = evaluator.decide(action, needs[0])
    for need in needs[1:]:
        if best.outcome is Outcome.ALLOWED:
            break
        other = evaluator.decide(action, need)
        best = min(best, other, key=_badness)
    return best


def _given(found: Iterable[Values]) -> tuple[Values, ...]:
    """The values of options, without those of the location."""
    return tuple(options for values in found if (options := only_options(values)))


def _unknown_resources(statement: Statement) -> Reason:
    """That it is not known whether the resources of a statement match."""
    return Reason(Kind.UNKNOWN_VALUE, statement, ", ".join(statement.scope()))


def _allowed(row: Row) -> int:
    return (row.decision.outcome is not Outcome.DENIED) + row.is_allowed_on_some


@dataclass(frozen=True)
class _Relevant:
    """The part of a policy that the verdict on a feature depends on."""

    text: str
    """All of it. Conditions that are equal need not have the same text: ``1`` equals ``true``."""
    policy: Policy = field(compare=False)


# The policies of a fleet have most statements in common. It has room for some hundreds of policies.
@lru_cache(maxsize=4_000)
def _verdict_on(
    key: tuple[str | None, ...], relevant: _Relevant, partition: str, role_arn: str | None, account: str | None
) -> FeatureVerdict:
    return Judge(relevant.policy, partition, role_arn, account).verdict(FEATURES_BY_KEY[key])


@lru_cache(maxsize=10_000)
def _features_with(actions: tuple[str, ...], except_actions: bool) -> frozenset[tuple[str | None, ...]]:  # noqa: FBT001
    """The keys of the features that have an action to which a statement with some patterns applies."""
    statement = Statement(True, actions, except_actions, (), False, {})  # noqa: FBT003
    return frozenset(
        key for key, feature in FEATURES_BY_KEY.items() if any(map(statement.has_action, feature.actions()))
    )
