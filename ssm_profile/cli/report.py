"""Reports: tables and paragraphs, for a terminal, for a pipe, and as Markdown.

Texts mark code with backticks, as Markdown does.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable


@dataclass(frozen=True)
class Table:
    """A table; one without rows is left out."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    stacked: int = 1
    """How many columns, from the first, are one on a terminal, where there is no room for all side by side."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, or a block of code."""

    text: str
    is_code: bool = False


Report = Sequence[Table | Paragraph]


def print_report(report: Report) -> None:
    """Print as tables on a terminal; elsewhere as plain lines, the cells of a row with tabs between them."""
    if sys.stdout.isatty():
        _print_to_terminal(report, Console(highlight=False))
    else:
        sys.stdout.write(_plain(report))


def markdown(report: Report) -> str:
    """The report as GitHub's Markdown."""
    blocks: list[str] = []
    for part in report:
        if isinstance(part, Paragraph):
            blocks.append(f"```\n{part.text}\n```" if part.is_code else part.text)
        elif part.rows:
            lines = [part.columns, tuple("---" for _ in part.columns), *part.rows]
            cells = [[cell.replace("|", r"\|").replace("\n", "<br>") for cell in line] for line in lines]
            blocks.append("\n".join([f"### {part.title}", "", *(f"| {' | '.join(line)} |" for line in cells)]))
    return "\n\n".join(blocks) + "\n"


def _print_to_terminal(report: Report, console: Console) -> None:
    for part in report:
        if isinstance(part, Paragraph):
            console.print(escape(part.text) if part.is_code else _with_code(part.text))
        elif part.rows:
            table = RichTable(
                title=part.title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
            )
            longest = max(len(row[0].split("\n")[0]) for row in part.rows)
            table.add_column(
                ", ".join(part.columns[: part.stacked]), overflow="fold", min_width=min(longest, _WIDEST_FIRST_COLUMN)
            )
            for column in part.columns[part.stacked :]:
                table.add_column(column, overflow="fold")
            for row in part.rows:
                stacked = "\n  ".join(cell.replace("\n", "\n  ") for cell in row[: part.stacked])
                table.add_row(*map(_with_code, (stacked, *row[part.stacked :])))
            console.print(table)
        else:
            continue
        console.print()


_WIDEST_FIRST_COLUMN = 50


def _with_code(text: str) -> str:
    return re.sub("`([^`]*)`", r"[bold cyan]\1[/]", escape(text))


def _plain(report: Report) -> str:
    blocks: list[str] = []
    for part in report:
        if isinstance(part, Paragraph):
            blocks.append(part.text)
        elif part.rows:
            lines = [[cell.replace("\n", " ") for cell in line] for line in (part.columns, *part.rows)]
            blocks.append("\n".join([f"# {part.title}", *("\t".join(line) for line in lines)]))
    return "\n\n".join(blocks).replace("`", "") + "\n"
