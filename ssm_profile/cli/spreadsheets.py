"""Comma-separated values for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from .report import escaped

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets read the wide forms as well
"""What a cell begins with that a spreadsheet reads as a formula.

Source: https://owasp.org/www-community/attacks/CSV_Injection
"""


def csv_line(cells: Iterable[object]) -> str:
    """A line of comma-separated values.

    Control characters are escaped. A cell that a spreadsheet would read as a formula begins with an apostrophe, and so
    does each entry of a list, since the spreadsheets of some countries separate cells with semicolons.
    """
    line = io.StringIO()
    # Quoted cells stay whole where the separator is not a comma.
    csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(map(_cell, cells))
    return line.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(map(_cell, cast("list[Any]", value)))
    return _text(json.dumps(value) if isinstance(value, Mapping) else str(value))


def _text(text: str) -> str:
    shown = escaped(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
