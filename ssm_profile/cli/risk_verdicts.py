"""The verdict on each risk: whether a policy allows what an instance must not be able to do."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ssm_profile.iam.conditions import Chosen, untagged
from ssm_profile.iam.documents import Statement
from ssm_profile.iam.evaluator import Decision, Need, Outcome, Policy, Reason
from ssm_profile.iam.patterns import VARIABLE
from ssm_profile.risks import RISKS, Call, Risk

from .judge import Judge
from .samples import Known

_OUTCOMES = list(Outcome)

_Own = Mapping[str, Sequence[str]]
"""The ARNs of the role itself, and of its managed policies, by the values of ``Call.on_itself``."""


@dataclass(frozen=True)
class RiskVerdict:
    """A risk that a policy has or may have."""

    risk: Risk
    is_certain: bool
    actions: tuple[tuple[str, ...], ...]
    """The ways in which the policy has it: actions that are enough together, or one action."""
    reasons: tuple[Reason, ...]
    """What it depends on. Empty if it is certain."""


def risk_verdicts(judge: Judge, policy_arns: Iterable[str] = ()) -> Iterator[RiskVerdict]:
    """The risks that a policy has or may have, the worst first.

    Args:
        judge: The judge of the policy.
        policy_arns: The ARNs of the managed policies of the role.
    """
    if judge.policy.unread_boundary:
        # It may take the dangerous actions away: that is what a boundary is for.
        limited = replace(judge.policy, boundary=judge.policy.with_unread().boundary)
        judge = Judge(limited, judge.partition, judge.role_arn, judge.account)
    own = {"role": (judge.role_arn,) if judge.role_arn else (), "policy": tuple(policy_arns)}
    statements = (*judge.policy.statements, *(judge.policy.boundary or ()))
    without_tags = untagged(each.condition for each in statements)
    general = Judge(_without_single_resources(judge.policy), judge.partition, judge.role_arn)
    for risk in RISKS:
        if verdict := _verdict(general, risk, {} if risk.takes_tagged else without_tags, own):
            yield verdict


def _verdict(judge: Judge, risk: Risk, known: Known, own: _Own) -> RiskVerdict | None:
    decisions = {way: _best([_decision(judge, way, known), *_on_itself(judge, way, own)]) for way in risk.ways}
    possible = {way: each for way, each in decisions.items() if each.outcome is not Outcome.DENIED}
    if not possible:
        return None
    certain = {way: each for way, each in possible.items() if each.outcome is Outcome.ALLOWED}
    reasons = dict.fromkeys(reason for each in possible.values() for reason in each.reasons)
    return RiskVerdict(
        risk,
        bool(certain),
        tuple(tuple(call.action for call in way) for way in certain or possible),
        () if certain else tuple(reasons),
    )


def _decision(judge: Judge, calls: Iterable[Call], known: Known) -> Decision:
    """The decision about calls that must all be allowed, in the most favorable region."""
    return _best(_decision_in(region, judge, calls, known) for region in judge.regions())


def _on_itself(judge: Judge, calls: Sequence[Call], own: _Own) -> Iterator[Decision]:
    """The decisions about one call for the role itself, or for each of its own policies, whatever tags it has."""
    if len(calls) == 1:
        for arn in own.get(calls[0].on_itself, ()):
            yield judge.decide(calls[0].action, Need((arn,), whole=True))


def _best(decisions: Iterable[Decision]) -> Decision:
    """The most favorable decision, the first one of equals."""
    return min(decisions, key=lambda each: _OUTCOMES.index(each.outcome))


def _decision_in(region: str, judge: Judge, calls: Iterable[Call], known: Known) -> Decision:
    """The decision about calls in a region: the least favorable outcome, and what each of them depends on."""
    outcome, reasons = Outcome.ALLOWED, list[Reason]()
    for call in calls:
        for resource in call.resources:
            need = Need(tuple(each.format(partition=judge.partition, region=region) for each in resource))
            decision = judge.decide(call.action, need, {**known, **_passed_to(call, judge.partition)})
            if decision.outcome is Outcome.DENIED:
                return decision
            outcome = max(outcome, decision.outcome, key=_OUTCOMES.index)
            reasons += decision.reasons
    return Decision(outcome, tuple(reasons))


def _passed_to(call: Call, partition: str) -> Known:
    """The service to which a call passes a role. In China, some names of services end with ``.cn``."""
    any_end = "*" if partition == "aws-cn" else ""
    return {"iam:passedtoservice": (Chosen(call.passed_to + any_end),)} if call.passed_to else {}


def _without_single_resources(policy: Policy) -> Policy:
    """The policy without the resources that an unknown value makes one resource: no risk is about one resource."""

    def general(statement: Statement) -> Statement:
        return replace(statement, resources=tuple(each for each in statement.resources if not _is_single(each)))

    boundary = None if policy.boundary is None else tuple(map(general, policy.boundary))
    return replace(policy, statements=tuple(map(general, policy.statements)), boundary=boundary)


_VALUE = "\0"


def _is_single(resource: str) -> bool:
    """Whether a resource has an unknown value where its name is. The value contains no wildcard.

    An unknown region or account makes no single resource, and neither does an ARN that is unknown as a whole.
    """
    names = [match[1] for match in VARIABLE.finditer(resource)]
    parts = VARIABLE.sub(_VALUE, resource).split(":", 5)
    if len(parts) == 6:  # noqa: PLR2004 - an ARN
        return _VALUE in parts[5]
    if not parts[0].startswith(_VALUE):
        return False
    # The ARN of a resource, as CloudFormation and Terraform write it, or something below it.
    is_attribute = re.fullmatch(r"(?!var\.|local\.).+\.arn", names[0], re.IGNORECASE) is not None
    return is_attribute or parts[0].startswith(f"{_VALUE}/")
