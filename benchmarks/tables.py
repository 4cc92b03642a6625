"""Numbers and tables of the page."""

from collections.abc import Sequence
from typing import Any


def seconds(value: float) -> str:
    """A time with its unit."""
    return f"{number(value)} s" if value >= 1 else f"{number(1000 * value)} ms"


def number(value: float) -> str:
    """The value with three significant digits, but whole from 100 on: 0.034, 1.52, 17.3, 1,480."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3  # noqa: PLR2004
    return f"{value:,.{decimals}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (heads, ["---"] * len(heads), *rows))
