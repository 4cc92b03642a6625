"""Adds CloudTrail events to the evidence."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ssm_profile.cli.denied.events import is_denied, parse_json
from ssm_profile.cli.denied.messages import action_of
from ssm_profile.visibility import VISIBILITY, Kind, visibility_of

from .evidence import Calls, Coverage, Evidence, RoleKey, Source, is_time, role_key, text_at
from .trails import CHANGES

_NOT_FOR_EC2 = (":role/aws-service-role/", ":role/aws-reserved/")
"""Parts of the ARNs of roles that EC2 never has. Their calls show only what a trail records."""

UNKNOWN = "unknown"
"""The caller of an event that does not name it."""

NO_ROLES = (
    "AWSService",
    "Directory",
    "FederatedUser",
    "IAMUser",
    "IdentityCenterUser",
    "Root",
    "SAMLUser",
    "WebIdentityUser",
)
"""The types of identities that are no role.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

_COPIES = ("CopyObject", "UploadPartCopy")
_SERVICES = frozenset(action.partition(":")[0] for action in VISIBILITY)

_MOST_SUMS = 100_000
"""How many sums are kept before they are added to the evidence."""

_KEYS_OF_EVENTS = ("Records", "Events", "CloudTrailEvent", "detail", "message", "logEvents")
"""Where an envelope has events: CloudTrail, lookup-events, EventBridge and CloudWatch Logs."""


def events_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """The events in an object, which can be an event or an envelope. A string in an envelope can be an event."""
    rest = [value]
    while rest:
        entry = rest.pop()
        if isinstance(entry, str):
            entry = parse_json(entry)
        if isinstance(entry, list):
            rest += reversed(entry)
        elif isinstance(entry, Mapping):
            if "eventSource" in entry and "eventName" in entry:  # not an Insights event
                yield entry
            else:
                rest += [entry[key] for key in _KEYS_OF_EVENTS if key in entry]


class EventSums:
    """Sums of events that differ only in their times of a day. Most events of a file are like others of it."""

    def __init__(self, evidence: Evidence, first_day: str = "", *, part: str = "") -> None:
        """Begin.

        Args:
            evidence: What to add to.
            first_day: The first day of which the events show that others would be there. A log file has some of the
                day before its own.
            part: The name of the file if others can lack in it. Its events show only what was called.
        """
        self._evidence = evidence
        self._first_day = first_day
        self._part = part
        self._sums: dict[tuple[Any, ...], list[Any]] = {}
        self.days = set[str]()
        """The days of the events."""

    def add(self, event: Mapping[str, Any]) -> bool:
        """Add an event.

        Returns:
            Whether it has a source, a name and a time.
        """
        time = event.get("eventTime")
        if not is_time(time) or not isinstance(event["eventSource"], str) or not isinstance(event["eventName"], str):
            return False
        identity = text_at(event, "userIdentity", "accountId")
        group = (
            event["eventSource"],
            event["eventName"],
            time[:10],
            text_at(event, "recipientAccountId") or identity,
            text_at(event, "awsRegion"),
            _caller(event),
            identity,
            text_at(event, "errorCode"),
            _category(event),
            event.get("readOnly") if isinstance(event.get("readOnly"), bool) else None,
        )
        found = self._sums.get(group)
        if found is None:
            if len(self._sums) >= _MOST_SUMS:
                self.flush()
            self._sums[group] = [1, time]
            self.days.add(group[2])
        else:
            found[0] += 1
            found[1] = max(found[1], time)
        return True

    def flush(self) -> None:
        """Add the sums to the evidence."""
        for group, (count, last) in self._sums.items():
            is_covered = not self._part and group[2] >= self._first_day
            _add_sum(self._evidence, group, count, last, is_covered=is_covered)
            if self._part and (account := group[3]):
                self._evidence.coverage_of(Source.FILES, account).add_part(self._part)
        self._sums.clear()


