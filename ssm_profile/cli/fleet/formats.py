"""Forms of the rows for other programs."""

import json
from collections.abc import Iterable, Iterator

from ssm_profile.cli.spreadsheets import csv_line
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
    "defaultHostManagement",
    "risks",
    "possibleRisks",
    "unneeded",
    "unscoped",
    "notKept",
    "conditionsNotKept",
    "addedActions",
    "deprecated",
    "unread",
    "ambiguous",
    "copies",
    "permissionsBoundary",
    "actions",
    "readActions",
    "proposedActions",
    "options",
    "fillIn",
    "leftOut",
    "capabilities",
    "covered",
    "additional",
    "denies",
    "trustNotKept",
    "lastUsed",
    "lastUsedRegion",
    "lastUseKnown",
    "instances",
    "unused",
    "optionsWithoutUnused",
    "notSeen",
    "otherActions",
    "source",
    "place",
    "instance",
    "instanceProfile",
    "region",
    "state",
    "pingStatus",
    "agentVersion",
    "finding",
    "reason",
)
"""The columns. The last ones, from the place on, are those of the other kinds of rows."""


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
    names["additional"] = [f"{each['action']} on {', '.join(each['resources'])}" for each in row["additional"]]
    names["unneeded"] = [each["action"] for each in row["unneeded"]]
    names["unscoped"] = [f"{each['action']} on {each['resource']}" for each in row["unscoped"]]
    if row["instances"] is not None:
        # An empty cell would be read as none, too, where it is not known.
        names["instances"] = [each["instance"] for each in row["instances"]] or ["none"]
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
