"""Why a time without a call of an action can be no time without a use of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from ssm_profile.visibility import Kind, visibility_of

from .access_advisor import TRACKED_DAYS
from .evidence import Coverage, Evidence, Report, Source

OLDEST = 7
"""How many days ago the evidence may end. Calls after its end are not in it."""

_EXCLUDABLE = "kms"
"""The service of the catalogue whose management events a trail can leave out. Event data stores can leave out any.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
"""


class Reason(StrEnum):
    """The closed list of reasons why something cannot be seen."""

    NOT_KNOWN = "not known how it is recorded"
    NEVER = "never recorded"
    YOUNG = "role too young"
    NO_EVIDENCE = "no evidence"
    DATA_EVENT = "data event not in the evidence"
    LEFT_OUT = "left out of the evidence"
    PERIOD = "evidence covers fewer days"
    DAMAGED = "evidence incomplete"
    SHARED = "used, perhaps by another feature"
    RARE = "used once by each instance"
    REQUIRED = "required by another feature"


@dataclass(frozen=True)
class Blind:
    """Why something cannot be seen."""

    reason: Reason
    why: str


@dataclass(frozen=True)
class Period:
    """The days in which a call counts as a use."""

    first: date
    last: date
    today: date

    def days(self) -> Iterator[str]:
        """Its days, such as ``2026-11-27``."""
        for number in range((self.last - self.first).days + 1):
            yield (self.first + timedelta(days=number)).isoformat()


def blind_to_role(action: str, created: datetime | None, period: Period, *, is_tracked: bool) -> Blind | None:
    """Why no evidence can show that a role does not use an action.

    Args:
        action: The action.
        created: When the role was created, if it is known.
        period: The days that decide.
        is_tracked: Whether Access Advisor tracks the action.
    """
    visibility = visibility_of(action)
    if visibility is None and not is_tracked:
        return Blind(Reason.NOT_KNOWN, "It is not known whether CloudTrail records it: no option grants it.")
    if visibility and visibility.kind is Kind.NEVER and not is_tracked:
        return Blind(Reason.NEVER, f"AWS's page lists no event of it: <{visibility.source}>.")
    if created is None:
        return Blind(Reason.YOUNG, "It is not known when the role was created.")
    if created.astimezone(UTC).date() >= period.first:
        return Blind(
            Reason.YOUNG, f"The role was created on {created:%Y-%m-%d}, after the begin of the period, {period.first}."
        )
    return None


def report_blindness(report: Report, period: Period) -> Blind | None:
    """Why a report of Access Advisor does not show that a tracked action is unused."""
    until = date.fromisoformat(report.until[:10])
    if until < period.today - timedelta(days=OLDEST):
        return Blind(Reason.PERIOD, f"The report of Access Advisor is of {until}. Generate a new one.")
    if until - timedelta(days=TRACKED_DAYS) > period.first:
        return Blind(Reason.PERIOD, f"Access Advisor reports only {TRACKED_DAYS} days.")
    return None


def period_blindness(source: Source, coverage: Coverage, period: Period, evidence: Evidence) -> Blind | None:
    """Why a source does not show that an account had no calls of any kind in a period."""
    return _incomplete(source, coverage, period, evidence) or _too_short(source, coverage, period)


def action_blindness(action: str, source: Source, coverage: Coverage, evidence: Evidence) -> Blind | None:
    """Why a source can lack the kind of events of an action.

    Args:
        action: The action.
        source: The source.
        coverage: What the source has of the account.
        evidence: The whole evidence.
    """
    visibility, service = visibility_of(action), action.partition(":")[0]
    if visibility is None or visibility.kind is Kind.NEVER:
        return Blind(Reason.NEVER, "CloudTrail lists no event of it.")
    if visibility.kind is Kind.DATA:
        return _without_data_events(service, source, coverage, evidence)
    if not (coverage.reads and coverage.writes):
        missing = "writes" if coverage.reads else "reads"
        return Blind(
            Reason.LEFT_OUT, f"There are no management events of {missing} in {source}. A trail can leave them out."
        )
    if (service == _EXCLUDABLE or source is Source.LAKE) and service not in coverage.services:
        return Blind(Reason.LEFT_OUT, f"There are no management events of {service} in {source}. They can be left out.")
    return None


def _without_data_events(service: str, source: Source, coverage: Coverage, evidence: Evidence) -> Blind | None:
    if service not in coverage.data_services:
        return Blind(Reason.DATA_EVENT, f"There are no data events of {service} in {source}. They are off by default.")
    if service not in evidence.logged:
        why = f"There are data events of {service} in {source}, but a trail can log those of some resources only."
        return Blind(Reason.DATA_EVENT, why)
    return None


def _incomplete(source: Source, coverage: Coverage, period: Period, evidence: Evidence) -> Blind | None:
    if source in evidence.incomplete:
        return Blind(Reason.DAMAGED, f"A part of {source} could not be read.")
    if damaged := sorted(coverage.incomplete.intersection(period.days())):
        return Blind(Reason.DAMAGED, f"A file of {damaged[0]} could not be read.")
    return None


def _too_short(source: Source, coverage: Coverage, period: Period) -> Blind | None:
    missing = [day for day in period.days() if day not in coverage.days]
    if not missing:
        return None
    if not coverage.days:
        return Blind(Reason.PERIOD, f"There are no management events of the account in {source}.")
    if max(coverage.days) < period.first.isoformat():
        return Blind(Reason.PERIOD, f"The events in {source} end on {max(coverage.days)}.")
    if min(coverage.days) > period.first.isoformat():
        return Blind(Reason.PERIOD, f"The events in {source} begin on {min(coverage.days)}, after {period.first}.")
    others = f" and {len(missing) - 1} other days" if len(missing) > 1 else ""
    return Blind(Reason.PERIOD, f"There are no events of the account in {source} on {missing[0]}{others}.")
