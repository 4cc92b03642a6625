"""Adds what a file has to the evidence, whatever it is. What cannot be read is a problem."""

import codecs
import io
import re
import zlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, cast

from ssm_profile.errors import CutOffError, NotJsonError

from .access_advisor import add_report_file, is_report
from .events import EventSums, events_in
from .evidence import Evidence, Source
from .gzip_members import MAGIC, Unpacked
from .query import add_csv, is_query_result, mark_incomplete
from .trails import LONGEST_SETTINGS, add_settings, is_settings

OTHER_FOLDERS = ("CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated")
"""Folders in a trail's bucket that have no management or data events."""

_NOT_JSON = "is not a file of CloudTrail events."
_NO_EVENTS = "has no CloudTrail events."
NOTHING_IS_UNUSED = "No action counts as unused because CloudTrail files do not show it."

_OTHER_FILE = re.compile("_(?:" + "|".join(OTHER_FOLDERS) + ")_")
"""A part of the names of their files."""

_FILE_OF_TRAIL = re.compile(r"(\d{12})_CloudTrail_[a-z0-9-]+_(\d{4})(\d\d)(\d\d)T\d{4}Z_")
"""The beginning of the name of a log file: account, region and time."""

_END_OF_NAME = re.compile(r"[A-Za-z0-9]{16}\.json(?:\.gz)?")
"""The end of the name, perhaps without its compression.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOG_FILE = re.compile(r'\{\s*"Records"\s*:')
"""How a log file of a trail begins."""
_HEAD = 4096
"""How many bytes tell what a file is."""

_BROKEN = (OSError, EOFError, zlib.error)
"""What reading raises for a damaged file."""


def is_other_file(name: str) -> bool:
    """Whether the file of a name has no management or data events."""
    return _OTHER_FILE.search(name) is not None


def day_of_file(name: str) -> tuple[str, str] | None:
    """The account and the day that the name of a log file has, such as ``2026-11-27``. None for another file."""
    match = _FILE_OF_TRAIL.match(_base_name(name))
    return (match[1], "-".join(match.groups()[1:])) if match else None


def _base_name(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _is_whole(name: str, head: str) -> bool:
    """Whether a file is a log file as CloudTrail writes it. Others can have only some of its events."""
    base = _base_name(name)
    match = _FILE_OF_TRAIL.match(base)
    return bool(match and _END_OF_NAME.fullmatch(base, match.end()) and _LOG_FILE.match(head))


def add_content(evidence: Evidence, stream: IO[bytes], name: str, role: str) -> None:
    """Add what a file has.

    Args:
        evidence: What to add to.
        stream: The content of the file, perhaps compressed with gzip.
        name: The name of the file in problems.
        role: The ARN of the role of a report of Access Advisor that names none, or nothing.
    """
    is_query = False
    try:
        with _unpacked(stream) as content:
            head = content.peek(_HEAD)[:_HEAD].decode(errors="replace").lstrip(" \t\r\n")
            if content.peek(2)[:2] in _UTF_16_MARKS:
                mark_damaged(evidence, f"{name} is in UTF-16. Save it in UTF-8.", name)
            elif is_query := is_query_result(head):
                with _text_of(content) as text:
                    add_csv(evidence, text, name)
            elif is_report(head):
                with _text_of(content) as text:
                    add_report_file(evidence, text, name, role)
            elif is_settings(head):
                if problem := add_settings(evidence.trails, content.read(LONGEST_SETTINGS + 1)):
                    evidence.problems.append(f"{name} cannot be used as the settings of a trail. {problem}")
            else:
                _add_events(evidence, content, name, head)
    except _BROKEN as error:
        mark = mark_incomplete if is_query else partial(mark_damaged, name=name)
        mark(evidence, problem=f"{name} cannot be read to its end ({reason_of(error)}).")


def reason_of(error: BaseException) -> str:
    """Why a file cannot be read."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


@contextmanager
def _unpacked(stream: IO[bytes]) -> "Iterator[io.BufferedReader[Any]]":
    """A content without its compression and without its byte order mark."""
    raw = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    with ExitStack() as files:
        if raw.peek(len(MAGIC)).startswith(MAGIC):
            raw = io.BufferedReader(files.enter_context(Unpacked(raw)), 1 << 16)
        if raw.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
            raw.read(len(codecs.BOM_UTF8))
        yield raw


@contextmanager
def _text_of(content: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(content, encoding="utf-8", errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()  # otherwise it closes the content


def _add_events(evidence: Evidence, content: IO[bytes], name: str, head: str) -> None:
    day = day_of_file(name)
    sums = EventSums(evidence, day[1]) if day and _is_whole(name, head) else EventSums(evidence, part=name)
    problem = _read_events(content, sums)
    sums.flush()
    if problem == _NOT_JSON and (day or '"eventSource"' in head):
        what = "has CloudTrail events" if '"eventSource"' in head else "has the name of a log file of CloudTrail"
        problem = f"{what}, but it is not JSON."
    if problem in (_NOT_JSON, _NO_EVENTS) and not day:
        evidence.problems.append(f"{name} {problem} It is left out.")
    elif problem:
        mark_damaged(evidence, f"{name} {problem}", name, sums.days)


def _read_events(content: IO[bytes], sums: EventSums) -> str:
    """Add the events of a content, and say what is wrong with it. Nothing if it is whole."""
    from .json_stream import objects_in  # noqa: PLC0415 - other files do not need ijson

    count, incomplete = 0, 0
    try:
        for value in objects_in(content):
            for event in events_in(value):
                count += 1
                incomplete += not sums.add(event)
    except CutOffError:
        return "ends within an event."
    except NotJsonError:
        return f"has something else after {count:,} events." if count else _NOT_JSON
    except _BROKEN as error:
        return f"cannot be read to its end ({reason_of(error)})."
    if incomplete:
        return f"has events without a source, a name or a time: {incomplete:,}."
    return "" if count else _NO_EVENTS


def mark_damaged(evidence: Evidence, problem: str, name: str, days: AbstractSet[str] = frozenset()) -> None:
    """Note that events of a file are missing.

    Args:
        evidence: What to add to.
        problem: Why they are missing.
        name: The name of the file.
        days: The days of the events that it has. If one cannot be in a log file of this name, any can be missing.
    """
    day = day_of_file(name)
    if day and not days <= _days_of(day[1]):
        name, day = "", None
    mark_missing(evidence, name)
    effect = (
        f"No action of account {day[0]} counts as unused on {day[1]} and the day before." if day else NOTHING_IS_UNUSED
    )
    evidence.problems.append(f"{problem} {effect}")


def mark_missing(evidence: Evidence, name: str) -> None:
    """Note that events are missing: of the account and the days of a log file, or of any if it is another file."""
    if day := day_of_file(name):
        evidence.coverage_of(Source.FILES, day[0]).incomplete |= _days_of(day[1])
    else:
        evidence.incomplete.add(Source.FILES)


def _days_of(day: str) -> set[str]:
    """The days of the events in a log file: that of its name, and the day before."""
    return {day, (date.fromisoformat(day) - timedelta(days=1)).isoformat()}
