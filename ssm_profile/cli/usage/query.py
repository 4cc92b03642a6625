"""The query of all calls by role, for Athena and CloudTrail Lake, and its result.

One row stands for a role, an event and an error code, so that only sums leave the account.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from ssm_profile.cli.denied.events import is_denied
from ssm_profile.errors import InputError

from .events import (
    NO_ROLES,
    UNKNOWN,
    actions_of_event,
    add_day,
    is_data_event,
    is_management_event,
    is_role_of_instances,
)
from .evidence import Calls, Evidence, Source, is_day, is_time, role_key
from .trails import CHANGES

COLUMNS = (
    "origin",
    "account",
    "role",
    "source",
    "event",
    "error",
    "region",
    "read_only",
    "calls",
    "last_time",
    "days",
    "total_rows",
)
"""The columns of the result. The days are a list with spaces. The last one shows whether rows lack."""

_TABLE = re.compile(r"(?:[A-Za-z0-9_]+\.){0,2}[A-Za-z0-9_]+")
_EVENT_DATA_STORE = re.compile(r"[A-Za-z0-9-]+")
_PARTITION = re.compile(r"[A-Za-z0-9_]+")

_QUERY = """\
SELECT '{origin}' AS origin,
  recipientAccountId AS account,
  CASE
    WHEN userIdentity.type IN ({no_roles}) OR eventType = 'AwsServiceEvent' THEN ''
    WHEN userIdentity.type = 'AWSAccount' AND userIdentity.accountId <> recipientAccountId THEN ''
    ELSE coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, '{unknown}')
  END AS role,
  eventSource AS source,
  eventName AS event,
  coalesce(errorCode, '') AS error,
  awsRegion AS region,
  coalesce(lower(CAST(readOnly AS varchar)), '') AS read_only,
  count(*) AS calls,
  max({time}) AS last_time,
  array_join(array_sort(array_agg(DISTINCT substr({time}, 1, 10))), ' ') AS days,
  count(*) OVER () AS total_rows
