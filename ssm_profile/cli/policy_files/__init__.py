"""Turns files that people have into policy documents of IAM.

:func:`read_bytes`, :func:`decode` and :func:`parse` make data of a file; :func:`find_roles` finds the roles in it.
"""

from .documents import find_roles
from .found import FoundPolicy, FoundRole
from .parsing import parse
from .reading import LONGEST_FILE, STDIN, TooLongError, decode, decompress, name_of, read_bytes, read_text

__all__ = [
    "LONGEST_FILE",
    "STDIN",
    "FoundPolicy",
    "FoundRole",
    "TooLongError",
    "decode",
    "decompress",
    "find_roles",
    "name_of",
    "parse",
    "read_bytes",
    "read_text",
]
