"""Reads reports of Access Advisor: the output of ``aws iam get-service-last-accessed-details`` on a role.

A report of an action-level job lists the tracked actions of each service with the last attempt. It counts denied
attempts, too. What it says of a whole service says nothing of one action.
Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Any

from ssm_profile.cli.denied.messages import canonical

from .evidence import Evidence, Report, RoleKey, role_key, text_at

LONGEST_REPORT = 20_000_000
"""The longest report that is read, in characters."""

TRACKED_DAYS = 400
"""How far back IAM reports at least, except in Regions that began to support it later."""


def is_report(head: str) -> bool:
    """Whether a file that begins so is a report."""
    return head.startswith("{") and any(
        f'"{key}"' in head for key in ("JobStatus", "JobCreationDate", "ServicesLastAccessed")
    )


def add_report_file(evidence: Evidence, text: TextIOWrapper, name: str, role: str) -> None:
    """Add the report in a file.

    Args:
        evidence: What to add to.
        text: The content of the file.
        name: The name of the file in problems.
        role: The ARN of the role, or nothing if the report names it.
    """
    content = text.read(LONGEST_REPORT + 1)
    try:
        details = json.loads(content) if len(content) <= LONGEST_REPORT else None
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, Mapping):
        evidence.problems.append(f"{name} is not a whole report of Access Advisor. It is left out.")
        return
    if problem := add_report(evidence, details, role):
        evidence.problems.append(f"{name}: {problem} The report is left out.")


def add_report(evidence: Evidence, details: Mapping[str, Any], role: str = "") -> str:
    """Add a report, or a page of it.

    Args:
        evidence: What to add to.
        details: The response of GetServiceLastAccessedDetails.
        role: The ARN of the role, or nothing if the report names it.

    Returns:
        Why it cannot be used. Nothing if it can.
    """
    if details.get("JobStatus") != "COMPLETED":
        return f"The job is not completed (JobStatus is {details.get('JobStatus')}). Get the report again later."
    listed = details.get("ServicesLastAccessed")
    services = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    # A role can be granted no tracked action.
    has_tracked = details.get("JobType") == "ACTION_LEVEL" and isinstance(listed, list)
    if not has_tracked and not any(isinstance(each.get("TrackedActionsLastAccessed"), list) for each in services):
        return (
            "It has no tracked actions. Generate it with --granularity ACTION_LEVEL: what is said of a service says "
            "nothing of an action."
        )
    named = set(_entities(services))
    if others := sorted(each for each in named if role and role_key(each) != role_key(role)):
        return f"It is a report on {others[0]}, and not on {role}."
    keys = {role} if role else named
    roles = {role_key(each) for each in keys}
    if len(roles) != 1 or None in roles:
        found = ", ".join(sorted(keys)) or "none"
        return (
            f"It must be of one role (it names {found}). Generate it with --arn ROLE_ARN, and pass it as ROLE_ARN=FILE "
            "if it names no role."
        )
    until = _time(details.get("JobCreationDate"))
    if not until:
        return "It has no JobCreationDate."
    for key in roles:
        if key is not None:
            _add(evidence, key, until, services)
    return ""


def _add(evidence: Evidence, role: RoleKey, until: str, services: list[Mapping[str, Any]]) -> None:
    report = Report(until)
    for service in services:
        tracked = service.get("TrackedActionsLastAccessed")
        for action in tracked if isinstance(tracked, list) else ():
            name, prefix = text_at(action, "ActionName").rpartition(":")[2], text_at(service, "ServiceNamespace")
            attempt = action.get("LastAccessedTime") if name and prefix else None
            if name and prefix and (attempt is None or _time(attempt)):
                report.tracked[canonical(f"{prefix}:{name}")] = _time(attempt)
    evidence.add_report(role, report)


def _entities(services: list[Mapping[str, Any]]) -> Iterator[str]:
    """The identities that a report names."""
    for service in services:
        entities = [text_at(service, "LastAuthenticatedEntity")]
        tracked = service.get("TrackedActionsLastAccessed")
        entities += [text_at(each, "LastAccessedEntity") for each in tracked] if isinstance(tracked, list) else []
        yield from filter(None, entities)


def _time(value: Any) -> str:
    """A time as CloudTrail writes it. Nothing for anything else."""
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return ""
    return f"{time.astimezone(UTC) if time.tzinfo else time:%Y-%m-%dT%H:%M:%SZ}"
