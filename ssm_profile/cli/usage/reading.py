"""Reads evidence from files, folders, buckets and standard input. The files are shared between processes."""

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from datetime import date
from errno import ENOENT
from itertools import chain, islice
from pathlib import Path

from ssm_profile.cli.policy_files import STDIN, name_of
from ssm_profile.cli.processes import map_in_processes, number_of_processors
from ssm_profile.errors import InputError

from .content import NOTHING_IS_UNUSED, OTHER_FOLDERS, add_content, is_other_file, mark_damaged, reason_of
from .evidence import Evidence, Source

DECLARABLE = ("cloudwatch", "s3", "ssmmessages", "xray")
"""The services of the catalogue's data events."""

BUCKET = "s3://"
"""What a source in a bucket begins with."""

_FEWEST_FOR_PROCESSES = 24
"""Fewer files are read in this process: to start others would take longer."""
_CHUNK = 8
"""How many files a process reads before it gives their evidence."""

_File = tuple[str, str]
"""A path, and the ARN of a role or nothing."""


def read_evidence(
    sources: Iterable[str],
    *,
    data_events: Collection[str] = (),
    may_lack_calls: bool = False,
    since: date | None = None,
    progress: Callable[[str], None] | None = None,
) -> Evidence:
    """Read the evidence that sources have.

    Args:
        sources: Paths of files and of folders, or ``-``; or ``s3://BUCKET/PREFIX``; or ``ROLE_ARN=SOURCE`` for a report
            of Access Advisor that names no role. Files can be compressed with gzip. The settings of a trail are those
            of the trail that wrote the files.
        data_events: The services of which the trail logs every data event, of :data:`DECLARABLE`. Settings of trails
            that say otherwise count more.
        may_lack_calls: Whether the calls can come from elsewhere.
        since: The first day of which log files in buckets are read. By default, all are.
        progress: Called with the name of each file when it is read.

    Raises:
        InputError: If a source cannot be read, or if no source has any calls.
    """
    if unknown := sorted(set(data_events) - set(DECLARABLE)):
        raise InputError(f"{unknown[0]} has no data events that an option grants. Pass {', '.join(DECLARABLE)}.")
    evidence, listed = Evidence(logged=frozenset(data_events)), [_split(each) for each in sources]
    on_disk = [(source, role) for role, source in listed if source != STDIN and not source.startswith(BUCKET)]
    _add_files(evidence, _files(on_disk, evidence), progress)
    for role, source in listed:
        if source == STDIN:  # another process cannot read it
            _add_files(evidence, iter([(source, role)]), progress)
        elif source.startswith(BUCKET):
            from .bucket import add_bucket  # noqa: PLC0415 - boto3 is costly to import

            add_bucket(evidence, source, since=since, role=role, progress=progress)
    if not may_lack_calls and not (evidence.calls or evidence.coverage or evidence.reports):
        detail = f" {evidence.problems[0]}" if evidence.problems else ""
        raise InputError(
            f"The evidence has no calls.{detail} Pass log files of CloudTrail, reports of Access Advisor, or results "
            "of the query for Athena or CloudTrail Lake."
        )
    return evidence


def _split(source: str) -> tuple[str, str]:
    """The ARN of a role, if the source names one, and the source without it."""
    role, equals, path = source.partition("=")
    return (role, path) if equals and role.startswith("arn:") else ("", source)


def _add_files(evidence: Evidence, files: Iterator[_File], progress: Callable[[str], None] | None) -> None:
    """Add files, in several processes if there are many."""
    first = list(islice(files, _FEWEST_FOR_PROCESSES))
    is_alone = len(first) < _FEWEST_FOR_PROCESSES or number_of_processors() == 1
    chunks = _chunks(chain(first, files), 1 if is_alone else _CHUNK)
    for found, names in (map if is_alone else map_in_processes)(_evidence_of, chunks):
        evidence.merge(found)
        if progress:
            for name in names:
                progress(name)


def _chunks(files: Iterator[_File], size: int) -> Iterator[list[_File]]:
    while chunk := list(islice(files, size)):
        yield chunk


def _evidence_of(files: list[_File]) -> tuple[Evidence, list[str]]:
    """The evidence of files, and their names."""
    evidence = Evidence()
    for file in files:
        _add_file(evidence, *file)
    return evidence, [name_of(path) for path, _ in files]


def _files(sources: Iterable[_File], evidence: Evidence) -> Iterator[_File]:
    """The files of sources, without those that have no such events."""
    for source, role in sources:
        if not Path(source).exists():
            raise InputError(f"{source} does not exist. Pass a file, a folder, or - for standard input.")
        if not Path(source).is_dir():
            yield source, role
        else:
            yield from ((file, role) for file in _files_of_folder(source, evidence))


def _files_of_folder(source: str, evidence: Evidence) -> Iterator[str]:
    def report(error: OSError) -> None:
        evidence.incomplete.add(Source.FILES)
        evidence.problems.append(f"{error.filename} cannot be read ({error.strerror}). {NOTHING_IS_UNUSED}")

    read = set[str]()
    for folder, folders, names in os.walk(source, onerror=report, followlinks=True):
        place = os.path.realpath(folder)
        if place in read:  # a link to a folder that contains it
            folders.clear()
            continue
        read.add(place)
        folders[:] = sorted(each for each in folders if each not in OTHER_FOLDERS)
        for file in (Path(folder, name) for name in sorted(names) if not is_other_file(name)):
            if file.is_file():
                yield str(file)
            elif file.is_symlink() and not file.exists():
                report(OSError(ENOENT, os.strerror(ENOENT), str(file)))


def _add_file(evidence: Evidence, file: str, role: str) -> None:
    # A process without standard input has None here.
    if file == STDIN and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise InputError("There is no standard input. Pass a file.")
    try:
        with nullcontext(sys.stdin.buffer) if file == STDIN else Path(file).open("rb") as stream:
            add_content(evidence, stream, name_of(file), role)
    except OSError as error:
        mark_damaged(evidence, f"{name_of(file)} cannot be read to its end ({reason_of(error)}).", name_of(file))
