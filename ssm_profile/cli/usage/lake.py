"""Runs the query of all calls by role on CloudTrail Lake."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ssm_profile.cli.aws_client import PATIENT, client, readable_errors
from ssm_profile.cli.report import count_of
from ssm_profile.errors import InputError

from .evidence import Evidence
from .jobs import advised, cancelled_early, failure, wait_for
from .query import add_result, lake_sql
from .trails import add_store

READ_ACTIONS = (
    "cloudtrail:StartQuery",
    "cloudtrail:DescribeQuery",
    "cloudtrail:GetQueryResults",
    "cloudtrail:CancelQuery",
    "cloudtrail:GetEventDataStore",
)
"""The permissions that a query requires. An event data store with a KMS key requires ``kms:Decrypt`` on it, too."""

LONGEST_QUERY = 3600
"""How many seconds a query may take. CloudTrail Lake can end one that takes longer.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-results.html
"""

_ARN = re.compile(r"arn:[^:]*:cloudtrail:([a-z0-9-]+):\d{12}:eventdatastore/.+")

_OTHER_STORE = "Pass the ARN of an event data store that is enabled, of the account of the credentials."
_FEWER_DAYS = "Pass fewer days."
_OTHERWISE = "Run the SQL of --print-sql in the console of CloudTrail Lake, and pass the CSV of its result."
_ADVICE = (
    ("EventDataStoreNotFound|EventDataStoreARNInvalid|InactiveEventDataStore", _OTHER_STORE),
    ("MaxConcurrentQueries", "Run the command again when the other queries of the account have ended."),
    ("InsufficientEncryptionPolicy", "Use credentials that may use the KMS key of the event data store (kms:Decrypt)."),
    ("UnsupportedOperation|InvalidQueryStatement|OperationNotPermitted", _OTHERWISE),
)


def add_lake(evidence: Evidence, event_data_store: str, *, days: int, now: datetime) -> None:
    """Add the result of the query. It requires :data:`READ_ACTIONS`.

    Args:
        evidence: What to add to.
        event_data_store: The ID of an event data store of the region of the settings, or an ARN.
        days: The number of days.
        now: The end of the period, in UTC.

    Raises:
        InputError: If the query does not succeed. Nothing is added then.
    """
    sql, found = lake_sql(event_data_store, days=days, now=now), Evidence()
    source, arn = f"--used lake:{event_data_store}", _ARN.fullmatch(event_data_store)
    with readable_errors(source, READ_ACTIONS), advised(source, _ADVICE):
        lake = client("cloudtrail", arn[1] if arn else None, PATIENT)
        query = lake.start_query(QueryStatement=sql)["QueryId"]
        with cancelled_early(partial(lake.cancel_query, QueryId=query)):
            _wait(lake, query, source)
            add_result(
                found,
                _rows(lake, query),
                "The result of CloudTrail Lake",
                nothing=f"The event data store {event_data_store} has no events of the last {count_of(days, 'day')}.",
            )
        _add_store(found, lake, event_data_store, source)
    evidence.merge(found)


def _add_store(evidence: Evidence, lake: Any, event_data_store: str, source: str) -> None:
    """Add what the event data store logs. If it cannot be read, no action is unused."""
    try:
        with readable_errors(f"The settings of the event data store of {source}", READ_ACTIONS):
            details = lake.get_event_data_store(EventDataStore=event_data_store)
            add_store(evidence.trails, {"EventDataStoreArn": event_data_store, **details}, is_listed=True)
    except InputError as error:
        evidence.trails.results_of_stores.add(source)
        evidence.problems.append(f"{error} No action counts as unused because CloudTrail Lake does not show it.")


def _wait(lake: Any, query: str, source: str) -> None:
    """Wait for the end of a query.

    Raises:
        InputError: If it does not succeed, or if it takes too long.
    """

    def ended() -> Mapping[str, Any] | None:
        described = lake.describe_query(QueryId=query)
        return described if described["QueryStatus"] not in ("QUEUED", "RUNNING") else None

    described = wait_for(ended, seconds=LONGEST_QUERY)
    if described is None:
        raise InputError(f"{source}: the query is not done after {LONGEST_QUERY // 60} minutes. {_FEWER_DAYS}")
    status = described["QueryStatus"]
    if status == "TIMED_OUT":  # the result has some of the rows
        raise InputError(f"{source}: the query took longer than CloudTrail Lake allows. {_FEWER_DAYS}")
    if status != "FINISHED":
        reason = described.get("ErrorMessage") or "CloudTrail Lake gives no reason"
        done = "was cancelled" if status == "CANCELLED" else "failed"
        raise failure(f"{source}: the query {done}", reason, _ADVICE, _OTHERWISE)


def _rows(lake: Any, query: str) -> Iterator[dict[str, str | None]]:
    """The rows of a result. Each of AWS's is a list of objects with one column."""
    request: dict[str, Any] = {"QueryId": query, "MaxQueryResults": 1000}
    while True:  # botocore has no paginator for it
        page = lake.get_query_results(**request)
        for row in page["QueryResultRows"]:
            yield {name: value for each in row for name, value in each.items()}
        token = page.get("NextToken")
        if not token or token == request.get("NextToken"):  # a page that repeats itself has no end
            return
        request["NextToken"] = token
