"""Refreshes the copies of AWS's data. Part of ``make refresh``."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

from . import action_catalogue, managed_policies, partitions, patch_buckets, vpc_endpoints
from .downloads import Registries
from .source import Downloads, Project, SourceError, UnreachableError, Update

ROOT = Path(__file__).parent.parent

SOURCES: Mapping[str, Callable[[Downloads, Project], Update]] = {
    "AWS managed policies": managed_policies.update,
    "Action catalogue": action_catalogue.update,
    "Partitions and regions": partitions.update,
    "Bucket suffixes": patch_buckets.update,
    "VPC endpoints": vpc_endpoints.update,
}


@dataclass(frozen=True)
class Result:
    """What became of one source."""

    name: str
    update: Update
    skipped: str = ""
    """Why the source was skipped. Empty if it was read."""


def refresh(downloads: Downloads, project: Project, *, skip_unreachable: bool = False) -> list[Result]:
    """Read and check every source, then write what changes.

    Args:
        downloads: Where the sources come from.
        project: The copies.
        skip_unreachable: Whether to skip a source that cannot be downloaded.

    Raises:
        SourceError: If a source looks broken. Nothing is written.
        UnreachableError: If a source cannot be downloaded and is not skipped. Nothing is written.
    """
    results = [_result(name, downloads, project, skip_unreachable=skip_unreachable) for name in SOURCES]
    for result in results:
        for path, text in result.update.files.items():
            (project.root / path).write_text(text, encoding="utf-8")
    return results


def _result(name: str, downloads: Downloads, project: Project, *, skip_unreachable: bool) -> Result:
    try:
        return Result(name, SOURCES[name](downloads, project))
    except UnreachableError as error:
        if not skip_unreachable:
            raise
        return Result(name, Update(), str(error))
    except (KeyError, TypeError, ValueError, BadZipFile, HTTPException) as error:
        module = SOURCES[name].__module__.replace(".", "/")
        raise SourceError(
            f"{name}: the source has another form ({type(error).__name__}: {error}). Look at it, and adapt {module}.py."
        ) from error


def summary(results: list[Result]) -> str:
    """The changes in Markdown, with every source that is not new or was skipped."""
    return "\n\n".join("\n".join(_section(result)) for result in results) + "\n"


def _section(result: Result) -> Iterator[str]:
    yield f"### {result.name}"
    yield ""
    if result.skipped:
        yield f"Skipped: {result.skipped}"
    yield from (f"- {change}" for change in result.update.changes)
    if not result.skipped and not result.update.changes:
        yield "Nothing is new."


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m refresh", description="Refresh the copies of AWS's data.")
    parser.add_argument(
        "--skip-unreachable", action="store_true", help="Skip a source that cannot be downloaded, and say so."
    )
    parser.add_argument("--summary", type=Path, metavar="FILE", help="Write the changes to this file too.")
    options = parser.parse_args(arguments)
    project = Project(ROOT, datetime.now(UTC).date().isoformat())
    try:
        with TemporaryDirectory() as folder:
            results = refresh(Registries(Path(folder)), project, skip_unreachable=options.skip_unreachable)
    except SourceError as error:
        sys.stderr.write(f"error: {error}\nNothing has been written.\n")
        return 1
    except UnreachableError as error:
        sys.stderr.write(
            f"error: {error}\nNothing has been written. Pass --skip-unreachable to refresh the other sources.\n"
        )
        return 1
    text = summary(results)
    sys.stdout.write(text)
    if options.summary:
        options.summary.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
