"""The report of diagnoses: the answer first, then the checks, then what to do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.cli.denied import format_answers
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Part, Report, Table, bare, code, with_changed_code

from .checks import Result
from .diagnosis import GENERAL_ADVICE

Data = Mapping[str, Any]

_COLUMNS = ("Check", "Result", "Finding")
_MARKDOWN = ("answer", "causes", "cause", "finding", "fix", "first", "next", "stopped")
"""The keys whose sentences are Markdown."""
_MOST_NAMES = 20
"""How many instances or roles a report names."""
_DENIED = "Grant the denied calls: see below."
_TIME = re.compile(r"(?:\d+ minutes?|less than a minute) ago|\d{4}-\d\d-\d\d \d\d:\d\d UTC")
"""Times in findings."""


def format_diagnoses(diagnosed: Data) -> Report:
    """The report of :func:`~.command.diagnose_all`."""
    parts: list[Part] = []
    instances, left = diagnosed["instances"], diagnosed["notDiagnosed"]
    several = len(instances) > 1
    if diagnosed["running"] is not None:
        parts.append(Paragraph(_overview(len(instances) + len(left), diagnosed)))
    if diagnosed["stopped"]:
        names = f" Not diagnosed: {_listed(left)}." if left else ""
        parts.append(Paragraph(f"{diagnosed['stopped']}{names}"))
    if several:
        parts.append(_causes(instances))
    for group in _groups(instances):
        parts += _instance_parts(group, brief=several)
    if several:
        parts += _shared_parts(instances)
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


def _overview(missing: int, diagnosed: Data) -> str:
    running, region = diagnosed["running"], diagnosed["region"]
    if not running:
        return f"No instance is running in {region}."
    if not missing:
        return f"Systems Manager manages all {running:,} running instances in {region}."
    return f"Systems Manager does not manage {missing:,} of {running:,} running instances in {region}."


def _groups(instances: Sequence[Data]) -> list[list[Data]]:
    """The instances with the same findings and the same steps, the largest group first."""
    found = dict[Any, list[Data]]()
    for each in instances:
        found.setdefault(_key(each), []).append(each)
    return sorted(found.values(), key=len, reverse=True)


def _key(diagnosis: Data) -> tuple[Any, ...]:
    """What instances of a group have in common: all that is not ok, without times and without their own names."""
    rows = [row for row in diagnosis["checks"] if row["result"] != Result.OK.value]
    results = [(row["check"], row["result"]) for row in diagnosis["checks"]]
    names = [diagnosis["instanceProfile"], diagnosis["role"], *diagnosis["securityGroups"]]
    own = {name.rsplit("/", 1)[-1] for name in names if name}

    def common(text: str) -> str:
        without = _TIME.sub("", text.replace(diagnosis["instance"], ""))
        return with_changed_code(without, lambda name: " ".join("" if word in own else word for word in name.split()))

    said = (*diagnosis["causes"], *(row["finding"] for row in rows), *diagnosis["next"])
    return diagnosis["managed"], diagnosis["pingStatus"], *results, *map(common, said)


def _causes(instances: Sequence[Data]) -> Table:
    """The causes, each with its instances and their roles, the most frequent first."""
    found = dict[str, list[Data]]()
    for each in instances:
        found.setdefault(_cause(each), []).append(each)
    rows = [
        (
            cause,
            f"{len(group):,}",
            _listed([each["instance"] for each in group]),
            _listed(list(dict.fromkeys(_role(each) for each in group if each["role"]))) or "none",
        )
        for cause, group in sorted(found.items(), key=lambda item: len(item[1]), reverse=True)
    ]
    return Table("Causes", ("Cause", "Number", "Instances", "Roles"), rows)


def _cause(diagnosis: Data) -> str:
    """What is wrong with an instance, without the names that only it has."""
    role = f" {code(_role(diagnosis))}" if diagnosis["role"] else ""
    causes = "; ".join(diagnosis["causes"]).replace(f"the role{role} ", "the role ")
    return causes or _TIME.sub("some minutes ago", diagnosis["answer"].replace(diagnosis["instance"], "the instance"))


def _role(diagnosis: Data) -> str:
    """The name of the role of an instance."""
    return diagnosis["role"].rsplit("/", 1)[-1]


def _instance_parts(group: Sequence[Data], *, brief: bool) -> Iterator[Part]:
    """The parts about instances with the same results.

    Args:
        group: Their diagnoses. The parts show the first.
        brief: Whether to leave out the checks that are ok, and what :func:`_shared_parts` says.
    """
    first, others = group[0], len(group) - 1
    yield Paragraph(first["answer"])
    if others:
        yield Paragraph(f"{others:,} more instance{' has' if others == 1 else 's have'} the same results{_own(group)}.")
    rows = [row for row in first["checks"] if not brief or row["result"] != Result.OK.value]
    yield _checks_table(f"Checks of {first['instance']} in {first['region']}", rows)
    if steps := [step for step in first["next"] if not brief or step not in GENERAL_ADVICE]:
        yield Paragraph("Next:")
        yield Items(tuple(steps))
    if not brief:
        if first["runbook"]:
            yield CodeBlock(first["runbook"])
        yield from _sources(rows)


def _own(group: Sequence[Data]) -> str:
    """That the names in the findings are those of the first instance. Empty if all have them."""
    names = {(each["role"], each["instanceProfile"], *each["securityGroups"]) for each in group}
    return ", with names of their own for roles, profiles and security groups" if len(names) > 1 else ""


def _shared_parts(instances: Sequence[Data]) -> Iterator[Part]:
    """What applies to several instances: the general steps, the runbook and the sources."""
    if unsolved := next((each for each in instances if each["runbook"]), None):
        yield Paragraph("For each instance:")
        yield Items(GENERAL_ADVICE)
        yield CodeBlock(unsolved["runbook"].replace(unsolved["instance"], "INSTANCE"))
    yield from _sources([row for each in instances for row in each["checks"]])


def _log_parts(log: Data) -> Iterator[Part]:
    yield Paragraph(log["answer"])
    rows = log["diagnostics"]
    numbers = dict.fromkeys(row["output"] for row in rows)
    for number in numbers:
        title = f"Checks of ssm-cli in {log['file']}{f', output {number}' if len(numbers) > 1 else ''}"
        yield _checks_table(title, [row for row in rows if row["output"] == number])
    errors = log["errors"] or {}
    denied = log["denied"]["answers"] if log["denied"] else []
    first = _DENIED if any(each["action"] for each in denied) else None
    fixes = [first, *(row["fix"] for row in rows), errors.get("fix")]
    if steps := dict.fromkeys(each for each in fixes if each):
        yield Paragraph("Next:")
        yield Items(tuple(steps))
    if errors.get("first") and (errors["fix"] or not log["denied"]):
        yield Paragraph(f"The first entry {'about the network' if errors['connectionFailures'] else 'with an error'}:")
        yield Items((errors["first"], _last(errors)))
    yield from _sources(rows)
    if log["denied"]:
        yield from format_answers(log["denied"])


def _last(errors: Data) -> str:
    """When the last error was, and whether the agent worked after it."""
    after = " After it, the agent connected to AWS." if errors["connectedAfter"] else ""
    return f"The last entry with an error is of {errors['last']}.{after}"


def _checks_table(title: str, rows: Sequence[Data]) -> Table:
    return Table(title, _COLUMNS, [(row["check"], row["result"], row["finding"]) for row in rows])


def _sources(rows: Sequence[Data]) -> Iterator[Part]:
    """The sources of what is wrong or not known."""
    shown = [row for row in rows if row["result"] in (Result.WRONG.value, Result.UNKNOWN.value)]
    sources = dict.fromkeys(source for row in shown for source in row["sources"])
    yield Table("Sources", ("Source",), [(source,) for source in sources])
