"""Reads evidence from an S3 bucket: threads get the objects, and processes read them."""

import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain, islice
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ssm_profile.cli.aws_client import PATIENT, client, readable_errors
from ssm_profile.cli.processes import map_in_processes, number_of_processors
from ssm_profile.cli.report import count_of
from ssm_profile.errors import InputError

from .content import OTHER_FOLDERS, add_content, day_of_file, is_other_file, mark_missing
from .evidence import Evidence
from .jobs import advised

READ_ACTIONS = ("s3:ListBucket", "s3:GetObject")
"""The permissions that a bucket requires. Log files with a KMS key require ``kms:Decrypt`` on it, too."""

LONGEST_OBJECT = 64_000_000
"""The longest object that is read, in bytes. CloudTrail splits log files long before."""

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_REGION_FOLDER = re.compile(r"(?:.*/)?CloudTrail/[a-z]+(?:-[a-z]+)+-\d+/")
"""A folder whose objects are ordered by day. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html"""

_OTHER_SERVICE = re.compile(r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(?!CloudTrail/)[^/]+/")
"""A folder of another service's logs, or of other files of CloudTrail."""

_ADVICE = (
    ("NoSuchBucket", "Check the name of the bucket."),
    ("NoSuchKey", "It was deleted after the bucket was listed."),
    ("InvalidObjectState", "Restore it from its archive first."),
)

_AT_A_TIME = 16
"""How many objects are on their way."""
_MOST_BYTES = 32_000_000
"""How many bytes are on their way, unless a single object is longer."""
_FEWEST_FOR_PROCESSES = 24
_CHUNK = 8_000_000
"""How many bytes a process reads before it gives their evidence."""
_MOST_IN_CHUNK = 64
_FEWEST_FAILURES = 20
"""If none of the first objects can be read, the others are not tried."""


@dataclass(frozen=True)
class _Object:
    key: str
    size: int


@dataclass(frozen=True)
class _Content:
    """An object that was got, or why it was not."""

    key: str
    content: bytes = b""
    problem: str = ""
    """Why it cannot be read."""


def add_bucket(
    evidence: Evidence,
    url: str,
    *,
    since: date | None = None,
    role: str = "",
    progress: Callable[[str], None] | None = None,
) -> None:
    """Add what the objects of a bucket have. It requires :data:`READ_ACTIONS`.

    Args:
        evidence: What to add to. Objects that cannot be read are a problem.
        url: ``s3://BUCKET/PREFIX``.
        since: The first day of which log files are read.
        role: The ARN of the role of a report of Access Advisor that names none, or nothing.
        progress: Called with the name of each object when it is read.

    Raises:
        InputError: If the bucket cannot be listed, or if no object can be read.
    """
    match = _URL.fullmatch(url)
    if not match:
        raise InputError(f"{url} is not the address of a bucket. Pass an address such as s3://BUCKET/AWSLogs/.")
    bucket, prefix = match[1], match[2] or ""
    found, failures, count = Evidence(), _Failures(f"s3://{bucket}/"), 0
    with readable_errors(url, READ_ACTIONS), advised(url, _ADVICE):
        s3 = client("s3", config=PATIENT.merge(Config(max_pool_connections=_AT_A_TIME)))
        objects = _objects(s3, bucket, prefix, since)
        first = list(islice(objects, _FEWEST_FOR_PROCESSES))
        is_alone = len(first) < _FEWEST_FOR_PROCESSES or number_of_processors() == 1
        contents = failures.noted(_contents(s3, bucket, chain(first, objects)), found)
        work = partial(_evidence_of, bucket=bucket, role=role)
        for part, names in (map if is_alone else map_in_processes)(work, _chunks(contents)):
            found.merge(part)
            count += len(names)
            if progress:
                for name in names:
                    progress(name)
    if not count and failures.count:
        raise InputError(f"{url}: no object can be read. {failures.reason}")
    if not count:
        found.problems.append(f"{url} has no log files{f' since {since}' if since else ''}. Check the prefix.")
    found.problems += failures.problems()
    evidence.merge(found)


class _Failures:
    """The objects that cannot be read."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._groups: dict[str, tuple[_Content, int]] = {}
        """The first object of each reason, and the number of its objects."""

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(number for _, number in self._groups.values())

    @property
    def reason(self) -> str:
        """Why the first one cannot be read."""
        return next(first.problem for first, _ in self._groups.values())

    def noted(self, contents: Iterator[_Content], evidence: Evidence) -> Iterator[_Content]:
        """Contents without those that fail, whose days are marked in the evidence.

        Raises:
            InputError: If none of many contents can be read.
        """
        is_readable = False
        for each in contents:
            if not each.problem:
                is_readable = True
                yield each
                continue
            mark_missing(evidence, each.key)
            kind = each.problem.replace(each.key, "")
            first, number = self._groups.get(kind, (each, 0))
            self._groups[kind] = first, number + 1
            if not is_readable and self.count >= _FEWEST_FAILURES:
                raise InputError(f"{self._place}: none of {_FEWEST_FAILURES} objects can be read. {self.reason}")

    def problems(self) -> Iterator[str]:
        """A sentence for each reason."""
        for first, number in self._groups.values():
            others = number - 1
            more = f" and {count_of(others, 'other object')}" if others else ""
            yield (
                f"{self._place}{first.key}{more} cannot be read. {first.problem} No action counts as unused because "
                "CloudTrail files of these days do not show it."
            )


def _objects(s3: Any, bucket: str, prefix: str, since: date | None) -> Iterator[_Object]:
    """The objects that can have events since a day. Folders of other files and days are not listed."""
    folders = [prefix]
    while folders:
        folder = folders.pop()
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": folder}
        if by_day := _REGION_FOLDER.match(folder):
            request |= {"StartAfter": f"{by_day[0]}{since:%Y/%m/%d}"} if since else {}
        else:
            request["Delimiter"] = "/"
        below = list[str]()
        for page in s3.get_paginator("list_objects_v2").paginate(**request):
            below += [each["Prefix"] for each in page.get("CommonPrefixes", ())]
            for each in page.get("Contents", ()):
                if _has_events(each["Key"], since):
                    yield _Object(each["Key"], each["Size"])
        folders += reversed([each for each in below if not _is_other_folder(each)])


def _is_other_folder(folder: str) -> bool:
    return folder.rstrip("/").rpartition("/")[2] in OTHER_FOLDERS or _OTHER_SERVICE.match(folder) is not None


def _has_events(key: str, since: date | None) -> bool:
    """Whether an object can have events since a day."""
    if key.endswith("/") or is_other_file(key):
        return False
    day = day_of_file(key)
    return not (since and day and day[1] < since.isoformat())


def _contents(s3: Any, bucket: str, objects: Iterator[_Object]) -> Iterator[_Content]:
    """The contents of objects, in this order. A bounded number of them is on the way."""
    waiting = deque[tuple[_Object, Future[_Content]]]()
    pool = ThreadPoolExecutor(_AT_A_TIME)
    try:
        for each in objects:
            waiting.append((each, pool.submit(_content, s3, bucket, each)))
            while waiting and (len(waiting) >= _AT_A_TIME or sum(awaited.size for awaited, _ in waiting) > _MOST_BYTES):
                yield waiting.popleft()[1].result()
        while waiting:
            yield waiting.popleft()[1].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _content(s3: Any, bucket: str, wanted: _Object) -> _Content:
    if wanted.size > LONGEST_OBJECT:
        return _Content(wanted.key, problem=f"It has {wanted.size:,} bytes, more than {LONGEST_OBJECT:,}.")
    try:
        with readable_errors("Amazon S3", (*READ_ACTIONS, "kms:Decrypt")), advised("Amazon S3", _ADVICE):
            return _Content(wanted.key, s3.get_object(Bucket=bucket, Key=wanted.key)["Body"].read())
    except InputError as error:
        return _Content(wanted.key, problem=str(error))
    except (OSError, BotoCoreError, ClientError) as error:
        return _Content(wanted.key, problem=f"Amazon S3: the answer ended early ({error}).")


def _chunks(contents: Iterator[_Content]) -> Iterator[list[_Content]]:
    chunk, size = list[_Content](), 0
    for each in contents:
        chunk.append(each)
        size += len(each.content)
        if size >= _CHUNK or len(chunk) >= _MOST_IN_CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _evidence_of(contents: list[_Content], bucket: str, role: str) -> tuple[Evidence, list[str]]:
    """The evidence of objects, and their names."""
    evidence, names = Evidence(), [f"s3://{bucket}/{each.key}" for each in contents]
    for each, name in zip(contents, names, strict=True):
        add_content(evidence, io.BytesIO(each.content), name, role)
    return evidence, names
