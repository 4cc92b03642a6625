"""Forms of the diagnoses for other programs."""

from collections.abc import Iterator, Mapping
from typing import Any

from ssm_profile.cli.report import bare
from ssm_profile.cli.spreadsheets import csv_line

from .diagnosis import GENERAL_ADVICE

_COLUMNS = ("account", "region", "instance", "role", "state", "answer", "cause", "fix")
_GENERAL = {*map(bare, GENERAL_ADVICE)}


def csv_lines(diagnosed: Mapping[str, Any]) -> Iterator[str]:
    """Comma-separated values: a line with the names of the columns, and one for each instance.

    Args:
        diagnosed: The diagnoses, as plain text.
    """
    yield csv_line(_COLUMNS)
    for each in diagnosed["instances"]:
        steps = [step for step in each["next"] if step not in _GENERAL]
        columns = {**each, "state": _state(each), "cause": each["causes"], "fix": steps}
        yield csv_line(columns[name] for name in _COLUMNS)
    for name in diagnosed["notDiagnosed"]:
        columns = {"region": diagnosed["region"], "instance": name, "state": "not diagnosed"}
        yield csv_line({**columns, "answer": diagnosed["stopped"]}.get(column) for column in _COLUMNS)


def _state(diagnosis: Mapping[str, Any]) -> str:
    """The ping status, or why there is none."""
    return diagnosis["pingStatus"] or ("not known" if diagnosis["managed"] is None else "not registered")
