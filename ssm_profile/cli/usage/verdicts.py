"""The verdict on each action of a role: used, unused, denied only, or why it cannot be seen.

"Unused" is said only where every call would have been seen. Whatever is missing makes the verdict "cannot be seen": no
evidence never means that an action is unused.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from ssm_profile.cli.report import count_of
from ssm_profile.errors import InputError

from .blindness import (
    OLDEST,
    Blind,
    Period,
    Reason,
    View,
    action_blindness,
    blind_to_role,
    period_blindness,
    report_blindness,
)
from .evidence import Calls, Coverage, Evidence, RegionDays, Report, RoleKey, Source, matches, role_key

_RANK = {reason: rank for rank, reason in enumerate(Reason)}

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
    regions: frozenset[str] = frozenset()
    """The Regions that its account has enabled: the role can call in each of them. Empty if they are not known."""


@dataclass(frozen=True)
class _Witness:
    """A source that has calls of a role's account."""

    source: Source
    coverage: Coverage
    blind: Blind | None
    """Why it does not show that the role made no calls, of whatever action."""

    @property
    def name(self) -> str:
        """Its name with the Regions of which it has events. It shows no calls in others."""
        regions = sorted(self.coverage.regions)
        listed = ", ".join(regions) if len(regions) <= _MOST_REGIONS else f"{len(regions)} Regions"
        return f"{self.source} ({listed})"


@dataclass(frozen=True)
class _Subject:
    """A role, and what is known of its calls."""

    facts: RoleFacts
    account: str
    view: View
    calls: Mapping[str, Calls]
    report: Report | None
    witnesses: tuple[_Witness, ...]


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
    if key is None:
        raise InputError(f"{role.arn} is not the ARN of a role.")
    subject = _subject(evidence, key, role, days, now.astimezone(UTC).date())
    return [_use(action, subject) for action in actions]


def _subject(evidence: Evidence, key: RoleKey, role: RoleFacts, days: int, today: date) -> _Subject:
    account = key[0]
    coverages = {source: found for source in Source if (found := evidence.coverage.get((source, account)))}
    regions = role.regions | {role.last_region or ""} - {""} if role.regions else role.regions
    period = _period(coverages.values(), regions, days, today, evidence.reports.get(key))
    begin = f"{period.first}T00:00:00Z"
    if role.created:
        begin = max(begin, f"{role.created.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    view = View(evidence, account, period, begin, regions)
    calls = evidence.calls.get(key, {})
    silence = _silence(role, calls, period, begin)
    witnesses = (
        _Witness(
            source,
            coverage,
            silence or period_blindness(source, coverage, view),
        )
        for source, coverage in coverages.items()
    )
    return _Subject(role, account, view, calls, evidence.reports.get(key), tuple(witnesses))


def _period(
    coverages: Iterable[Coverage], regions: Collection[str], days: int, today: date, report: Report | None
) -> Period:
    """The days that decide: the last ones of which the evidence has something, if it is not too old."""
    oldest = (today - timedelta(days=OLDEST)).isoformat()
    ends = [end for each in coverages if oldest <= (end := _end(each, regions, oldest, today.isoformat()))]
    if not ends and report and oldest <= report.until[:10] <= today.isoformat():
        ends = [report.until[:10]]
    last = date.fromisoformat(max(ends)) if ends else today
    return Period(last - timedelta(days=days - 1), last, today)


def _end(coverage: Coverage, regions: Collection[str], oldest: str, today: str) -> str:
    """The last day of which a source has events in each Region. If one has had none for long, in any Region.

    The time of an event is that of a host of AWS, whose clock can be ahead.
    """
    listed = [coverage.regions.get(name, RegionDays()) for name in {*regions, *coverage.regions}]
    kinds = [kind for each in listed for kind in (each.reads, each.writes)]
    ends = [last if (last := max(kind, default="")) <= today else _last_until(today, kind) for kind in kinds]
    return min(ends) if ends and min(ends) >= oldest else max(ends, default="")


def _last_until(today: str, days: Iterable[str]) -> str:
    return max((day for day in days if day <= today), default="")


def _use(action: str, role: _Subject) -> dict[str, Any]:
    calls, begin = Calls(), role.view.begin
    for called, found_calls in role.calls.items():
        if matches(called, action):
            calls.add(found_calls)
    tracked = role.report.tracked if role.report else {}
    attempt = max((time for each, time in tracked.items() if matches(each, action)), default="")
    found: dict[str, Any] = {
        "action": action,
        "use": Use.USED.value,
        "calls": calls.allowed,
        "denied": calls.denied,
        "last": max(calls.last_allowed, attempt) or None,
        "sources": [each.source.value for each in role.witnesses],
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
            "why": f"Every call in the evidence since {begin[:10]} was denied, the last on {calls.last_denied[:10]}. "
            "Something calls the action, and the role does not get it.",
        }
    if attempt >= begin:
        return found | {
            "sources": [Source.ADVISOR.value],
            "why": f"Attempted on {attempt[:10]}. Access Advisor counts denied attempts, too.",
        }
    return found | _without_calls(action, role)


def _without_calls(action: str, role: _Subject) -> dict[str, Any]:
    """The verdict on an action without a call in the period."""
    tracked = role.report if role.report and action in role.report.tracked else None
    blind = blind_to_role(action, role.facts.created, role.view.period, is_tracked=tracked is not None)
    if blind:
        return _unseen(blind)
    found = {
        each.source: (each.name, action_blindness(action, each.source, each.coverage, role.view) or each.blind)
        for each in role.witnesses
    }
    if tracked:
        found[Source.ADVISOR] = (Source.ADVISOR.value, report_blindness(tracked, role.view.period))
    showing = {source.value: name for source, (name, blind) in found.items() if blind is None}
    if showing:
        why = _unused(role.view.period, showing.values())
        return {"use": Use.UNUSED.value, "sources": list(showing), "why": why}
    none = Blind(Reason.NO_EVIDENCE, f"There is no evidence of account {role.account}.")
    return _unseen(min([blind for _, blind in found.values() if blind] or [none], key=lambda each: _RANK[each.reason]))


def _silence(role: RoleFacts, calls: Mapping[str, Calls], period: Period, begin: str) -> Blind | None:
    """Why the events of an account can lack those of the role, if they have none of it."""
    if any(max(each.last_allowed, each.last_denied) >= begin for each in calls.values()):
        return None
    if not role.is_last_use_known:
        return Blind(Reason.NO_EVIDENCE, "There is no call of the role, and it is not known whether it was used.")
    used = role.last_used and role.last_used.astimezone(UTC).date()
    if used and used >= period.first:
        why = f"There is no call of the role, although IAM says that it was used on {used}."
        return Blind(Reason.NO_EVIDENCE, why)
    return None


def _unused(period: Period, names: Iterable[str]) -> str:
    days = count_of((period.last - period.first).days + 1, "day")
    return f"No call from {period.first} to {period.last} ({days}). {' and '.join(names)} would have shown one."


def _unseen(blind: Blind) -> dict[str, Any]:
    return {"use": Use.UNSEEN.value, "sources": [], "reason": blind.reason.value, "why": blind.why}
