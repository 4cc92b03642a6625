"""The verdict on each action of a role: used, unused, denied only, or why it cannot be seen.

"Unused" is said only where every call would have been seen. Whatever is missing makes the verdict "cannot be seen": no
evidence never means that an action is unused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from .blindness import OLDEST, Blind, Period, Reason, blind_to_role, blindness_of, report_blindness
from .evidence import Calls, Coverage, Evidence, RoleKey, Source, role_key

_MOST_REGIONS = 4
"""Up to this number of regions, a sentence names them."""


class Use(StrEnum):
    """The closed list of verdicts."""

    USED = "used"
    UNUSED = "unused"
    DENIED = "denied only"
    """Every call was denied: something calls the action, and the role does not get it."""
    UNSEEN = "cannot be seen"


@dataclass(frozen=True)
class RoleFacts:
    """What IAM says of a role."""

    arn: str
    created: datetime | None = None
    """None if it is not known."""
    is_last_use_known: bool = False
    """Whether the answer of IAM has the last use. The one of ListRoles does not."""
    last_used: datetime | None = None
    """None if IAM knows of no use in the last 400 days."""
    last_region: str | None = None


@dataclass(frozen=True)
class _Witness:
    """A source that may have shown a call."""

    source: Source
    name: str
    """Its name with the regions of which it has events."""
    blind: Blind | None
    """Why it does not show that there was none."""


@dataclass
class _Subject:
    """What is known of the calls of one role."""

    facts: RoleFacts
    key: RoleKey | None
    period: Period
    calls: dict[str, Calls]
    sources: list[Source]
    """The sources with calls of its account."""


def uses(
    actions: Iterable[str], evidence: Evidence, role: RoleFacts, *, days: int, now: datetime
) -> list[dict[str, Any]]:
    """The verdict on each action, as plain data.

    Args:
        actions: The actions that the role is granted.
        evidence: The evidence.
        role: What IAM says of the role.
        days: For how many days an action must not have been called to be unused.
        now: The time of the verdict, with a time zone.

    Returns:
        For each action ``action``; ``use``, one of :class:`Use`; ``calls`` and ``denied``, the numbers of calls in the
        whole evidence; ``last``, the last call or attempt; ``sources``, which show this; ``reason``, one of
        :class:`Reason` or None; and ``why``, a sentence.
    """
    key = role_key(role.arn)
    subject = _Subject(
        role,
        key,
        _period(evidence, key, days, now.astimezone(UTC).date()),
        evidence.calls.get(key, {}) if key else {},
        [source for source, account in evidence.coverage if key and account == key[0]],
    )
    return [_use(action, evidence, subject) for action in actions]


def _period(evidence: Evidence, key: RoleKey | None, days: int, today: date) -> Period:
    """The days that decide: the last ones of which the evidence has something, if it is not too old."""
    covered = [
        day for (_, account), each in evidence.coverage.items() if key and account == key[0] for day in each.days
    ]
    last = date.fromisoformat(max(covered)) if covered else today
    if not today - timedelta(days=OLDEST) <= last <= today:
        last = today
    return Period(last - timedelta(days=days - 1), last, today)


def _use(action: str, evidence: Evidence, role: _Subject) -> dict[str, Any]:
    calls = role.calls.get(action, Calls())
    report = evidence.reports.get(role.key) if role.key else None
    attempt = report.tracked.get(action, "") if report else ""
    begin = _begin(role)
    found: dict[str, Any] = {
        "action": action,
        "use": Use.USED.value,
        "calls": calls.allowed,
        "denied": calls.denied,
        "last": max(calls.last_allowed, attempt) or None,
        "sources": [source.value for source in role.sources],
        "reason": None,
        "why": "",
    }
    if calls.last_allowed >= begin:
        times = "Once" if calls.allowed == 1 else f"{calls.allowed:,} times"
        return found | {"why": f"{times} in the evidence, the last time on {calls.last_allowed[:10]}."}
    if calls.last_denied >= begin:
        return found | {
            "use": Use.DENIED.value,
            "last": calls.last_denied,
            "why": f"Every call since {begin[:10]} was denied, the last on {calls.last_denied[:10]}. Something calls "
            "the action, and the role does not get it.",
        }
    if attempt >= begin:
        return found | {
            "sources": [Source.ADVISOR.value],
            "why": f"Attempted on {attempt[:10]}. Access Advisor counts denied attempts, too.",
        }
    return found | _without_calls(action, evidence, role)


def _begin(role: _Subject) -> str:
    """From when on a call counts as a use. Before, another role can have had the name."""
    created = role.facts.created
    begin = f"{role.period.first}T00:00:00Z"
    return max(begin, f"{created.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}") if created else begin


def _without_calls(action: str, evidence: Evidence, role: _Subject) -> dict[str, Any]:
    """The verdict on an action without a call in the period."""
    report = evidence.reports.get(role.key) if role.key else None
    tracked = report if report and action in report.tracked else None
    blind = blind_to_role(action, role.facts.created, role.period, is_tracked=tracked is not None)
    if blind or role.key is None:
        return _unseen(blind or Blind(Reason.NO_EVIDENCE, f"{role.facts.arn} is not the ARN of a role."))
    witnesses = [_witness(action, source, evidence, role) for source in role.sources]
    if tracked:
        witnesses.append(_Witness(Source.ADVISOR, Source.ADVISOR.value, report_blindness(tracked, role.period)))
    showing = [each for each in witnesses if each.blind is None]
    if showing:
        why = _unused(role.period, [each.name for each in showing])
        return {"use": Use.UNUSED.value, "sources": [each.source.value for each in showing], "why": why}
    none = Blind(Reason.NO_EVIDENCE, f"There is no evidence of account {role.key[0]}.")
    blinds = [each.blind for each in witnesses if each.blind] or [none]
    return _unseen(min(blinds, key=lambda each: list(Reason).index(each.reason)))


def _witness(action: str, source: Source, evidence: Evidence, role: _Subject) -> _Witness:
    """Whether a source would have shown a call of an action."""
    coverage = evidence.coverage_of(source, role.key[0] if role.key else "")
    blind = _silence(role) or blindness_of(action, source, coverage, role.period, evidence)
    region = role.facts.last_region
    if not blind and region and region not in coverage.regions:
        why = f"The role was last used in {region}, and there are no management events of it in {source}."
        blind = Blind(Reason.LEFT_OUT, why)
    return _Witness(source, f"{source} ({_regions(coverage)})", blind)


def _silence(role: _Subject) -> Blind | None:
    """Why an account's events can lack those of the role, if they have none of it."""
    begin = _begin(role)
    if any(max(each.last_allowed, each.last_denied) >= begin for each in role.calls.values()):
        return None
    facts = role.facts
    if not facts.is_last_use_known:
        return Blind(Reason.NO_EVIDENCE, "There is no call of the role, and it is not known whether it was used.")
    if facts.last_used and facts.last_used.astimezone(UTC).date() >= role.period.first:
        return Blind(
            Reason.NO_EVIDENCE,
            f"There is no call of the role, although IAM says that it was used on {facts.last_used:%Y-%m-%d}.",
        )
    return None


def _unused(period: Period, showing: list[str]) -> str:
    days = (period.last - period.first).days + 1
    return f"No call from {period.first} to {period.last} ({days} days). {' and '.join(showing)} would have shown one."


def _regions(coverage: Coverage) -> str:
    """The regions of which a source has events. It shows no calls in others."""
    regions = sorted(filter(None, coverage.regions))
    return ", ".join(regions) if len(regions) <= _MOST_REGIONS else f"{len(regions)} Regions"


def _unseen(blind: Blind) -> dict[str, Any]:
    return {"use": Use.UNSEEN.value, "sources": [], "reason": blind.reason.value, "why": blind.why}
