"""Evidence: the calls of each role, and for which days and kinds of calls the sources would have shown others."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TypeGuard

from .trails import Trails

RoleKey = tuple[str, str]
"""The account and the name of a role. Names are unique in an account, whatever their paths."""

_ROLE_ARN = re.compile(r"arn:[^:]*:(?:iam::(\d{12}):role|sts::(\d{12}):assumed-role)/(?:.*?/)?([^/]+)")
_SESSION_ARN = re.compile(r"arn:[^:]*:sts::(\d{12}):assumed-role/([^/]+)/.+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Source(StrEnum):
    """The closed list of sources of evidence, as reports name them."""

    FILES = "CloudTrail files"
    ATHENA = "Athena"
    LAKE = "CloudTrail Lake"
    ADVISOR = "Access Advisor"


@dataclass(slots=True)
class Calls:
    """The calls of an action by a role. Times are those of CloudTrail, such as ``2026-11-27T08:00:00Z``."""

    allowed: int = 0
    denied: int = 0
    last_allowed: str = ""
    last_denied: str = ""

    def add(self, other: "Calls") -> None:
        """Add further calls of the same action."""
        self.allowed += other.allowed
        self.denied += other.denied
        self.last_allowed = max(self.last_allowed, other.last_allowed)
        self.last_denied = max(self.last_denied, other.last_denied)


@dataclass
class RegionDays:
    """The days with management events in a Region. A trail can leave out reads, writes, or some services."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    services: dict[str, set[str]] = field(default_factory=dict)
    """The days of each service that can be left out, by the prefix of its actions."""

    def add(self, other: "RegionDays") -> None:
        """Add further days of the same Region."""
        self.reads |= other.reads
        self.writes |= other.writes
        for service, days in other.services.items():
            self.services.setdefault(service, set()).update(days)


@dataclass
class Coverage:
    """What a source has of an account, whichever identities made the calls."""

    regions: dict[str, RegionDays] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)
    """Days of which a part is missing, because a file is damaged."""
    data_days: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """The days with data events of each service in each Region, by the prefix of its actions."""
    changes: set[str] = field(default_factory=set)
    """The days on which the account changed what is recorded, or in which Regions roles can call."""
    part: str = ""
    """The name of a file that counts only for the calls that it has, because others can lack in it."""

    def region(self, name: str) -> RegionDays:
        """The days of a Region, to add to them."""
        return self.regions.setdefault(name, RegionDays())

    def add_data_days(self, action: str, region: str, days: Iterable[str]) -> None:
        """Add days with a data event of an action in a Region."""
        service = action.partition(":")[0]
        self.data_days.setdefault(service, {}).setdefault(region, set()).update(days)

    def add_part(self, name: str) -> None:
        """Add a file in which events can lack. The first name is kept."""
        self.part = min(self.part or name, name)

    def days(self) -> set[str]:
        """The days with management events in any Region."""
        return set[str]().union(*(kind for each in self.regions.values() for kind in (each.reads, each.writes)))

    def add(self, other: "Coverage") -> None:
        """Add what another part of the same source has of the account."""
        for name, days in other.regions.items():
            self.region(name).add(days)
        self.incomplete |= other.incomplete
        for service, regions in other.data_days.items():
            for region, found in regions.items():
                self.data_days.setdefault(service, {}).setdefault(region, set()).update(found)
        self.changes |= other.changes
        if other.part:
            self.add_part(other.part)


@dataclass
class Report:
    """A report of Access Advisor on a role."""

    until: str
    """The time of the report."""
    tracked: dict[str, str] = field(default_factory=dict)
    """The tracked actions, each with the time of the last attempt. Empty if there was none. Denied attempts count."""


@dataclass
class Evidence:
    """The evidence of all sources together."""

    calls: dict[RoleKey, dict[str, Calls]] = field(default_factory=dict)
    coverage: dict[tuple[Source, str], Coverage] = field(default_factory=dict)
    """What each source has of each account."""
    reports: dict[RoleKey, Report] = field(default_factory=dict)
    trails: Trails = field(default_factory=Trails)
    unknown: dict[str, dict[str, str]] = field(default_factory=dict)
    """The time of the last call of each action in an account that names no caller."""
    incomplete: set[Source] = field(default_factory=set)
    """Sources with a damaged part of which it is not known what it had."""
    logged: frozenset[str] = frozenset()
    """The services of which the trail logs every data event, as its owner says."""
    problems: list[str] = field(default_factory=list)
    """What could not be read, a sentence for each."""

    def add_calls(self, role: RoleKey, action: str, calls: Calls) -> None:
        """Add calls of an action by a role."""
        self.calls.setdefault(role, {}).setdefault(action, Calls()).add(calls)

    def add_unknown(self, account: str, action: str, last: str) -> None:
        """Add calls of an action in an account that name no caller."""
        actions = self.unknown.setdefault(account, {})
        actions[action] = max(last, actions.get(action, ""))

    def coverage_of(self, source: Source, account: str) -> Coverage:
        """What a source has of an account, to add to it."""
        return self.coverage.setdefault((source, account), Coverage())

    def add_report(self, role: RoleKey, report: Report) -> None:
        """Add a report of Access Advisor, or a further page of it."""
        known = self.reports.setdefault(role, report)
        if known is not report:
            tracked = known.tracked | {
                action: max(time, known.tracked.get(action, "")) for action, time in report.tracked.items()
            }
            self.reports[role] = Report(min(known.until, report.until), tracked)

    def merge(self, other: "Evidence") -> None:
        """Add the evidence of further sources."""
        for role, actions in other.calls.items():
            for action, calls in actions.items():
                self.add_calls(role, action, calls)
        for (source, account), coverage in other.coverage.items():
            self.coverage_of(source, account).add(coverage)
        for role, report in other.reports.items():
            self.add_report(role, report)
        for account, actions in other.unknown.items():
            for action, last in actions.items():
                self.add_unknown(account, action, last)
        self.trails.merge(other.trails)
        self.incomplete |= other.incomplete
        self.logged |= other.logged
        self.problems += other.problems

    def accounts(self) -> Collection[str]:
        """The accounts of which there is evidence."""
        return {account for _, account in self.coverage} | {account for account, _ in self.reports}


def matches(action: str, granted: str) -> bool:
    """Whether a granted action, which can have wildcards, is or includes an action."""
    return action == granted or ("*" in granted and fnmatchcase(action.lower(), granted.lower()))


@lru_cache(maxsize=65536)
def role_key(arn: str) -> RoleKey | None:
    """The account and the name in the ARN of a role or of a session of it. None for another ARN."""
    match = _SESSION_ARN.fullmatch(arn) or _ROLE_ARN.fullmatch(arn)
    if match is None:
        return None
    account, *other, name = match.groups()
    return (account or other[0], name)


@lru_cache(maxsize=4096)
def is_day(text: str) -> bool:
    """Whether a string is a date such as ``2026-11-27``."""
    try:
        return len(text) == len("2026-11-27") and bool(date.fromisoformat(text))
    except ValueError:
        return False


def is_time(text: object) -> TypeGuard[str]:
    """Whether a value is a time as CloudTrail writes it."""
    return isinstance(text, str) and _TIME.fullmatch(text) is not None and is_day(text[:10])


def text_at(value: object, *keys: str) -> str:
    """The string at a path of keys. Empty if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
