"""Finds files, and opens them as decompressed UTF-8."""

import codecs
import gzip
import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Self, cast

from ssm_profile.cli.policy_files import STDIN, name_of
from ssm_profile.errors import InputError

from .members import Problem

ENDINGS = (".json", ".json.gz")
"""The ends of the names of files that are read in a folder."""
LONGEST_COPY = 2_000_000_000
"""How many bytes of standard input or of a pipe are read, before decompression. They are copied to the disk."""

_GZIP = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK = 1 << 20
_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
    stat.S_ISFIFO: "a pipe",
}


def find_files(sources: Iterable[str]) -> list[str | Problem]:
    """The files of sources, each once, and what cannot be read in folders.

    Args:
        sources: The paths of files, pipes and folders, or ``-``. In a folder, the files at any depth are found whose
            names end with one of :data:`ENDINGS`.

    Raises:
        InputError: If a source cannot be read or is something else, or if a folder has no such file.
    """
    found = list[str | Problem]()
    seen = set[Any]()
    for source in sources:
        found += (each for each in _files(source) if _is_new(_identity(each), seen))
    return found


def _identity(found: str | Problem) -> Any:
    """What is equal for two paths of one file."""
    return os.path.realpath(found) if isinstance(found, str) and found != STDIN else found


def _files(source: str) -> list[str | Problem]:
    if source == STDIN:
        return [source]
    if not source:
        raise InputError("A SOURCE is empty. Pass a file, a folder, or - for standard input.")
    try:
        kind = _kind(source)
    except FileNotFoundError:
        raise InputError(f"{source} does not exist. Pass a file, a folder, or - for standard input.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"{source} cannot be read: {reason}. Pass a file, a folder, or - for standard input."
        ) from None
    if kind in ("", "a pipe"):
        return [source]
    if kind != "a folder":
        raise InputError(f"{source} is {kind}. Pass a file, a folder, or - for standard input.")
    files = _files_of_folder(source)
    if not files:
        raise InputError(f"The folder {source} has no file whose name ends with {' or '.join(ENDINGS)}.")
    return files


def _kind(path: str) -> str:
    """What a path is, or an empty string for a file."""
    mode = os.stat(path).st_mode  # noqa: PTH116 - Path.stat has another error for a null character
    return next((kind for is_kind, kind in _KINDS.items() if is_kind(mode)), "")


def _files_of_folder(folder: str) -> list[str | Problem]:
    found = list[str | Problem]()

    def report(error: OSError) -> None:
        found.append(Problem(str(error.filename), f"The folder cannot be read: {error.strerror}."))

    visited = {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, onerror=report, followlinks=True):
        folders[:] = [name for name in sorted(folders) if _is_new(os.path.realpath(Path(place, name)), visited)]
        for path in (str(Path(place, name)) for name in sorted(names) if name.endswith(ENDINGS)):
            try:
                kind = _kind(path)
            except OSError as error:
                found.append(Problem(path, f"It cannot be read: {error.strerror}."))
            else:
                found.append(Problem(path, f"It is {kind}, not a file.") if kind else path)
    return found


def _is_new(each: Any, seen: set[Any]) -> bool:
    """Whether something is not in a set yet, to which it is added."""
    is_new = each not in seen
    seen.add(each)
    return is_new


class Files:
    """Files that can be opened more than once. Use it in a ``with`` statement, at whose end the copies are deleted."""

    def __init__(self) -> None:
        self._copies = dict[str, IO[bytes]]()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def opened(self, file: str) -> Iterator[IO[bytes]]:
        """A file as decompressed UTF-8. Of standard input and of a pipe, a copy on the disk is read.

        Raises:
            OSError: If it cannot be read.
            InputError: If it is standard input or a pipe, and too long.
        """
        with ExitStack() as opened:
            if file == STDIN or file in self._copies or Path(file).is_fifo():
                content = self._copy(file)
            else:
                content = opened.enter_context(Path(file).open("rb"))
            if _start(content) == _GZIP:
                content = cast("IO[bytes]", opened.enter_context(gzip.GzipFile(fileobj=content)))
            start = _start(content)
            encoding = "utf-16" if start in _UTF_16_MARKS else "utf-8-sig" if start == codecs.BOM_UTF8[:2] else None
            if encoding:
                text = io.TextIOWrapper(cast("Any", content), encoding=encoding, newline="")
                opened.callback(text.detach)  # it would close the content
                content = cast("IO[bytes]", _Encoded(text))
            yield content

    def _copy(self, file: str) -> IO[bytes]:
        if file not in self._copies:
            with ExitStack() as opened:
                stream = _standard_input() if file == STDIN else opened.enter_context(Path(file).open("rb"))
                copy = self._open.enter_context(tempfile.TemporaryFile())
                length = 0
                while chunk := stream.read(_CHUNK):
                    length += len(chunk)
                    if length > LONGEST_COPY:
                        copy.truncate(0)
                        raise InputError(f"It has more than {LONGEST_COPY:,} bytes. Pass a file instead of a pipe.")
                    copy.write(chunk)
            self._copies[file] = copy
        self._copies[file].seek(0)
        return self._copies[file]


class _Encoded:
    """A text in UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def read(self, size: int) -> bytes:
        """Up to a number of characters."""
        return self._text.read(size).encode()


def _start(content: IO[bytes]) -> bytes:
    """The first two bytes."""
    start = content.read(2)
    content.seek(0)
    return start


def _standard_input() -> IO[bytes]:
    # A process without standard input has None here.
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise InputError(f"There is no {name_of(STDIN)}. Pass a file.")
    if sys.stdin.isatty():
        sys.stderr.write("Reading standard input. Paste the text, and end it with Ctrl-D.\n")
    return sys.stdin.buffer
