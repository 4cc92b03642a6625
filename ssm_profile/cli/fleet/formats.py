"""Forms of the rows for other programs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ssm_profile.cli.report import escaped
from ssm_profile.cli.usage.features import Advice

from .rows import ROLE, Row

_COLUMNS = (
    "kind",
    "account",
    "role",
    "arn",
    "instanceProfiles",
    "level",
    "openLevel",
    "accepted",
    "systemsManager",
    "reasons",
    "risks",
    "possibleRisks",
    "deprecated",
    "unread",
    "ambiguous",
    "permissionsBoundary",
    "actions",
    "readActions",
    "proposedActions",
    "options",
    "fillIn",
    "leftOut",
    "capabilities",
    "covered",
    "denies",
    "unused",
    "optionsWithoutUnused",
    "notSeen",
    "otherActions",
    "source",
    "place",
    "finding",
    "reason",
)
"""The columns. The last three are those of problems and of entries of a baseline."""
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets read the wide forms as well
"""What a cell begins with that a spreadsheet reads as a formula.

Source: https://owasp.org/www-community/attacks/CSV_Injection
"""


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """A line of JSON for each row."""
    return (json.dumps(row) + "\n" for row in rows)


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Comma-separated values: a line with the names of the columns, and one for each row.

    Control characters are escaped. A cell that a spreadsheet would read as a formula begins with an apostrophe, and so
    does each entry of a list, since the spreadsheets of some countries separate cells with semicolons.
    """
    yield _csv(_COLUMNS)
    for row in rows:
        cells = _of_role(row) if row["kind"] == ROLE else row
        yield _csv(_cell(cells.get(column)) for column in _COLUMNS)


def _of_role(row: Row) -> Row:
    risks = {
        certain: [each["risk"] for each in row["risks"] if each["certain"] is certain] for certain in (True, False)
    }
    names = {key: [each["capability"] for each in row[key]] for key in ("leftOut", "covered")}
    names["accepted"] = [each["finding"] for each in row["accepted"]]
    names["capabilities"] = [f"{each['capability']}: {each['verdict']}" for each in row["capabilities"]]
    return {**row, **names, **_used(row["used"]), "risks": risks[True], "possibleRisks": risks[False]}


def _used(used: Row | None) -> Row:
    if used is None:
        return {}
    names = {
        key: [each["capability"] for each in used["capabilities"] if each["advice"] == advice]
        for key, advice in (("unused", Advice.DROP), ("notSeen", Advice.UNSEEN))
    }
    others = [each["action"] for each in used["otherActions"]]
    return {**names, "optionsWithoutUnused": used["options"], "otherActions": others}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(map(_cell, cast("list[Any]", value)))
    return _text(json.dumps(value) if isinstance(value, Mapping) else str(value))


def _text(text: str) -> str:
    shown = escaped(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    # Quoted cells stay whole where the separator is not a comma.
    csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue()
