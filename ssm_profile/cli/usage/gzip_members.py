"""Reads a content that is compressed with gzip, up to the first part that is something else."""

import gzip
import io
import zlib
from typing import IO, Any

MAGIC = b"\x1f\x8b"
"""The beginning of each member of a gzip file."""

_WITH_HEADER = 16 + zlib.MAX_WBITS
_CHUNK = 1 << 14


class Unpacked(io.RawIOBase):
    """The content of all members.

    :class:`gzip.GzipFile` skips zeros after a member one by one, so that gigabytes of them take hours. Here, they are
    no gzip. Reading raises EOFError if the content ends within a member, and gzip.BadGzipFile or zlib.error if it is
    something else.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        """Begin with the first member.

        Args:
            packed: The compressed content.
        """
        self._packed = packed
        self._member = zlib.decompressobj(_WITH_HEADER)
        self._rest = b""
        """What was read and not decompressed."""

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read some bytes. None are left if there are none."""
        while not self._member.eof or self._begin_member():
            packed = self._rest or self._packed.read(_CHUNK)
            found = self._member.decompress(packed, len(buffer))
            self._rest = self._member.unused_data or self._member.unconsumed_tail
            if found:
                buffer[: len(found)] = found
                return len(found)
            if not packed:
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        return 0

    def _begin_member(self) -> bool:
        """Begin with the next member. Returns whether there is one."""
        while len(self._rest) < len(MAGIC) and (packed := self._packed.read(_CHUNK)):
            self._rest += packed
        if not self._rest:
            return False
        if not self._rest.startswith(MAGIC):
            raise gzip.BadGzipFile("something else than gzip follows the compressed events")
        self._member = zlib.decompressobj(_WITH_HEADER)
        return True
