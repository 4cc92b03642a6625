"""Reads a file or standard input, and decodes its text."""

import codecs
import gzip
import io
import os
import stat
import sys
import time
import zlib

from ssm_profile.errors import InputError, TooLongError

STDIN = "-"
LONGEST_FILE = 10_000_000
"""The longest file that is read, in bytes, before and after decompression."""
WAIT_FOR_WRITER = 1.0
"""How long a named pipe may have no writer, in seconds. A shell can start the writer after the reader."""

_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    # UTF-32 first: its mark begins with that of UTF-16.
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_GZIP = b"\x1f\x8b"
_ARCHIVES = {b"BZh": "a bzip2 file", b"\xfd7zXZ\x00": "an xz file", b"\x28\xb5\x2f\xfd": "a zstd file"}


def read_bytes(source: str) -> bytes:
    """The content of a file or of standard input.

    Args:
        source: The path of a file or of a pipe, or ``-``.

    Raises:
        InputError: If it cannot be read, or is not a file or pipe.
        TooLongError: If it has more than :data:`LONGEST_FILE` bytes.
    """
    name = "standard input" if source == STDIN else source
    try:
        content = _standard_input() if source == STDIN else _file(source)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{name} cannot be read: {reason}. Pass an existing file, or - for standard input.") from None
    if len(content) > LONGEST_FILE:
        raise TooLongError(f"{name} has more than {LONGEST_FILE:,} bytes, the most that is read.")
    return content


def decode(content: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 or UTF-32 with a byte order mark, also compressed with gzip.

    Args:
        content: The bytes of the file.
        name: The name of the file in error messages.

    Raises:
        InputError: If it is not text in one of these encodings.
    """
    content = decompress(content, name)
    if content.startswith(b"PK\x03\x04"):
        raise InputError(
            f"{name} is a ZIP archive or a plan file of Terraform. For a plan, pass the output of "
            "`terraform show -json FILE`. Otherwise pass a file of the archive."
        )
    for magic, kind in _ARCHIVES.items():
        if content.startswith(magic):
            raise InputError(f"{name} is {kind}. Decompress it, or use gzip.")
    mark = next((mark for mark in _BOMS if content.startswith(mark)), b"")
    encoding = _BOMS.get(mark, "utf-8")
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not {encoding.upper()} text: {error.reason} at byte {error.start + len(mark):,}. "
            "Save it as UTF-8."
        ) from None
    if "\0" in text:
        raise InputError(f"{name} is a binary file, or UTF-16 without a byte order mark. Save it as UTF-8.")
    return text


def decompress(content: bytes, name: str, longest: int = LONGEST_FILE) -> bytes:
    """The content of a file that may be compressed with gzip, also in several parts.

    Args:
        content: The bytes of the file.
        name: The name of the file in error messages.
        longest: The longest content that is read, in bytes.

    Raises:
        InputError: If it is damaged.
        TooLongError: If it is too long.
    """
    if not content.startswith(_GZIP):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(longest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name} is a damaged gzip file ({error}). Compress it again, or pass it as text.") from None
    if len(text) > longest:
        raise TooLongError(f"{name} has more than {longest:,} bytes after decompression, the most that is read.")
    return text


def _standard_input() -> bytes:
    # A process without standard input has None here.
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise InputError("There is no standard input. Pass a file.")
    if sys.stdin.isatty():
        sys.stderr.write("Reading standard input. Paste the text, and end it with Ctrl-D.\n")
    return sys.stdin.buffer.read(LONGEST_FILE + 1)


def _file(source: str) -> bytes:
    mode = os.stat(source).st_mode  # noqa: PTH116 - Path.stat has another error for a null character
    kinds = {stat.S_ISDIR: "directory", stat.S_ISSOCK: "socket", stat.S_ISCHR: "device", stat.S_ISBLK: "device"}
    for is_kind, kind in kinds.items():
        if is_kind(mode):
            raise InputError(f"{source} is a {kind}. Pass a file, or - for standard input.")
    # Opening a pipe without a writer blocks otherwise.
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with io.FileIO(descriptor) as file:
        start = _first_bytes_of_pipe(file, source) if stat.S_ISFIFO(mode) else b""
        with io.BufferedReader(file) as reader:
            return start + reader.read(LONGEST_FILE + 1)


def _first_bytes_of_pipe(file: io.FileIO, name: str) -> bytes:
    """The first bytes that a writer sends. After them, reads of the pipe block until there are more."""
    deadline = time.monotonic() + WAIT_FOR_WRITER
    while True:
        start = file.read(1)
        if start is None:  # There is a writer, which has not written yet.
            os.set_blocking(file.fileno(), True)
            return b""
        if start:
            os.set_blocking(file.fileno(), True)
            return start
        if time.monotonic() > deadline:
            raise InputError(f"{name} is a pipe to which no process writes. Start the writer first, or pass a file.")
        time.sleep(0.02)


def read_text(source: str) -> str:
    """The text of a file or of standard input.

    Args:
        source: The path of the file, or ``-``.

    Raises:
        InputError: If it cannot be read, or if it is not text.
    """
    return decode(read_bytes(source), name_of(source))


def name_of(source: str) -> str:
    """The name of a source in messages and reports."""
    return "standard input" if source == STDIN else source
