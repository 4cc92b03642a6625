"""Reads the output of ``aws iam get-account-authorization-details`` from files of any length."""

import codecs
import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import ijson

from ssm_profile.cli.policy_files import STDIN, name_of
from ssm_profile.cli.policy_files.account_details import default_document
from ssm_profile.cli.policy_files.found import map_of
from ssm_profile.errors import InputError

from .members import Found, Problem, roles_of_account

ENDINGS = (".json", ".json.gz")
"""The ends of the names of files that are read in a folder."""

_GZIP = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOST_WHITE_SPACE = 1_000
_BROKEN = (OSError, EOFError, zlib.error, ijson.JSONError, UnicodeDecodeError)


def read_files(sources: Iterable[str]) -> Iterator[Found]:
    """The roles of files.

    Args:
        sources: The paths of files and of folders, or ``-`` for standard input. In a folder, the files at any depth are
            read whose names end with one of :data:`ENDINGS`.

    Raises:
        InputError: If a source does not exist, or if a folder has no such file.
    """
    for file in [file for source in sources for file in _files(source)]:
        try:
            with _opened(file) as content:
                yield from _roles(content, name_of(file))
        except _BROKEN as error:
            yield Problem(name_of(file), _reason(error))


def _files(source: str) -> list[str]:
    path = Path(source)
    if source == STDIN or path.is_file() or path.is_fifo():
        return [source]
    if not path.is_dir():
        raise InputError(f"{source} does not exist. Pass a file, a folder, or - for standard input.")
    files = sorted(str(each) for each in path.rglob("*") if each.name.endswith(ENDINGS) and each.is_file())
    if not files:
        raise InputError(f"The folder {source} has no file whose name ends with {' or '.join(ENDINGS)}.")
    return files


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """A file as decompressed UTF-8, which can be read from the beginning more than once."""
    with ExitStack() as files:
        content: IO[bytes]
        if file == STDIN or Path(file).is_fifo():
            stream = sys.stdin.buffer if file == STDIN else files.enter_context(Path(file).open("rb"))
            content = _copy(stream, files)
        else:
            content = files.enter_context(Path(file).open("rb"))
        if _start(content) == _GZIP:
            content = cast("IO[bytes]", files.enter_context(gzip.GzipFile(fileobj=content)))
        start = _start(content)
        encoding = "utf-16" if start in _UTF_16_MARKS else "utf-8-sig" if start == codecs.BOM_UTF8[:2] else None
        yield _copy(codecs.EncodedFile(content, "utf-8", encoding), files) if encoding else content


def _start(content: IO[bytes]) -> bytes:
    """The first two bytes."""
    start = content.read(2)
    content.seek(0)
    return start


def _copy(content: Any, files: ExitStack) -> IO[bytes]:
    """A copy in a temporary file."""
    copied = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(content, copied)
    copied.seek(0)
    return copied


def _roles(content: IO[bytes], name: str) -> Iterator[Found]:
    """The roles of a file. A role can stand before its policies, so that the file is read twice."""
    policies = [_needed(policy) for policy in _items(content, "Policies")]
    count = 0
    for each in roles_of_account(policies, _items(content, "RoleDetailList"), name):
        count += 1
        yield each
    if not count:
        yield Problem(
            name, "It has no roles. Pass the output of `aws iam get-account-authorization-details`, with all its pages."
        )


def _needed(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A managed policy with its default version only, since a policy can have four further versions."""
    return {
        "Arn": policy.get("Arn"),
        "PolicyVersionList": [{"IsDefaultVersion": True, "Document": default_document(policy)}],
    }


def _items(content: IO[bytes], key: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list in the output: of one page, of several pages, or of a list of pages."""
    content.seek(0)
    is_list = content.read(_MOST_WHITE_SPACE).lstrip().startswith(b"[")
    content.seek(0)
    for each in ijson.items(content, f"{'item.' if is_list else ''}{key}.item", multiple_values=True, use_float=True):
        yield map_of(each)


def _reason(error: BaseException) -> str:
    if isinstance(error, ijson.IncompleteJSONError) and "premature" in str(error):
        return "The JSON ends too early. Write the file again."
    if isinstance(error, ijson.JSONError | UnicodeDecodeError):
        return f"It is not JSON ({str(error).splitlines()[0].strip()})."
    if isinstance(error, OSError) and error.strerror:
        return f"It cannot be read: {error.strerror}."
    return f"It is a damaged gzip file ({error}). Compress it again."
