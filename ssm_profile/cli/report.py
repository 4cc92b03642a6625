"""Reports as text: for a terminal, for a pipe, and as Markdown.

A cell or paragraph is a string of Markdown: code is between backticks. Code and single words are not broken, so that a
reader can copy an ARN, a URL or a condition as a whole, except in a table that folds them. Prose wraps at words.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table. The first column names the row. A table without rows is left out."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    folds: bool = False
    """Whether long words and code are broken on a terminal where the rows would not be a table otherwise."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of prose."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class CodeBlock:
    """Lines to copy as they are, such as YAML."""

    text: str


Part = Table | Paragraph | Items | CodeBlock

Report = Sequence[Part]

Line = tuple[str, str]
"""A line for a terminal, in Markdown, and its style."""


def code(value: str) -> str:
    """A value as Markdown's code."""
    shown = escaped(value)
    if "`" not in shown:
        return f"`{shown}`"
    fence = "`" * (max(map(len, re.findall("`+", shown))) + 1)
    return f"{fence} {shown} {fence}"


def escaped(value: str) -> str:
    """A value with its control characters escaped, since a policy can contain any character."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in value)


def count_of(number: int, noun: str) -> str:
    """A number with a noun in the singular or in the plural."""
    plural = f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def first_of(names: Iterable[str], most: int = 5) -> str:
    """The first of some names, and how many more there are, which the JSON has."""
    listed = list(names)
    if len(listed) <= most + 1:  # that there is one more is as long as its name
        return ", ".join(listed)
    return f"{', '.join(listed[:most])} and {len(listed) - most:,} more (`--json`)"


def code_lines(values: Sequence[str]) -> str:
    """Several values as code, one on each line."""
    return "\n".join(map(code, values))


def action_cell(group: Mapping[str, Any]) -> str:
    """A group of actions, as :func:`~.evaluator.group_actions` makes it: its name and how many actions it has."""
    count, total = len(group["actions"]), group["of"]
    if total == 1:
        return code(group["action"])
    return f"{code(group['action'])}\n{count:,} actions" + ("" if count == total else f" of {total:,}")


def print_report(report: Report) -> None:
    """Print a report: for a person on a terminal, otherwise as plain lines with tabs between the cells of a row."""
    if not sys.stdout.isatty():
        sys.stdout.write(format_plain(report))
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe does not need it
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    for line, style in format_terminal(report, console.width):
        text = Text(style=style)
        for piece, is_code in pieces(line):
            text.append(piece, "cyan" if is_code else None)
        # The terminal wraps a value that is longer than a line. It can still be copied as a whole.
        console.print(text, soft_wrap=True)


def format_plain(report: Report) -> str:
    """A report for a pipe: a line for each row, with tabs between its cells."""
    blocks: list[str] = []
    for part in report:
        if isinstance(part, CodeBlock):
            blocks.append(part.text)
        elif isinstance(part, Paragraph):
            blocks.append(bare(part.text))
        elif isinstance(part, Items):
            blocks.append("\n".join(f"- {bare(item)}" for item in part.items))
        elif part.rows:
            rows = [[bare(cell.replace("\n", " ")) for cell in row] for row in (part.columns, *part.rows)]
            blocks.append("\n".join([f"# {part.title}", *("\t".join(row) for row in rows)]))
    return "\n\n".join(blocks) + "\n"


def format_markdown(report: Report) -> str:
    """A report as GitHub's Markdown."""
    blocks: list[str] = []
    for part in report:
        if isinstance(part, CodeBlock):
            blocks.append(f"```\n{part.text}\n```")
        elif isinstance(part, Paragraph):
            blocks.append(part.text)
        elif isinstance(part, Items):
            blocks.append("\n".join(f"- {item}" for item in part.items))
        elif part.rows:
            lines = [part.columns, tuple("---" for _ in part.columns), *part.rows]
            cells = [[cell.replace("|", r"\|").replace("\n", "<br>") for cell in line] for line in lines]
            blocks.append("\n".join([f"### {part.title}", "", *(f"| {' | '.join(line)} |" for line in cells)]))
    return "\n\n".join(blocks) + "\n"