FROM {table}
WHERE {since}
GROUP BY 2, 3, 4, 5, 6, 7, 8
"""


def athena_sql(table: str, *, days: int, now: datetime, partition: str | None = None) -> str:
    """The query over the table of a trail, as AWS's guide of Athena creates the table.

    Args:
        table: The name of the table, with its database if it is not the current one.
        days: The number of days.
        now: The end of the period, in UTC.
        partition: The column of a table with partition projection that has the day as ``2026/11/27``, such as
            ``timestamp``. Without it, Athena reads all events of the table.

    Raises:
        InputError: If a name has characters other than letters, digits and ``_``.
    """
    _check(table, _TABLE, "a table of Athena", "cloudtrail_logs")
    since = f"eventTime >= '{_start(days, now):%Y-%m-%dT%H:%M:%SZ}'"
    if partition is not None:
        _check(partition, _PARTITION, "a column of Athena", "timestamp")
        since += f"\n  AND \"{partition}\" >= '{_start(days, now):%Y/%m/%d}'"
    name = ".".join(f'"{part}"' for part in table.split("."))
    return _query(Source.ATHENA, "eventTime", name, since)


def lake_sql(event_data_store: str, *, days: int, now: datetime) -> str:
    """The query over an event data store of CloudTrail Lake.

    Args:
        event_data_store: Its ID, or its ARN.
        days: The number of days.
        now: The end of the period, in UTC.

    Raises:
        InputError: If it is not an ID.
    """
    name = event_data_store.rpartition(":eventdatastore/")[2]
    _check(name, _EVENT_DATA_STORE, "an event data store", "EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE")
    since = f"eventTime >= '{_start(days, now):%Y-%m-%d %H:%M:%S}'"
    time = "date_format(eventTime, '%Y-%m-%dT%H:%i:%sZ')"
    return _query(Source.LAKE, time, name, since)


def _query(origin: Source, time: str, table: str, since: str) -> str:
    no_roles = ", ".join(f"'{kind}'" for kind in NO_ROLES)
    return _QUERY.format(origin=origin, time=time, table=table, since=since, no_roles=no_roles, unknown=UNKNOWN)


def _start(days: int, now: datetime) -> datetime:
    """The begin of a day, because a day with some of its events looks as if it had them all."""
    return (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)


def _check(name: str, pattern: re.Pattern[str], kind: str, example: str) -> None:
    if not pattern.fullmatch(name):
        raise InputError(f"{name} is not the name of {kind}. Pass a name such as {example}.")


def is_query_result(head: str) -> bool:
    """Whether a file that begins so is a result of the query."""
    first = head.partition("\n")[0].replace('"', "").strip()
    return first.split(",")[:2] == list(COLUMNS[:2])


def add_csv(evidence: Evidence, lines: Iterable[str], name: str) -> None:
    """Add the rows of a result in a file.

    Args:
        evidence: What to add to.
        lines: The lines of the CSV file.
        name: The name of the file in problems.
    """
    rows = csv.DictReader(lines)
    if missing := [each for each in COLUMNS if each not in (rows.fieldnames or ())]:
        evidence.problems.append(
            f"{name} has no column {missing[0]}. Pass the whole result of the query for Athena or CloudTrail Lake. "
            "It is left out."
        )
        return
    if Source.LAKE in add_rows(evidence, _until_damaged(rows, evidence, name), name):
        evidence.trails.results_of_stores.add(name)


def _until_damaged(rows: "csv.DictReader[str]", evidence: Evidence, name: str) -> Iterator[Mapping[str, str | None]]:
    try:
        yield from rows
    except csv.Error as error:
        evidence.problems.append(f"{name} is not CSV after line {rows.line_num:,} ({error}).")
        yield {}  # a row that is wrong


def add_rows(evidence: Evidence, rows: Iterable[Mapping[str, str | None]], name: str) -> set[str]:
    """Add the rows of a result.

    Args:
        evidence: What to add to.
        rows: All rows, each with the values of :data:`COLUMNS`.
        name: The name of the result in problems.

    Returns:
        Where the rows are from, by the names of :class:`Source`.
    """
    count, wrong, total, origins = 0, 0, "", set[str]()
    for row in rows:
        origins.add(row.get("origin") or "")
        count, total = count + 1, total or row.get("total_rows") or ""
        wrong += not _add_row(evidence, row)
    if wrong:
        mark_incomplete(evidence, f"{name} has rows that are not of the query: {wrong:,}. They are left out.")
    elif str(count) != total:
        mark_incomplete(evidence, f"{name} has {count:,} of {total or 'an unknown number of'} rows.")
    return origins


def add_result(evidence: Evidence, rows: Iterator[Mapping[str, str | None]], name: str, *, nothing: str) -> None:
    """Add the rows of the answer to a query.

    Args:
        evidence: What to add to.
        rows: The rows, as for :func:`add_rows`.
        name: The name of the result in problems.
        nothing: The problem if there are no rows.
    """
    if first := next(rows, None):
        add_rows(evidence, chain([first], rows), name)
    else:
        evidence.problems.append(nothing)


def mark_incomplete(evidence: Evidence, problem: str) -> None:
    """Note that rows are missing."""
    evidence.incomplete |= {Source.ATHENA, Source.LAKE}
    evidence.problems.append(f"{problem} No action counts as unused because a query does not show it.")


def _add_row(evidence: Evidence, row: Mapping[str, str | None]) -> bool:
    """Add a row. Returns whether it is one of the query."""
    values = {column: row.get(column) or "" for column in COLUMNS}
    days, role = values["days"].split(), role_key(values["role"])
    is_valid = (
        values["origin"] in (Source.ATHENA, Source.LAKE)
        and re.fullmatch(r"\d{12}", values["account"])
        and values["calls"].isdecimal()
        and is_time(values["last_time"])
        and days
        and all(map(is_day, days))
        and (values["role"] in ("", UNKNOWN) or values["role"].startswith("arn:"))
    )
    if not is_valid:
        return False
    called = actions_of_event(values["source"], values["event"])
    _add_coverage(evidence, Source(values["origin"]), called[0], values)
    if values["role"] == UNKNOWN:
        for each in called:
            evidence.add_unknown(values["account"], each, values["last_time"])
    elif role and is_role_of_instances(values["role"]):
        count, last = int(values["calls"]), values["last_time"]
        denied = is_denied(values["error"])
        calls = Calls(denied=count, last_denied=last) if denied else Calls(allowed=count, last_allowed=last)
        for each in called:
            evidence.add_calls(role, each, replace(calls))
    return True


def _add_coverage(evidence: Evidence, source: Source, action: str, values: dict[str, str]) -> None:
    """Add the days of a row. The result does not say whether an event is a management event."""
    coverage, days = evidence.coverage_of(source, values["account"]), values["days"].split()
    if is_data_event(action):
        coverage.add_data_days(action, values["region"], days)
    elif is_management_event(action):
        is_read = {"true": True, "false": False}.get(values["read_only"])
        for day in days:
            add_day(coverage, action, values["region"], day, is_read=is_read)
    if action in CHANGES and not values["error"]:
        coverage.changes.update(days)
