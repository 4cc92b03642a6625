"""``make proof``: writes proof.md, the last run of what takes minutes."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console

from benchmarks.machine import about
from sandbox.pulumi_cli import find_pulumi

PAGE = Path(__file__).parent.parent / "docs" / "proof.md"

INTRODUCTION = """<!-- Written by `make proof`. Do not edit. -->

# The last run of `make proof`

What takes minutes, and runs weekly; a fixed part of most of it is in `make test` as well, and not counted here.
Where anything fails, this page is not written.

On {date}, on {cpu}, {cores} cores, {memory}; {os}; {versions}.

| | cases | seconds, added up |
| --- | --- | --- |
"""


def page(reports: Iterable[str], where: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        reports: pytest's reports, as JUnit has them. A case of a later one counts in place of that of an earlier one.
        where: The date and the machine, as :func:`benchmarks.machine.about` has them.

    Raises:
        ValueError: If a case has not passed, and was not skipped either.
    """
    trees = [ET.fromstring(report) for report in reports]  # noqa: S314 - our own
    last = {(case.get("classname"), case.get("name")): case for tree in trees for case in tree.iter("testcase")}
    if failed := [name for (_, name), case in last.items() if any(each.tag != "skipped" for each in case)]:
        raise ValueError(f"these have not passed: {', '.join(map(str, failed))}")
    cases = sorted(last.values(), key=_test)
    rows = [row for test, of_test in groupby(cases, key=_test) for row in _rows(test, list(of_test))]
    return INTRODUCTION.format_map(where) + "\n".join([*rows, ""])


def _test(case: ET.Element) -> tuple[str, str]:
    """The module and the function of a case."""
    return case.get("classname", ""), case.get("name", "").partition("[")[0]


def _rows(test: tuple[str, str], cases: Iterable[ET.Element]) -> Iterator[str]:
    module, function = test
    file = f"{module.replace('.', '/')}.py"
    what = f"[{function.removeprefix('test_').replace('_', ' ')}](../{file})"
    passed = [case for case in cases if not list(case)]
    if passed:
        yield f"| {what} | {len(passed)} passed | {sum(float(case.get('time', 0)) for case in passed):.0f} |"
    reasons = sorted({skip.get("message", "") for case in cases for skip in case.iter("skipped")})
    yield from (f"| {what} | skipped: {reason} | |" for reason in reasons)


def main(files: Sequence[str]) -> None:
    """Write the page of the reports in some files."""
    reports = [Path(file).read_text() for file in files]
    where = about(find_pulumi(Console(quiet=True), install=False))
    where["versions"] = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    sys.stdout.write(f"{PAGE.name}: {PAGE.write_text(page(reports, where))} characters\n")


if __name__ == "__main__":
    main(sys.argv[1:])
