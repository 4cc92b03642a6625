"""Reads the pages of ``aws iam get-account-authorization-details`` one entry after another, in bounded memory."""

import json
import math
from collections.abc import Collection, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

import ijson

from ssm_profile.cli.policy_files.parsing import DEEPEST
from ssm_profile.errors import NotDetailsError

ACCEPTED = "Pass the output of `aws iam get-account-authorization-details`"

ROLES, POLICIES = "RoleDetailList", "Policies"
LISTS = (ROLES, POLICIES, "UserDetailList", "GroupDetailList")
"""The lists of a page."""

LONGEST_FILE = 2_000_000_000
"""The longest file that is read, in bytes after decompression."""
LONGEST_START = 100_000_000
"""How many bytes a file may have before the first of :data:`LISTS`. In the output, a list is at the beginning."""
LONGEST_VALUE = 10_000_000
"""The longest string that is read, in bytes. The parser keeps a string until its end."""
MOST_VALUES, MOST_CHARACTERS = 100_000, 2_000_000
"""The largest entry that is read. IAM has none of this size: a policy has at most 131,072 characters."""
MOST_SKIPPED = 10_000_000
"""The largest object or list that is skipped, in values."""

_NAMES = ("RoleName", "Arn")
"""What is read of an entry that is not read whole."""
_CHUNK = 1 << 16
_DEEPEST_FILE = 1_000_000  # the parser needs a byte for each level
_STARTS = ("start_map", "start_array")
_ENDS = ("end_map", "end_array")

_Events = Generator[tuple[str, Any], None, None]


@dataclass(frozen=True)
class Entry:
    """An entry of a list."""

    key: str
    """One of :data:`LISTS`."""
    value: Any
    flaw: str = ""
    """Why the entry cannot be judged, in sentences. The value is a part of the entry then."""


@dataclass(frozen=True)
class PageEnd:
    """The end of a page."""

    is_last: bool
    """Whether the page does not say that there are more."""


def read_pages(content: IO[bytes], whole: Collection[str]) -> Iterator[Entry | PageEnd]:
    """The entries of the output: of one page, of several pages one after another, or of a list of pages.

    Args:
        content: The text, in UTF-8.
        whole: The lists whose entries are read whole. Of the others, the name and the ARN are read.

    Raises:
        NotDetailsError: If the file is something else or too long.
        ijson.JSONError: If it is not JSON.
    """
    reader = _Reader(content)
    events = reader.events()
    for event, _ in events:
        if event == "start_map":
            yield from _page(events, reader, whole)
        elif event == "start_array":
            for inner, _ in events:
                if inner == "end_array":
                    break
                if inner == "start_map":
                    yield from _page(events, reader, whole)
                elif inner in _STARTS:
                    _skip(events)


class _Reader:
    """The events of a text, with limits of its length."""

    def __init__(self, content: IO[bytes]) -> None:
        self.content = content
        self.has_list = False

    def events(self) -> _Events:
        found = ijson.sendable_list()
        # Not use_float: ijson then refuses an integer of more than 64 bits.
        parser = ijson.basic_parse_coro(found, multiple_values=True)
        length = silent = 0
        try:
            while chunk := self.content.read(_CHUNK):
                _sent(lambda data=chunk: parser.send(data))
                length += len(chunk)
                silent = 0 if found else silent + len(chunk)
                self._check(length, silent)
                yield from found
                found.clear()
        except BaseException:
            with suppress(ijson.JSONError):  # a parser that is not closed prints an error when it is deleted
                parser.close()
            raise
        _sent(parser.close)
        yield from found

    def _check(self, length: int, silent: int) -> None:
        if silent > LONGEST_VALUE:
            raise NotDetailsError(f"It has a string or white space of more than {LONGEST_VALUE:,} bytes. {ACCEPTED}.")
        if length > LONGEST_START and not self.has_list:
            raise NotDetailsError(f"It has no roles in its first {LONGEST_START:,} bytes. {ACCEPTED}.")
        if length > LONGEST_FILE:
            raise NotDetailsError(f"It has more than {LONGEST_FILE:,} bytes. Pass a file for each account.")


def _sent(send: Any) -> None:
    try:
        send()
    except (ArithmeticError, SystemError):  # of int() and Decimal() in ijson
        raise NotDetailsError(f"It has a number that is too long. {ACCEPTED}.") from None


