"""Reads the input of ``audit --denied``: text, JSON, JSON lines and logs with JSON in them, plain or compressed."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ssm_profile.cli.policy_files import LONGEST_FILE, decompress, name_of, read_bytes
from ssm_profile.errors import InputError

from .denial import Denial
from .events import denials_in_json, parse_json
from .key_uses import use_in_words
from .messages import messages_in

_LONGEST_TEXT = 10 * LONGEST_FILE
"""The longest text that is read from a compressed file, in bytes."""

_ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""The byte order marks of files that PowerShell writes."""

_OPENING = re.compile(r'\{(?=["\s])')
"""Where an object can begin."""

_MOST_FAILURES = 50
"""How many openings that are not JSON are tried over several lines. After them only single lines are read."""

_MOST_FAILED_LINES = 20_000
"""How many such openings there can be in a log with JSON. After them the text is read as text."""


def read_source(source: str) -> str:
    """The text of a file or of standard input, which can be compressed with gzip.

    Bytes that are not UTF-8 are replaced, since a log can contain any byte.

    Args:
        source: The path of a file, or ``-`` for standard input.

    Raises:
        InputError: If it cannot be read or is too long.
    """
    content = decompress(read_bytes(source), name_of(source), _LONGEST_TEXT)
    return content.decode(_ENCODINGS.get(content[:2], "utf-8-sig"), errors="replace")


def read_denials(text: str) -> list[Denial]:
    """The denied calls in a text, as often as the text has them.

    Args:
        text: Error messages, a log, CloudTrail events, or a decoded authorization message.

    Raises:
        InputError: If the text contains no denied call.
    """
    whole = parse_json(text)
    denials = list(denials_in_json(whole)) if whole is not None else list(_in_log(text))
    if not denials:
        raise InputError(
            "--denied: the input contains no denied call. Pass an error message of AWS, for example "
            '"User: arn:... is not authorized to perform: ssm:GetParameter on resource: arn:...", '
            "a log of the SSM Agent, or a CloudTrail event in JSON."
        )
    return denials


def _in_log(text: str) -> Iterator[Denial]:
    """The denied calls in text that can contain JSON: whole lines, parts of lines, or objects over several lines."""
    decoder, position, start, failures = json.JSONDecoder(), 0, 0, 0
    while failures < _MOST_FAILED_LINES and (match := _OPENING.search(text, position)):
        opening = match.start()
        line_end = text.find("\n", opening)
        line_end = len(text) if line_end < 0 else line_end
        several = failures < _MOST_FAILURES
        value, end = _decoded(decoder, text if several else text[opening:line_end], opening if several else 0)
        if end is None:
            failures += 1
            position = line_end
            continue
        before = text[start:opening]
        yield from messages_in(before)
        for denial in denials_in_json(value):
            yield denial.with_use(use_in_words(before, "")) if denial.is_of_key else denial
        start = position = end if several else opening + end
    yield from messages_in(text[start:])


def _decoded(decoder: json.JSONDecoder, text: str, position: int) -> tuple[Any, int | None]:
    try:
        return decoder.raw_decode(text, position)
    except (ValueError, RecursionError):
        return None, None