def format_terminal(report: Report, width: int) -> Iterator[Line]:
    """A report for a terminal: its lines, each with its style.

    A table is a table where its columns fit the width, without breaking a value unless the table folds. Otherwise each
    row is a record: the first cell, and below it a line for each further cell, with the column's name.

    Args:
        report: The report.
        width: The width of the terminal, in characters.
    """
    for part in report:
        if isinstance(part, CodeBlock):
            # As code, so that backticks in it are not read as Markdown.
            yield from ((code(line) if line else "", "") for line in part.text.split("\n"))
        elif isinstance(part, Paragraph):
            yield from ((line, "") for line in _wrapped(part.text, min(width, _WIDEST_PROSE)))
        elif isinstance(part, Items):
            for item in part.items:
                lines = _wrapped(item, min(width, _WIDEST_PROSE) - _GAP)
                yield from ((f"{' ' if number else '-'} {line}", "") for number, line in enumerate(lines))
        elif part.rows:
            yield from ((line, "bold underline") for line in _wrapped(part.title, min(width, _WIDEST_PROSE)))
            widths = _column_widths(part, width)
            yield from _table(part, widths) if widths else _records(part, min(width, _WIDEST_PROSE))
        else:
            continue
        yield "", ""


_WIDEST_PROSE = 100
_NARROWEST_PROSE = 30
_NARROWEST_FOLDED = 16
_FOLDED_WIDTHS = range(_NARROWEST_PROSE, _NARROWEST_FOLDED - 1, -1)
_GAP = 2
_INDENT = 6

_CODE = re.compile(r"(?<!`)(?P<fence>`+)(?!`)(?P<code>.+?)(?<!`)(?P=fence)(?!`)")
_WORD = re.compile(rf"(?:{_CODE.pattern}|\S)+")
"""What is broken only where a table folds: code with its spaces, or characters without a space."""
_BREAK = re.compile(r"(?<=[/:.,_=-])|(?<=[a-z])(?=[A-Z])|\s+")
"""Where a word or code is broken best: behind punctuation, between the words of a name like SendCommand, at spaces."""


def bare(text: str) -> str:
    """A text without the marks of Markdown's code."""
    return _CODE.sub(lambda span: span["code"][1:-1] if len(span["fence"]) > 1 else span["code"], text)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a text without the marks of Markdown's code, and whether each is code."""
    end = 0
    for span in _CODE.finditer(text):
        yield text[end : span.start()], False
        yield bare(span[0]), True
        end = span.end()
    yield text[end:], False


def with_changed_code(text: str, change: Callable[[str], str]) -> str:
    """A text in which a function has changed the content of each of Markdown's codes."""
    return _CODE.sub(lambda span: code(change(bare(span[0]))), text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - len(bare(text)))