def _add_sum(evidence: Evidence, group: tuple[Any, ...], count: int, last: str, *, is_covered: bool) -> None:
    source, name, day, account, region, caller, identity, error, category, is_read = group
    called = actions_of_event(source, name)
    action = called[0]
    if account:
        coverage = evidence.coverage_of(Source.FILES, account)
        kind = _usual_category(action) if category is None else category
        if is_covered and kind == "Data":
            coverage.add_data_days(action, region, (day,))
        elif is_covered and kind == "Management":
            add_day(coverage, action, region, day, is_read=is_read)
        if action in CHANGES and not error:
            coverage.changes.add(day)
    if caller == UNKNOWN:
        for each in called:
            evidence.add_unknown(identity or account, each, last)
    elif caller is not None:
        calls = Calls(denied=count, last_denied=last) if is_denied(error) else Calls(allowed=count, last_allowed=last)
        for each in called:
            evidence.add_calls(caller, each, replace(calls))


def _usual_category(action: str) -> str:
    """The category of the events of an action, if it is known."""
    return "Data" if is_data_event(action) else "Management" if is_management_event(action) else ""


def add_day(coverage: Coverage, action: str, region: str, day: str, *, is_read: bool | None) -> None:
    """Add a day with a management event.

    Args:
        coverage: What to add to.
        action: The action of the event.
        region: Its Region.
        day: Its day.
        is_read: Whether it is a read. None if the event does not say it.
    """
    if not region:
        return
    days, service = coverage.region(region), action.partition(":")[0]
    if is_read is not None:
        (days.reads if is_read else days.writes).add(day)
    # A trail can log the writes of a service and leave out its reads: only events like those of the catalogue count.
    if service in _SERVICES and is_management_event(action):
        days.services.setdefault(service, set()).add(day)


def _caller(event: Mapping[str, Any]) -> RoleKey | str | None:
    """The role that made a call. None if no role did, or one that instances cannot have. UNKNOWN if it can be any.

    A call by a service on behalf of a role, with ``invokedBy``, has the identity of the role, and needs its grant.
    """
    issuer = text_at(event, "userIdentity", "sessionContext", "sessionIssuer", "arn")
    session = text_at(event, "userIdentity", "arn")
    for arn in (issuer, session):
        if key := role_key(arn):
            return key if is_role_of_instances(arn) else None
    return None if (issuer or session).startswith("arn:") or _is_no_role(event) else UNKNOWN


def _is_no_role(event: Mapping[str, Any]) -> bool:
    """Whether an event without an ARN of its caller can be of no role of an instance."""
    kind, account = text_at(event, "userIdentity", "type"), text_at(event, "userIdentity", "accountId")
    if kind in NO_ROLES or event.get("eventType") == "AwsServiceEvent":
        return True
    if text_at(event, "userIdentity", "principalId").startswith("AIDA"):
        return True
    # Both accounts receive an event of a call into another account. That of the caller's account names the caller:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/shared-event-ID.html
    return kind == "AWSAccount" and account not in ("", text_at(event, "recipientAccountId"))


def _category(event: Mapping[str, Any]) -> str | None:
    """The category of an event. None for an event of a version before there were categories."""
    if category := text_at(event, "eventCategory"):
        return category
    is_management = event.get("managementEvent")
    return None if not isinstance(is_management, bool) else "Management" if is_management else "Data"


def is_role_of_instances(arn: str) -> bool:
    """Whether instances can have a role, by its ARN."""
    return not any(part in arn for part in _NOT_FOR_EC2)


@lru_cache(maxsize=65536)
def actions_of_event(source: str, name: str) -> tuple[str, ...]:
    """The action of an event, such as ``s3:GetEncryptionConfiguration``, and those that the call requires besides.

    A copy of an object also reads one.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html

    Args:
        source: The event's source, such as ``s3.amazonaws.com``.
        name: The event's name, such as ``GetBucketEncryption``.
    """
    service = source.partition(".")[0]
    is_copy = service == "s3" and name in _COPIES
    return (action_of(service, name), *(("s3:GetObject",) if is_copy else ()))


@lru_cache(maxsize=65536)
def is_data_event(action: str) -> bool:
    """Whether CloudTrail records an action as a data event, for events that do not say it."""
    visibility = visibility_of(action)
    return visibility is not None and visibility.kind is Kind.DATA


@lru_cache(maxsize=65536)
def is_management_event(action: str) -> bool:
    """Whether CloudTrail is known to record an action as a management event, for events that do not say it."""
    visibility = visibility_of(action)
    return visibility is not None and visibility.kind is Kind.MANAGEMENT
