"""Runs the query of all calls by role on Athena."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ssm_profile.cli.aws_client import PATIENT, client, readable_errors
from ssm_profile.cli.report import count_of
from ssm_profile.errors import InputError

from .evidence import Evidence
from .jobs import advised, cancelled_early, failure, wait_for
from .query import add_result, athena_sql

READ_ACTIONS = (
    "athena:StartQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:StopQueryExecution",
    "glue:GetDatabase",
    "glue:GetTable",
    "glue:GetPartitions",
    "s3:GetBucketLocation",
    "s3:ListBucket",
    "s3:GetObject",
    "s3:PutObject",
)
"""The permissions that a query requires.

Those of Glue are for the table. Those of S3 are for its files and for the result, which Athena writes to a bucket.
Source: https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html
"""

LONGEST_QUERY = 1800
"""How many seconds a query may take. The limit of Athena itself is a setting of each account."""

_PERMISSIONS = f"Use credentials with these permissions: {', '.join(READ_ACTIONS)}."
_OTHER_TABLE = (
    "Pass a table that is made as AWS's guide of Athena says, and the column of its partitions if it has one: "
    "https://docs.aws.amazon.com/athena/latest/ug/cloudtrail-logs.html"
)
_NO_OUTPUT = (
    "Pass --athena-output s3://BUCKET/PREFIX, or --athena-workgroup with a workgroup that has a query result location."
)
_OTHERWISE = "Run the SQL of --print-sql in the console of Athena, and pass the CSV of its result."
_ADVICE = (
    ("no output location", _NO_OUTPUT),
    ("output bucket", "Pass a bucket of the region that you may write to with --athena-output s3://BUCKET/PREFIX."),
    ("workgroup.* not found", "Pass the name of a workgroup of the region with --athena-workgroup."),
    ("column .*cannot be resolved", _OTHER_TABLE),  # the message names missing permissions, too
    (
        "(table|schema|database|catalog) .*(does not exist|not found)",
        "Pass the table as DATABASE.TABLE, and check the region.",
    ),
    ("not authorized|access ?denied|permission", _PERMISSIONS),
)


def add_athena(  # noqa: PLR0913 - what a query on Athena needs
    evidence: Evidence,
    table: str,
    *,
    days: int,
    now: datetime,
    partition: str | None = None,
    workgroup: str | None = None,
    output: str | None = None,
) -> None:
    """Add the result of the query. It requires :data:`READ_ACTIONS`.

    Args:
        evidence: What to add to.
        table: The table of the trail.
        days: The number of days.
        now: The end of the period, in UTC.
        partition: The column that has the day, as :func:`athena_sql` describes it.
        workgroup: The workgroup. The default is ``primary``.
        output: Where Athena writes the result, such as ``s3://bucket/prefix``. The default is that of the workgroup.

    Raises:
        InputError: If the query does not succeed. Nothing is added then.
    """
    sql, found = athena_sql(table, days=days, now=now, partition=partition), Evidence()
    source = f"--used athena:{table}"
    with readable_errors(source, READ_ACTIONS), advised(source, _ADVICE):
        athena = client("athena", config=PATIENT)
        query = _start(athena, sql, workgroup, output)
        with cancelled_early(partial(athena.stop_query_execution, QueryExecutionId=query)):
            _wait(athena, query, source)
            add_result(
                found,
                _rows(athena, query),
                "The result of Athena",
                nothing=f"The table {table} has no events of the last {count_of(days, 'day')}. Check the table and the "
                "column of its partitions.",
            )
    evidence.merge(found)


def _start(athena: Any, sql: str, workgroup: str | None, output: str | None) -> str:
    options: dict[str, Any] = {}
    if workgroup:
        options["WorkGroup"] = workgroup
    if output:
        options["ResultConfiguration"] = {"OutputLocation": output}
    return athena.start_query_execution(QueryString=sql, **options)["QueryExecutionId"]


def _wait(athena: Any, query: str, source: str) -> None:
    """Wait for the end of a query.

    Raises:
        InputError: If it fails, or if it takes too long.
    """

    def ended() -> Mapping[str, Any] | None:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        return status if status["State"] not in ("QUEUED", "RUNNING") else None

    status = wait_for(ended, seconds=LONGEST_QUERY)
    if status is None:
        raise InputError(
            f"{source}: the query is not done after {LONGEST_QUERY // 60} minutes. Pass fewer days, or a table with "
            "partitions and the column that has the day."
        )
    if status["State"] != "SUCCEEDED":
        reason = status.get("StateChangeReason") or "Athena gives no reason"
        done = "was cancelled" if status["State"] == "CANCELLED" else "failed"
        raise failure(f"{source}: the query {done}", reason, _ADVICE, _OTHERWISE)


def _rows(athena: Any, query: str) -> Iterator[dict[str, str | None]]:
    """The rows of a result. The first one of Athena repeats the names of the columns."""
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query):
        result = page["ResultSet"]
        names = [each["Name"] for each in result["ResultSetMetadata"]["ColumnInfo"]]
        for row in result["Rows"]:
            values = [each.get("VarCharValue") for each in row["Data"]]
            if values != names:
                yield dict(zip(names, values, strict=False))
