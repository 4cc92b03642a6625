"""Why a time without a call of an action can be no time without a use of it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from ssm_profile.cli.report import count_of
from ssm_profile.visibility import Kind, visibility_of

from .access_advisor import TRACKED_DAYS
from .evidence import Coverage, Evidence, RegionDays, Report, Source, matches
from .selectors import Logged
from .trails import Trail

OLDEST = 7
"""How many days ago the evidence may end. Calls after its end are not in it."""

_MOST_QUIET_DAYS = 7
"""How many days in a row a Region can have no event of the account although a trail logs it. The events of a Region
that is in use do not stop for longer, so that files are missing then."""

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
    CALLER = "caller not known"
    LEFT_OUT = "left out of the evidence"
    PART = "part of a log file"
    REGION = "Region not in the evidence"
    PERIOD = "evidence covers fewer days"
    DAMAGED = "evidence incomplete"
    SHARED = "used, perhaps by another feature"
    RARE = "used once by each instance"
    REQUIRED = "required by another feature"
    SESSIONS = "asked for by session preferences"


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

    def days(self) -> frozenset[str]:
        """Its days, such as ``2026-11-27``."""
        return _days(self.first, self.last)

    def missing(self, days: AbstractSet[str]) -> list[str]:
        """Its days that are not among others."""
        return sorted(self.days() - days)

    def quiet(self, days: AbstractSet[str]) -> list[str]:
        """The first days in a row that are not among others, if they are too many. Nothing otherwise."""
        row = list[str]()
        for day in sorted(self.days()):
            if day not in days:
                row.append(day)
            elif len(row) > _MOST_QUIET_DAYS:
                break
            else:
                row.clear()
        return row if len(row) > _MOST_QUIET_DAYS else []

    def has_any(self, days: AbstractSet[str]) -> bool:
        """Whether one of its days is among others."""
        return not self.days().isdisjoint(days)


@lru_cache(maxsize=64)
def _days(first: date, last: date) -> frozenset[str]:
    return frozenset((first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1))


@dataclass(frozen=True)
class View:
    """What is asked of each source: whether it would have shown the calls of a role in a period."""

    evidence: Evidence
    account: str
    period: Period
    begin: str
    """From when on a call counts as a use."""
    enabled: frozenset[str]
    """The Regions in which the role can call. Empty if they are not known."""

    def regions_of(self, coverage: Coverage) -> list[str]:
        """The Regions of which a source must have the events: a Region with events of the account is one, too."""
        return sorted(self.enabled | set(coverage.regions))

    def unknown_calls(self, action: str) -> str:
        """The time of the last call of an action in the period that names no caller. Nothing if there is none."""
        calls = self.evidence.unknown.get(self.account, {})
        last = max((time for called, time in calls.items() if matches(called, action)), default="")
        return last if last >= self.begin else ""

    def change(self, source: Source) -> tuple[str, str] | None:
        """The first change in the period of what a source has of the account: its day, and the account that made it."""
        days = self.period.days()
        found = ((day, name) for name, each in self._with_changes(source).items() for day in each.changes & days)
        return min(found, default=None)

    def is_logged_by_trail(self, source: Source) -> bool:
        """Whether the settings of a trail show that it logged all management events of all Regions.

        The settings are those of today. A change is an event of the trail's home Region, so that a trail with events
        there up to today, and none of a change, has had them for the whole period.
        """
        if source not in (Source.FILES, Source.ATHENA):
            return False
        until_today = replace(self.period, last=self.period.today)
        return any(
            not until_today.missing(self._writes_at_home(source, trail))
            for trail in self.evidence.trails.complete_trails(self.account)
        ) and not any(
            until_today.has_any(each.changes | each.incomplete) for each in self._with_changes(source).values()
        )

    def _writes_at_home(self, source: Source, trail: Trail) -> set[str]:
        owner = self.evidence.coverage.get((source, trail.account), Coverage())
        return owner.regions.get(trail.home_region, RegionDays()).writes

    def _with_changes(self, source: Source) -> dict[str, Coverage]:
        """What a source has of each account that can change what is recorded of the account.

        An event data store can be of any account. A delegated administrator changes the trail of an organization in an
        account of its own:
        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
        """
        is_of_any = source is Source.LAKE or self.evidence.trails.can_be_of_others(self.account)
        return {
            account: coverage
            for (each, account), coverage in self.evidence.coverage.items()
            if each is source and (is_of_any or account == self.account)
        }


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
        return Blind(Reason.NEVER, f"AWS's page lists no such event: <{visibility.source}>.")
    if created is None:
        return Blind(Reason.YOUNG, "It is not known when the role was created.")
    day = created.astimezone(UTC).date()
    if day == period.first:
        return Blind(Reason.YOUNG, f"The role was created on {day}, the first day of the period.")
    if day > period.first:
        return Blind(Reason.YOUNG, f"The role was created on {day}, after the begin of the period, {period.first}.")
    return None


def report_blindness(report: Report, period: Period) -> Blind | None:
    """Why a report of Access Advisor does not show that a tracked action is unused."""
    until = date.fromisoformat(report.until[:10])
    if until < period.last:
        return Blind(Reason.PERIOD, f"The report of Access Advisor is of {until}, before {period.last}. Get a new one.")
    if until - timedelta(days=TRACKED_DAYS) > period.first:
        return Blind(Reason.PERIOD, f"Access Advisor reports only {TRACKED_DAYS} days.")
    return None


def period_blindness(source: Source, coverage: Coverage, view: View) -> Blind | None:
    """Why a source does not show that a role made no calls of any kind in a period."""
    if blind := _incomplete(source, coverage, view):
        return blind
    if coverage.regions and not view.enabled:
        return Blind(Reason.REGION, "It is not known in which Regions the role can call. Pass --regions.")
    blind = _uncovered(source, coverage, view)
    return replace(_with_part(blind, coverage), reason=Reason.PART) if blind and coverage.part else blind


def action_blindness(action: str, source: Source, coverage: Coverage, view: View) -> Blind | None:
    """Why a source can lack the kind of events of an action.

    Args:
        action: The action.
        source: The source.
        coverage: What the source has of the account.
        view: What is asked of the source.
    """
    visibility, service = visibility_of(action), action.partition(":")[0]
    if visibility is None or visibility.kind is Kind.NEVER:
        return Blind(Reason.NEVER, "CloudTrail lists no event of it.")
    if last := view.unknown_calls(action):
        return Blind(Reason.CALLER, f"An event of it on {last[:10]} does not name its caller.")
    if source is Source.LAKE and (why := _why_stores_log_less(service, visibility.kind, view)):
        return Blind(Reason.DATA_EVENT if visibility.kind is Kind.DATA else Reason.LEFT_OUT, why)
    blind = None
    if visibility.kind is Kind.DATA:
        blind = _without_data_events(service, source, coverage, view)
    elif (service == _EXCLUDABLE or source is Source.LAKE) and not view.is_logged_by_trail(source):
        blind = _without_service(service, source, coverage, view)
    return _with_part(blind, coverage) if blind and coverage.part else blind


def _why_stores_log_less(service: str, kind: Kind, view: View) -> str:
    """Why an event data store can lack events: it can leave out events by their names and callers."""
    return view.evidence.trails.why_stores_log_less(view.account, service if kind is Kind.DATA else "")


def _with_part(blind: Blind, coverage: Coverage) -> Blind:
    """Say that a file has events, and does not show that there are no others."""
    name = f"`{coverage.part}` does not have the name and the form of CloudTrail's log files"
    return replace(blind, why=f"{blind.why} {name}: events can be missing in it. It shows only what was called.")


def _without_data_events(service: str, source: Source, coverage: Coverage, view: View) -> Blind | None:
    found = coverage.data_days.get(service, {})
    if not found:
        return Blind(Reason.DATA_EVENT, f"There are no data events of {service} in {source}. They are off by default.")
    if service not in view.evidence.logged:
        why = f"There are data events of {service} in {source}, but a trail can log some of them only."
        return Blind(Reason.DATA_EVENT, why)
    if why := _why_selectors_log_less(service, source, view):
        return Blind(Reason.DATA_EVENT, why)
    for region in view.regions_of(coverage):
        if missing := view.period.missing(found.get(region, set())):
            where = f"in {source} of {region} on {_named(missing)}"
            return Blind(Reason.DATA_EVENT, f"There are no data events of {service} {where}.")
    return None


def _why_selectors_log_less(service: str, source: Source, view: View) -> str:
    """Why trails do not log all data events of a service, by their settings. Nothing if no settings say so.

    Log files do not name their trail, so that one that logs some of them makes it unknown which ones are there.
    """
    if source not in (Source.FILES, Source.ATHENA):
        return ""
    trails = view.evidence.trails
    logged = trails.data_events_of(view.account, service)
    if some := sorted(arn for arn, each in logged.items() if each is Logged.SOME):
        return f"The event selectors of `{some[0]}` do not log all data events of {service}."
    if logged and Logged.ALL not in logged.values() and not trails.has_unknown_selectors(view.account):
        return f"By the settings of the trails, none of them logs data events of {service}."
    return ""


def _without_service(service: str, source: Source, coverage: Coverage, view: View) -> Blind | None:
    for region in view.regions_of(coverage):
        days = coverage.regions[region].services.get(service, set()) if region in coverage.regions else set[str]()
        if missing := view.period.missing(days):
            where = f"in {source} of {region} on {_named(missing)}"
            return Blind(Reason.LEFT_OUT, f"There are no management events of {service} {where}. They can be left out.")
    return None


def _incomplete(source: Source, coverage: Coverage, view: View) -> Blind | None:
    if source in view.evidence.incomplete:
        return Blind(Reason.DAMAGED, f"A part of {source} could not be read.")
    if damaged := sorted(coverage.incomplete & view.period.days()):
        return Blind(Reason.DAMAGED, f"A file of {damaged[0]} could not be read.")
    if change := view.change(source):
        what = f"Account {change[1]} changed a trail, an event data store or a Region on {change[0]}"
        return Blind(Reason.LEFT_OUT, f"{what}, so that events can be missing.")
    return None


def _uncovered(source: Source, coverage: Coverage, view: View) -> Blind | None:
    """Why a call in a Region can be missing."""
    if not coverage.regions:
        return Blind(Reason.PERIOD, f"There are no management events of the account in {source}.")
    regions, is_logged = view.regions_of(coverage), view.is_logged_by_trail(source)
    for region in regions:
        days = coverage.regions.get(region, RegionDays())
        if not view.period.has_any(days.reads | days.writes):
            return Blind(Reason.REGION, f"The role can call in {region}, and {source} have no events of it.")
        if blind := (_gap if is_logged else _region_blindness)(source, region, days, view):
            return blind
    if missing := view.period.missing(coverage.days()):
        return Blind(Reason.PERIOD, f"There are no events of the account in {source} on {_named(missing)}.")
    return None


def _gap(source: Source, region: str, days: RegionDays, view: View) -> Blind | None:
    """Why a call in a Region can be missing although a trail logs all of them: not all of its files are there."""
    quiet = view.period.quiet(days.reads | days.writes)
    if not quiet:
        return None
    why = f"There are no events in {source} of {region} from {quiet[0]} to {quiet[-1]}. Files may be missing."
    return Blind(Reason.PERIOD, why)


def _region_blindness(source: Source, region: str, days: RegionDays, view: View) -> Blind | None:
    """Why a call in a Region can be missing, if only its events show what a trail logs."""
    for kind, found in (("read", days.reads), ("write", days.writes)):
        if not found:
            why = f"There are no {kind} management events in {source} of {region}. A trail can leave them out."
            return Blind(Reason.LEFT_OUT, why)
        if missing := view.period.missing(found):
            events = f"{kind} management events in {source} of {region}"
            first = view.period.first.isoformat()
            if max(found) < first:
                return Blind(Reason.PERIOD, f"The {events} end on {max(found)}.")
            if min(found) > first:
                return Blind(Reason.PERIOD, f"The {events} begin on {min(found)}, after {first}.")
            return Blind(Reason.PERIOD, f"There are no {events} on {_named(missing)}.")
    return None


def _named(days: Sequence[str]) -> str:
    """The first of several days, and how many others there are."""
    others = len(days) - 1
    return days[0] + (f" and {count_of(others, 'other day')}" if others else "")