def _wrapped(text: str, width: int, *, folds: bool = False) -> list[str]:
    """A text in lines of a width. A single word or code that is longer has a line of its own, or is folded."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in _WORD.finditer(paragraph):
            longer = f"{line} {word[0]}" if line else word[0]
            if line and len(bare(longer)) > width:
                lines.append(line)
                longer = word[0]
            if folds and len(bare(longer)) > width:
                *folded, longer = _folded(longer, width)
                lines += folded
            line = longer
        lines.append(line)
    return lines


def _folded(word: str, width: int) -> Iterator[str]:
    """The parts of a word or code, each of at most a width. A part of code is code."""
    marked, end = list[tuple[str, bool]](), 0
    for span in _CODE.finditer(word):
        marked += [(letter, False) for letter in word[end : span.start()]]
        marked += [(letter, True) for letter in bare(span[0])]
        end = span.end()
    marked += [(letter, False) for letter in word[end:]]
    text, start = "".join(letter for letter, _ in marked), 0
    while len(text) - start > width:
        # A space may be the first letter that does not fit.
        cuts = [each for each in _BREAK.finditer(text, start + 1, start + width + 1) if each.start() <= start + width]
        # A break near the start would leave a line that is almost empty.
        cut = cuts[-1] if cuts and cuts[-1].start() - start > width // 3 else None
        stop, following = (cut.start(), cut.end()) if cut else (start + width, start + width)
        yield _with_marks(marked[start:stop])
        start = following
    yield _with_marks(marked[start:])


def _with_marks(letters: Sequence[tuple[str, bool]]) -> str:
    """Letters as Markdown, given whether each is code."""
    parts = [("".join(letter for letter, _ in group), is_code) for is_code, group in groupby(letters, itemgetter(1))]
    return "".join(code(part) if is_code else part for part, is_code in parts)


def _column_widths(table: Table, width: int) -> list[int]:
    """The widths of the columns, or nothing where records read better than a table."""
    if len(table.columns) == 1:  # a list, whose title says what it has
        return []
    least, most = _limits(table)
    if table.folds and _spare(least, width) < 0:
        # As wide as possible: values are folded less then.
        narrower = ([min(low, most_of_all) for low in least] for most_of_all in _FOLDED_WIDTHS)
        least = next((each for each in narrower if _spare(each, width) >= 0), least)
    spare = _spare(least, width)
    wanted = sum(most) - sum(least)
    if spare < 0:
        return []
    share = min(1, spare / wanted) if wanted else 0
    return [low + int((high - low) * share) for low, high in zip(least, most, strict=True)]


def _spare(widths: Sequence[int], width: int) -> int:
    """How much of a width columns leave."""
    return width - sum(widths) - _GAP * (len(widths) - 1)


def _limits(table: Table) -> tuple[list[int], list[int]]:
    """The widths that the columns need at least, and at most, if no word is broken."""
    least, most = list[int](), list[int]()
    for cells in zip(table.columns, *table.rows, strict=True):
        lines = [bare(line) for cell in cells for line in cell.split("\n")]
        words = [bare(word[0]) for cell in cells for word in _WORD.finditer(cell)]
        most.append(max(map(len, lines)))
        least.append(max(min(most[-1], _NARROWEST_PROSE), *map(len, words)))
    return least, most


def _table(table: Table, widths: Sequence[int]) -> Iterator[Line]:
    for number, row in enumerate((table.columns, *table.rows)):
        cells = [_wrapped(cell, width, folds=table.folds) for cell, width in zip(row, widths, strict=True)]
        for index in range(max(map(len, cells))):
            line = [cell[index] if index < len(cell) else "" for cell in cells]
            padded = map(_padded, line, widths)
            yield (" " * _GAP).join(padded).rstrip(), "" if number else "bold"


def _records(table: Table, width: int) -> Iterator[Line]:
    labels = table.columns[1:]
    # With one value in a row, its name says nothing that the title does not say.
    indent = _INDENT if len(labels) == 1 else _GAP * 2 + max(map(len, labels), default=0)
    for number, (heading, *cells) in enumerate(table.rows):
        if number and len(labels) > 1:
            yield "", ""
        body = list[str]()
        for label, cell in zip(labels, cells, strict=True):
            lines = _wrapped(cell, width - indent) if cell else []
            starts = [f"{' ' * _GAP}{label}" if len(labels) > 1 else "", *[""] * len(lines)]
            body += [_padded(start, indent) + line for start, line in zip(starts, lines, strict=False)]
        if len(labels) == 1 and body and len(bare(heading)) < indent:
            yield _padded(heading, indent) + body.pop(0).lstrip(), ""
        else:
            yield from ((line, "bold" if labels else "") for line in _wrapped(heading, width))
        yield from ((line, "") for line in body)
