"""Adds CloudTrail events to the evidence."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ssm_profile.cli.denied.events import is_denied, parse_json
from ssm_profile.cli.denied.messages import action_of
from ssm_profile.visibility import Kind, visibility_of

from .evidence import Calls, Evidence, Source, is_time, role_key, text_at

_NOT_FOR_EC2 = (":role/aws-service-role/", ":role/aws-reserved/")
"""Parts of the ARNs of roles that EC2 never has. Their calls show only what a trail records."""

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

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._sums: dict[tuple[Any, ...], list[Any]] = {}

    def add(self, event: Mapping[str, Any]) -> bool:
        """Add an event.

        Returns:
            Whether it has a source, a name and a time.
        """
        time = event.get("eventTime")
        if not is_time(time) or not isinstance(event["eventSource"], str) or not isinstance(event["eventName"], str):
            return False
        account = text_at(event, "recipientAccountId") or text_at(event, "userIdentity", "accountId")
        group = (
            event["eventSource"],
            event["eventName"],
            time[:10],
            account,
            text_at(event, "awsRegion"),
            text_at(event, "userIdentity", "sessionContext", "sessionIssuer", "arn"),
            text_at(event, "errorCode"),
            event.get("managementEvent") if isinstance(event.get("managementEvent"), bool) else None,
            event.get("readOnly") if isinstance(event.get("readOnly"), bool) else None,
        )
        found = self._sums.get(group)
        if found is None:
            if len(self._sums) >= _MOST_SUMS:
                self.flush()
            self._sums[group] = [1, time]
        else:
            found[0] += 1
            found[1] = max(found[1], time)
        return True

    def flush(self) -> None:
        """Add the sums to the evidence."""
        for group, (count, last) in self._sums.items():
            _add_sum(self._evidence, group, count, last)
        self._sums.clear()


def _add_sum(evidence: Evidence, group: tuple[Any, ...], count: int, last: str) -> None:
    source, name, day, account, region, issuer, error, is_management, is_read = group
    action = action_of_event(source, name)
    if account:
        coverage = evidence.coverage_of(Source.FILES, account)
        if is_data_event(action) if is_management is None else not is_management:
            coverage.data_services.add(action.partition(":")[0])
        else:
            coverage.days.add(day)
            coverage.regions.add(region)
            coverage.services.add(action.partition(":")[0])
            coverage.reads |= is_read is True
            coverage.writes |= is_read is False
    role = role_key(issuer) if issuer else None
    if role and is_role_of_instances(issuer):
        calls = Calls(denied=count, last_denied=last) if is_denied(error) else Calls(allowed=count, last_allowed=last)
        evidence.add_calls(role, action, calls)


def is_role_of_instances(arn: str) -> bool:
    """Whether instances can have a role, by its ARN."""
    return not any(part in arn for part in _NOT_FOR_EC2)


@lru_cache(maxsize=65536)
def action_of_event(source: str, name: str) -> str:
    """The action of an event, such as ``s3:GetEncryptionConfiguration``.

    Args:
        source: The event's source, such as ``s3.amazonaws.com``.
        name: The event's name, such as ``GetBucketEncryption``.
    """
    return action_of(source.partition(".")[0], name)


@lru_cache(maxsize=65536)
def is_data_event(action: str) -> bool:
    """Whether CloudTrail records an action as a data event, for events that do not say it."""
    visibility = visibility_of(action)
    return visibility is not None and visibility.kind is Kind.DATA
