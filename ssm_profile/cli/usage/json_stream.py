"""Reads JSON objects one after another, so that the memory does not depend on the length of the file."""

from collections.abc import Iterable, Iterator
from typing import IO, Any

import ijson

LONGEST_OBJECT = 1 << 23
"""The longest object that is read, in bytes. An event has at most 1 MB."""
MOST_LEVELS = 200
"""The most containers that can stand in one another."""

_STREAMED = ("Records", "Events", "logEvents")
"""The keys of an envelope whose lists are read one by one."""


class NotJsonError(ValueError):
    """The content is not JSON, or has an object that is too long or too deep."""


class CutOffError(ValueError):
    """The content ends within an object."""


def objects_in(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of JSON values that stand one after another: each one, those of a list, and those of an envelope.

    Args:
        stream: The content, in UTF-8.

    Raises:
        NotJsonError: If the content is not JSON, or if an object is too long or too deep.
        CutOffError: If the content ends within a value.
    """
    content = _Content(stream)
    try:
        for value in _values(ijson.basic_parse(content, multiple_values=True)):
            content.begin_object()
            yield value
    except ijson.IncompleteJSONError as error:
        if content.is_blank:
            return
        # The error of a value that is cut off is the same as that of a wrong value, but it comes at the end.
        raise (CutOffError if content.is_at_end else NotJsonError) from error
    except (ijson.JSONError, ArithmeticError) as error:
        raise NotJsonError from error


def _values(tokens: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """The objects of the parser's tokens, each as soon as it ends."""
    stream = _Stream()
    outer: list[tuple[Any, str]] = []  # the open containers around the innermost one, each with its key
    inner, key = stream, ""
    for kind, scalar in tokens:
        if kind == "map_key":
            key = scalar
            continue
        if kind in ("start_map", "start_array"):
            is_envelope = key in _STREAMED and all(isinstance(each, _Stream) for each, _ in outer)
            outer.append((inner, key))
            if len(outer) > MOST_LEVELS:
                raise NotJsonError
            is_streamed = kind == "start_array" and (is_envelope or len(outer) == 1)
            inner, key = stream if is_streamed else {} if kind == "start_map" else [], ""
            continue
        value = scalar
        if kind in ("end_map", "end_array"):
            value = inner
            inner, key = outer.pop()
        if isinstance(inner, dict):
            inner[key] = value
        elif isinstance(inner, list):
            inner.append(value)
        elif isinstance(value, dict):
            yield value


class _Stream:
    """The place of a list whose objects are not kept."""


class _Content:
    """The content, of which no object may be too long."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._length = 0
        self.is_blank = True
        self.is_at_end = False

    def read(self, size: int = -1) -> bytes:
        """Read a part. The parser keeps what it cannot give out, so that the check must be here."""
        if self._length > LONGEST_OBJECT:
            raise NotJsonError
        part = self._stream.read(size)
        self._length += len(part)
        self.is_blank = self.is_blank and not part.strip()
        self.is_at_end = not part and size != 0
        return part

    def begin_object(self) -> None:
        """Count the length anew."""
        self._length = 0
