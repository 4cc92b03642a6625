"""The report of diagnoses: the answer first, then the checks, then what to do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.cli.denied import format_answers
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Part, Report, Table, bare, code

from .checks import Result

Data = Mapping[str, Any]

_COLUMNS = ("Check", "Result", "Finding")
_MARKDOWN = ("finding", "fix", "first", "next")
"""The keys whose sentences are Markdown."""


def format_diagnoses(diagnosed: Data) -> Report:
    """The report of :func:`~.command.diagnose_all`."""
    parts: list[Part] = []
    instances, running = diagnosed["instances"], diagnosed["running"]
    several = len(instances) > 1
    if running is not None:
        parts.append(Paragraph(_overview(len(instances), running)))
    if several:
        parts.append(
            Table("Instances", ("Instance", "Answer"), [(code(each["instance"]), each["answer"]) for each in instances])
        )
    for each in instances:
        parts += _instance_parts(each, brief=several)
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


def _overview(missing: int, running: int) -> str:
    if not missing:
        return f"Systems Manager manages all {running:,} running instances."
    return f"Systems Manager does not manage {missing:,} of {running:,} running instances."


def _instance_parts(diagnosis: Data, *, brief: bool) -> Iterator[Part]:
    """The parts about an instance.

    Args:
        diagnosis: The diagnosis.
        brief: Whether to leave out the checks that are ok.
    """
    yield Paragraph(diagnosis["answer"])
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
        yield Paragraph(f"The first entry {'about the network' if errors['fix'] else 'with an error'}:")
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
