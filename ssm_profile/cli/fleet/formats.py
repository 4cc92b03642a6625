"""Forms of the rows for other programs."""

import json
from collections.abc import Iterable, Iterator

from ssm_profile.cli.spreadsheets import csv_line

from .rows import ROLE, Row

_COLUMNS = (
    "kind",
    "account",
    "role",
    "arn",
    "instanceProfiles",
    "level",
    "systemsManager",
    "reasons",
    "risks",
    "possibleRisks",
    "deprecated",
    "unread",
    "permissionsBoundary",
    "actions",
    "readActions",
    "proposedActions",
    "options",
    "fillIn",
    "leftOut",
    "covered",
    "denies",
    "source",
    "place",
    "reason",
)
"""The columns. The last two are those of a problem."""


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """A line of JSON for each row."""
    return (json.dumps(row) + "\n" for row in rows)


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Comma-separated values: a line with the names of the columns, and one for each row."""
    yield csv_line(_COLUMNS)
    for row in rows:
        cells = _of_role(row) if row["kind"] == ROLE else row
        yield csv_line(cells.get(column) for column in _COLUMNS)


def _of_role(row: Row) -> Row:
    risks = {
        certain: [each["risk"] for each in row["risks"] if each["certain"] is certain] for certain in (True, False)
    }
    names = {key: [each["capability"] for each in row[key]] for key in ("leftOut", "covered")}
    return {**row, **names, "risks": risks[True], "possibleRisks": risks[False]}
