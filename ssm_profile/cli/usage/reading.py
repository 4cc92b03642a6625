"""Reads evidence from files, folders and standard input. What cannot be read is a problem, and the rest goes on."""

import codecs
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from ssm_profile.cli.policy_files import STDIN, name_of
from ssm_profile.errors import InputError

from .access_advisor import add_report_file, is_report
from .events import EventSums, events_in
from .evidence import Evidence, Source
from .json_stream import CutOffError, NotJsonError, objects_in
from .query import add_csv, is_query_result, mark_incomplete
from .trails import LONGEST_SETTINGS, add_settings, is_settings

_GZIP = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD = 4096
"""How many bytes tell what a file is."""

_OTHER_FOLDERS = ("CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated")
"""Folders in a trail's bucket that have no management or data events."""
_OTHER_FILE = re.compile("_(?:" + "|".join(_OTHER_FOLDERS) + ")_")
"""A part of the names of their files."""

_FILE_OF_TRAIL = re.compile(r"(\d{12})_CloudTrail_[a-z0-9-]+_(\d{4})(\d\d)(\d\d)T\d{4}Z_")
"""The beginning of the name of a log file: account, region and time."""

_BROKEN = (OSError, EOFError, zlib.error)
"""What reading raises for a damaged file."""

_NOTHING_IS_UNUSED = "No action counts as unused because CloudTrail files do not show it."

DECLARABLE = ("cloudwatch", "s3", "ssmmessages", "xray")
"""The services of the catalogue's data events."""


def read_evidence(
    sources: Iterable[str],
    *,
    data_events: Collection[str] = (),
    may_lack_calls: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Evidence:
    """Read the evidence that sources have.

    Args:
        sources: Paths of files and of folders, or ``-``; or ``ROLE_ARN=PATH`` for a report of Access Advisor that names
            no role. Files can be compressed with gzip. The settings of a trail are those of the trail that wrote the
            files.
        data_events: The services whose data events the trail logs for all resources, of :data:`DECLARABLE`.
        may_lack_calls: Whether the calls can come from elsewhere.
        progress: Called with the name of each file before it is read.

    Raises:
        InputError: If a source does not exist, or if no source has any calls.
    """
    if unknown := sorted(set(data_events) - set(DECLARABLE)):
        raise InputError(f"{unknown[0]} has no data events that an option grants. Pass {', '.join(DECLARABLE)}.")
    evidence = Evidence(logged=frozenset(data_events))
    for source in sources:
        role, path = _split(source)
        for file in _files(path, evidence):
            if progress:
                progress(name_of(file))
            _add_file(evidence, file, role)
    if not may_lack_calls and not evidence.coverage and not evidence.reports:
        detail = f" {evidence.problems[0]}" if evidence.problems else ""
        raise InputError(
            f"The evidence has no calls.{detail} Pass log files of CloudTrail, reports of Access Advisor, or results "
            "of the query for Athena or CloudTrail Lake."
        )
    return evidence


def _split(source: str) -> tuple[str, str]:
    """The ARN of a role, if the source names one, and the path."""
    role, equals, path = source.partition("=")
    return (role, path) if equals and role.startswith("arn:") else ("", source)


def _files(source: str, evidence: Evidence) -> Iterator[str]:
    """The files of a source, without those in folders that have no such events."""
    path = Path(source)
    if source != STDIN and not path.exists():
        raise InputError(f"{source} does not exist. Pass a file, a folder, or - for standard input.")
    if source == STDIN or not path.is_dir():
        yield source
        return

    def report(error: OSError) -> None:
        evidence.incomplete.add(Source.FILES)
        evidence.problems.append(f"{error.filename} cannot be read ({error.strerror}). {_NOTHING_IS_UNUSED}")

    for folder, folders, names in os.walk(path, onerror=report):
        folders[:] = sorted(each for each in folders if each not in _OTHER_FOLDERS)
        yield from (
            str(file)
            for name in sorted(names)
            if not _OTHER_FILE.search(name) and (file := Path(folder, name)).is_file()
        )


def _add_file(evidence: Evidence, file: str, role: str) -> None:
    """Add the evidence of a file, whatever it is."""
    name, is_query = name_of(file), False
    try:
        with _opened(file) as content:
            head = content.peek(_HEAD)[:_HEAD].decode(errors="replace").lstrip(" \t\r\n")
            text = io.TextIOWrapper(content, encoding="utf-8", errors="replace", newline="")
            if content.peek(2)[:2] in _UTF_16_MARKS:
                _mark_damaged(evidence, f"{name} is in UTF-16. Save it in UTF-8.", name)
            elif is_query := is_query_result(head):
                add_csv(evidence, text, name)
            elif is_report(head):
                add_report_file(evidence, text, name, role)
            elif is_settings(head):
                if problem := add_settings(evidence.trails, content.read(LONGEST_SETTINGS + 1)):
                    evidence.problems.append(f"{name} cannot be used as the settings of a trail. {problem}")
            else:
                _add_events(evidence, content, name, has_events='"eventSource"' in head)
    except _BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        mark = mark_incomplete if is_query else partial(_mark_damaged, name=name)
        mark(evidence, problem=f"{name} cannot be read to its end ({reason}).")


@contextmanager
def _opened(file: str) -> "Iterator[io.BufferedReader[Any]]":
    """The content of a file, without its compression."""
    # A process without standard input has None here.
    if file == STDIN and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise InputError("There is no standard input. Pass a file.")
    with nullcontext(sys.stdin.buffer) if file == STDIN else Path(file).open("rb") as stream:
        raw = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
        with ExitStack() as files:
            if raw.peek(2)[:2] == _GZIP:
                unpacked = files.enter_context(gzip.GzipFile(fileobj=raw))
                raw = io.BufferedReader(cast("io.RawIOBase", unpacked), 1 << 16)
            if raw.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
                raw.read(len(codecs.BOM_UTF8))
            yield raw


def _add_events(evidence: Evidence, content: IO[bytes], name: str, *, has_events: bool) -> None:
    count, incomplete, sums = 0, 0, EventSums(evidence)
    try:
        for value in objects_in(content):
            for event in events_in(value):
                count += 1
                incomplete += not sums.add(event)
    except CutOffError:
        _mark_damaged(evidence, f"{name} ends within an event.", name)
    except NotJsonError:
        if count:
            _mark_damaged(evidence, f"{name} has something else after {count:,} events.", name)
        elif has_events:
            _mark_damaged(evidence, f"{name} has CloudTrail events, but it is not JSON.", name)
        else:
            evidence.problems.append(f"{name} is not a file of CloudTrail events. It is left out.")
        return
    finally:
        sums.flush()
    if incomplete:
        _mark_damaged(evidence, f"{name} has events without a source, a name or a time: {incomplete:,}.", name)
    if count:
        return
    if _FILE_OF_TRAIL.match(Path(name).name):
        _mark_damaged(evidence, f"{name} has no events.", name)
    else:
        evidence.problems.append(f"{name} has no CloudTrail events. It is left out.")


def _mark_damaged(evidence: Evidence, problem: str, name: str) -> None:
    """Note that events are missing: of the account and the day that the name of a log file has, or of any."""
    if match := _FILE_OF_TRAIL.match(Path(name).name):
        account, *day = match.groups()
        evidence.coverage_of(Source.FILES, account).incomplete.add("-".join(day))
        evidence.problems.append(f"{problem} No action of account {account} counts as unused on {'-'.join(day)}.")
    else:
        evidence.incomplete.add(Source.FILES)
        evidence.problems.append(f"{problem} {_NOTHING_IS_UNUSED}")
