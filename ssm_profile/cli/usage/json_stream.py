"""Reads JSON objects one after another, so that the memory does not depend on the length of the text."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_CHUNK = 1 << 18
LONGEST_OBJECT = 1 << 23
"""The longest object that is read, in characters. An event has at most 1 MB."""

_ENVELOPE = re.compile(r'\{\s*"(?:Records|Events|logEvents)"\s*:\s*\[')
"""The beginning of an object whose list is read one by one."""
_LONGEST_ENVELOPE = 200

_OBJECT = re.compile(r'\{\s*"')
_SEPARATORS = " \t\r\n,[]}"

_MOST_FAILURES = 1000
"""How many openings that are not objects there can be."""


class NotJsonError(ValueError):
    """The text is not JSON."""


class CutOffError(ValueError):
    """The text ends within an object."""


def objects_in(read: Callable[[int], str]) -> Iterator[dict[str, Any]]:
    """The objects of a text: in a list, in the list of an envelope, one in a line, or after other text in a line.

    Args:
        read: Reads up to a number of characters. It returns an empty string at the end.

    Raises:
        NotJsonError: If the text has too much that is not an object.
        CutOffError: If the text ends within an object or before the end of an envelope.
    """
    buffer, failures, skipped, is_open = _Buffer(read), 0, 0, False
    while True:
        between, is_found = buffer.skip_to_opening()
        skipped += len(between.strip(_SEPARATORS))
        is_open = is_open and "}" not in between
        if max(skipped, len(between)) > LONGEST_OBJECT or failures > _MOST_FAILURES:
            raise NotJsonError
        if not is_found:
            if is_open:
                raise CutOffError
            return
        if buffer.skip_envelope():
            is_open = True
            continue
        value = buffer.take_object()
        if value is not None:
            failures = skipped = 0
            yield value
        elif buffer.is_at_end and not failures and buffer.is_at_object():
            raise CutOffError
        else:
            failures += 1
            buffer.position += 1


class _Buffer:
    """The part of a text that is not read yet, from a position on."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._decoder = json.JSONDecoder()
        self._text = read(_CHUNK)
        self.position = 0
        self.is_at_end = not self._text

    def skip_to_opening(self) -> tuple[str, bool]:
        """Go to the next opening, or as far as is read. Returns the text between, and whether it is at an opening."""
        between = ""
        while True:
            opening = self._text.find("{", self.position)
            end = len(self._text) if opening < 0 else opening
            between += self._text[self.position : end]
            self.position = end
            if len(self._text) - end >= _LONGEST_ENVELOPE or self.is_at_end or len(between) > LONGEST_OBJECT:
                return between, opening >= 0
            self._grow(_CHUNK)

    def skip_envelope(self) -> bool:
        """Go into the list of an envelope, if one begins here."""
        envelope = _ENVELOPE.match(self._text, self.position)
        self.position = envelope.end() if envelope else self.position
        return envelope is not None

    def take_object(self) -> dict[str, Any] | None:
        """The object that begins here. None if none does, or if it is too long."""
        while True:
            try:
                value, self.position = self._decoder.raw_decode(self._text, self.position)
            except (ValueError, RecursionError):
                length = len(self._text) - self.position
                if length >= LONGEST_OBJECT or self.is_at_end:
                    return None
                self._grow(max(_CHUNK, length))  # doubled, so that a long object is not decoded too often
            else:
                return value

    def is_at_object(self) -> bool:
        """Whether what begins here looks like the beginning of an object."""
        return _OBJECT.match(self._text, self.position) is not None

    def _grow(self, size: int) -> None:
        chunk = self._read(size)
        self.is_at_end = not chunk
        self._text, self.position = self._text[self.position :] + chunk, 0
