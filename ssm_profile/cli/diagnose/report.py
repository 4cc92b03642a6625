"""The report of diagnoses: the answer first, then the checks, then what to do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.cli.denied import format_answers
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Part, Report, Table, bare, code

from .checks import Result

Data = Mapping[str, Any]

_COLUMNS = ("Check", "Result", "Finding")
_MARKDOWN = ("answer", "causes", "cause", "finding", "fix", "first", "next", "stopped")
"""The keys whose sentences are Markdown."""
_MOST_NAMES = 20
"""How many instances that were not diagnosed a report names."""


def format_diagnoses(diagnosed: Data) -> Report:
    """The report of :func:`~.command.diagnose_all`."""
    parts: list[Part] = []
    instances, running, left = diagnosed["instances"], diagnosed["running"], diagnosed["notDiagnosed"]
    several = len(instances) > 1
    if running is not None:
        parts.append(Paragraph(_overview(len(instances) + len(left), running)))
    if left:
        parts.append(Paragraph(f"{diagnosed['stopped']} Not diagnosed: {_listed(left)}."))
    groups = _groups(instances)
    if several:
        parts.append(Items(tuple(map(_summary, groups))))
    for group in groups:
        parts += _instance_parts(group[0], brief=several, others=len(group) - 1)
    for each in diagnosed["logs"]:
        parts += _log_parts(each)
    return parts


def plain(value: Any, key: str = "") -> Any:
    """The data, with plain text in the place of Markdown."""
    if isinstance(value, dict):
        return {name: each if name == "denied" else plain(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each, key) for each in value]
    return bare(value) if key in _MARKDOWN and isinstance(value, str) else value


def _listed(names: Sequence[str]) -> str:
    """Names, not all of them if they are many."""
    more = f" and {len(names) - _MOST_NAMES:,} more, which --json lists" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(map(code, names[:_MOST_NAMES]))}{more}"


def _overview(missing: int, running: int) -> str:
    if not running:
        return "No instance is running in the region."
    if not missing:
        return f"Systems Manager manages all {running:,} running instances."
    return f"Systems Manager does not manage {missing:,} of {running:,} running instances."


def _groups(instances: Sequence[Data]) -> list[list[Data]]:
    """The instances with the same results and the same steps, the largest group first."""
    found = dict[Any, list[Data]]()
    for each in instances:
        results = [(row["check"], row["result"]) for row in each["checks"]]
        said = json.dumps([each["answer"], results, each["next"]]).replace(each["instance"], "")
        found.setdefault(said, []).append(each)
    return sorted(found.values(), key=len, reverse=True)


def _summary(group: Sequence[Data]) -> str:
    """A line about a group of instances."""
    first, names = group[0], ", ".join(code(each["instance"]) for each in group)
    if len(group) == 1:
        return first["answer"]
    return f"{len(group):,} instances: {'; '.join(first['causes']) or 'no check finds the cause'}: {names}"


def _instance_parts(diagnosis: Data, *, brief: bool, others: int) -> Iterator[Part]:
    """The parts about an instance.

    Args:
        diagnosis: The diagnosis.
        brief: Whether to leave out the checks that are ok.
        others: How many other instances have the same results.
    """
    yield Paragraph(diagnosis["answer"])
    if others:
        yield Paragraph(f"{others:,} more instance{' has' if others == 1 else 's have'} the same results.")
    rows = [row for row in diagnosis["checks"] if not brief or row["result"] != Result.OK.value]
    yield _checks_table(f"Checks of {diagnosis['instance']}", rows)
    if diagnosis["next"]:
        yield Paragraph("Next:")
        yield Items(tuple(diagnosis["next"]))
    if diagnosis["runbook"]:
        yield CodeBlock(diagnosis["runbook"])
    yield from _sources(rows)


def _log_parts(log: Data) -> Iterator[Part]:
    yield Paragraph(log["answer"])
    rows = log["diagnostics"]
    numbers = dict.fromkeys(row["output"] for row in rows)
    for number in numbers:
        title = f"Checks of ssm-cli in {log['file']}{f', output {number}' if len(numbers) > 1 else ''}"
        yield _checks_table(title, [row for row in rows if row["output"] == number])
    if fixes := dict.fromkeys(row["fix"] for row in rows if row["fix"]):
        yield Paragraph("Next:")
        yield Items(tuple(fixes))
    yield from _sources(rows)
    errors = log["errors"] or {}
    if errors.get("first") and (errors["fix"] or not log["denied"]):
        yield Paragraph(f"The first entry {'about the network' if errors['connectionFailures'] else 'with an error'}:")
        yield Items((errors["first"], *([errors["fix"]] if errors["fix"] else [])))
    if log["denied"]:
        yield from format_answers(log["denied"])


def _checks_table(title: str, rows: Sequence[Data]) -> Table:
    return Table(title, _COLUMNS, [(row["check"], row["result"], row["finding"]) for row in rows])


def _sources(rows: Sequence[Data]) -> Iterator[Part]:
    """The sources of what is wrong or not known."""
    shown = [row for row in rows if row["result"] in (Result.WRONG.value, Result.UNKNOWN.value)]
    sources = dict.fromkeys(source for row in shown for source in row["sources"])
    yield Table("Sources", ("Source",), [(source,) for source in sources])
