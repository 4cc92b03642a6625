"""Forms of the rows for other programs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from .rows import Row, roles_of

_COLUMNS = (
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
    "actions",
    "proposedActions",
    "options",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """A line of JSON for each row."""
    return (json.dumps(row) + "\n" for row in rows)


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Comma-separated values: a line with the names of the columns, and one for each role.

    A cell that a spreadsheet would read as a formula begins with an apostrophe.
    """
    yield _csv(_COLUMNS)
    for row in roles_of(rows):
        risks = {
            certain: [each["risk"] for each in row["risks"] if each["certain"] is certain] for certain in (True, False)
        }
        cells = {**row, "risks": risks[True], "possibleRisks": risks[False]}
        yield _csv(_cell(cells[column]) for column in _COLUMNS)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(map(str, value))
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