def _page(events: _Events, reader: _Reader, whole: Collection[str]) -> Iterator[Entry | PageEnd]:
    is_last = True
    has_list = False
    for event, key in events:
        if event == "end_map":
            break
        kind, value = next(events)
        if kind == "start_array" and key in LISTS:
            reader.has_list = has_list = True
            yield from _entries(events, key, is_whole=key in whole)
        elif kind in _STARTS:
            _skip(events)
        elif key == "IsTruncated":
            is_last = is_last and value is not True
        elif key in ("Marker", "NextToken"):
            is_last = is_last and not value
    if has_list:
        yield PageEnd(is_last)


def _entries(events: _Events, key: str, *, is_whole: bool) -> Iterator[Entry]:
    for event, value in events:
        if event == "end_array":
            return
        if event not in _STARTS:
            yield Entry(key, value)
            continue
        top: Any = {} if event == "start_map" else []
        if is_whole:
            builder = _Builder(top)
            builder.build(events)
            yield Entry(key, top, builder.flaw)
        else:
            _read_names(events, top)
            yield Entry(key, top)


def _skip(events: _Events, depth: int = 1) -> None:
    """Go to the end of a container, or of the outermost of several."""
    for count, (event, _) in enumerate(events):
        if event in _STARTS:
            depth += 1
        elif event in _ENDS:
            depth -= 1
            if not depth:
                return
        if depth > _DEEPEST_FILE:
            raise NotDetailsError(f"It has more than {_DEEPEST_FILE:,} levels of objects and lists. {ACCEPTED}.")
        if count > MOST_SKIPPED:
            raise NotDetailsError(f"It has an object or a list with more than {MOST_SKIPPED:,} values. {ACCEPTED}.")


def _read_names(events: _Events, top: Any) -> None:
    """Add the name and the ARN to an object, and go to its end. Of a list, nothing is added."""
    key = ""
    for event, value in events:
        if event in _ENDS:
            return
        if event == "map_key":
            key = value
        elif event in _STARTS:
            _skip(events)
        elif key in _NAMES:
            top[key] = _encodable(value) if event == "string" else None


class _Builder:
    """Builds an object or a list of the events in it."""

    def __init__(self, top: Any) -> None:
        self.top = top
        self.flaw = ""
        self._outer: list[tuple[Any, str]] = []
        """The open containers around the one that is read, each with the key of what is read in it."""

    def build(self, events: _Events) -> None:
        """Read to the end of the object. What exceeds the limits is not kept."""
        container: Any = self.top
        key, values, characters = "", 0, 0
        for event, value in events:
            if event in _ENDS:
                if not self._outer:
                    return
                container, key = self._outer.pop()
                continue
            if event == "map_key":
                key = _encodable(value)
                characters += len(key)
                if key in container:
                    self.flaw = self.flaw or self._duplicate(key)
                continue
            if event == "string":
                added: Any = _encodable(value)
                characters += len(added)
            else:
                added = {} if event == "start_map" else [] if event == "start_array" else self._scalar(value)
            if isinstance(container, dict):
                container[key] = added
            else:
                container.append(added)
            if event in _STARTS:
                self._outer.append((container, key))
                container, key = added, ""
            values += 1
            if values > MOST_VALUES or characters > MOST_CHARACTERS or len(self._outer) >= DEEPEST:
                self._leave(events)
                return

    def _leave(self, events: _Events) -> None:
        """Read the name and the ARN only, so that the problem can be told."""
        self.flaw = (
            f"It has more than {DEEPEST} levels of objects and lists."
            if len(self._outer) >= DEEPEST
            else f"It has more than {MOST_VALUES:,} values or {MOST_CHARACTERS:,} characters."
        )
        if self._outer:
            _skip(events, len(self._outer))
        _read_names(events, self.top)

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, Decimal | float):
            value = float(value)
            if not math.isfinite(value):
                self.flaw = self.flaw or f"It has a number that is too large{self._place()}."
        return value

    def _duplicate(self, key: str) -> str:
        return (
            f"It has the key {json.dumps(key[:80], ensure_ascii=False)} twice{self._place()}. "
            "Readers disagree on which one counts. Remove one of them, or merge them."
        )

    def _place(self) -> str:
        """Where the open container is."""
        parts = (f"[{len(each) - 1}]" if isinstance(each, list) else f".{key[:80]}" for each, key in self._outer)
        place = "".join(parts).removeprefix(".")
        return f" in {place}" if place else ""


def _encodable(text: str) -> str:
    """A text without lone surrogates, which no output can encode."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
