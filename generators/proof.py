"""``make proof``: writes docs/proof.md, the results of the last run of the tests that take minutes."""

import re
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

These tests take minutes and run weekly. `make test` runs a fixed part of most of them, which is not counted here.
If a test fails, this page is not written. `make proof ARGS=tests/mutation` runs the tests of a folder, of a file or
of a name again, and replaces their rows.

The last run was on {date}, on {cpu}, {cores} cores, {memory}; {os}; {versions}.

| test | cases | total seconds | date |
| --- | --- | --- | --- |
"""


def page(reports: Iterable[str], machine: Mapping[str, str], previous: str = "") -> str:
    """The whole page.

    Args:
        reports: pytest's reports in JUnit's XML format. A test case of a later report replaces that of an earlier one.
        machine: The date and the machine, as returned by :func:`benchmarks.machine.about`.
        previous: The page before. Its rows stay, but for those of the tests that are in the reports.

    Raises:
        ValueError: If a test case failed, or if a test has no description.
    """
    trees = [ET.fromstring(report) for report in reports]  # noqa: S314 - our own
    last = {(case.get("classname"), case.get("name")): case for tree in trees for case in tree.iter("testcase")}
    if failed := [name for (_, name), case in last.items() if {"failure", "error"} & {each.tag for each in case}]:
        raise ValueError(f"these tests have not passed: {', '.join(map(str, failed))}")
    cases = sorted(last.values(), key=_test)
    rows = [
        f"{row} {machine['date']} |"
        for test, of_test in groupby(cases, key=_test)
        for row in _rows(test, list(of_test))
    ]
    replaced = set(map(_test_of, rows))
    kept = [row for row in previous.splitlines() if row.startswith("| [") and _test_of(row) not in replaced]
    return INTRODUCTION.format_map(machine) + "\n".join([*sorted(rows + kept, key=_test_of), ""])


def _test_of(row: str) -> tuple[str, str]:
    """The file and the description of the test of a row."""
    description, file = re.findall(r"^\| \[(.*)]\(\.\./(\S+)\) \|", row)[0]
    return file, description


def _test(case: ET.Element) -> tuple[str, str]:
    """The module (with the class) and the function of a test case."""
    return case.get("classname", ""), case.get("name", "").partition("[")[0]


def _rows(test: tuple[str, str], cases: Sequence[ET.Element]) -> Iterator[str]:
    link = f"[{_description(test, cases[0])}](../{_file(test[0])})"
    passed = [case for case in cases if case.find("skipped") is None]
    if passed:
        yield f"| {link} | {len(passed)} passed | {sum(float(case.get('time', 0)) for case in passed):.0f} |"
    reasons = sorted({skip.get("message", "") for case in cases for skip in case.iter("skipped")})
    yield from (f"| {link} | skipped: {reason} | |" for reason in reasons)


def _description(test: tuple[str, str], case: ET.Element) -> str:
    """The first line of the test's docstring, which tests/conftest.py writes into the report."""
    prop = case.find("properties/property[@name='description']")
    if prop is None:
        raise ValueError(f"the test {'.'.join(test)} requires a docstring, because it has the marker `proof`")
    return prop.get("value", "").removesuffix(".")


def _file(classname: str) -> str:
    """The path of a test's module in the repository."""
    modules = [name for name in classname.split(".") if not name.startswith("Test")]
    return f"{'/'.join(modules)}.py"


def main(report: str, selection: Sequence[str]) -> None:
    """Write the page from a report in a file. Rows of the page before stay if only a selection of tests was run."""
    previous = PAGE.read_text() if selection else ""
    machine = about(find_pulumi(Console(quiet=True), install=False))
    machine["versions"] = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    sys.stdout.write(
        f"{PAGE.name}: {PAGE.write_text(page([Path(report).read_text()], machine, previous))} characters\n"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
