"""The report of an audit: the answer first, then the details."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.catalogue import DEFAULT_HOST_MANAGEMENT, EC2_ADVICE, NO_DEFAULT_HOST_MANAGEMENT, NOT_NEEDED
from ssm_profile.iam.evaluator import Kind

from .audit import BROKEN, CLEAN, REQUIRED_FEATURES
from .report import CodeBlock, Items, Paragraph, Part, Report, Table, action_cell, code, code_lines
from .stack_yaml import format_stack_config
from .verdicts import Verdict

_MOST_REASONS = 2
_MOST_ACTIONS = 2

Data = Mapping[str, Any]


def format_audit(audit: Data, *, every_capability: bool = False) -> Report:
    """The report of :func:`~.audit.audit_policy`.

    Args:
        audit: The audit.
        every_capability: Whether to show the capabilities that the policy does not touch.
    """
    audit = _without_own_name(audit, audit["name"])
    shown = [row for row in audit["capabilities"] if every_capability or _is_touched(row)]
    hidden = len(audit["capabilities"]) - len(shown)
    return [
        Paragraph(_first_line(audit)),
        *([Items(tuple(summary))] if (summary := list(_summary(audit))) else []),
        Table(
            "Capabilities",
            ("Capability", "Verdict", "Missing permissions, or what it depends on"),
            [(code(row["capability"]), row["verdict"], "\n".join(_details(row))) for row in shown],
        ),
        *(
            [Paragraph(f"The policy grants nothing of {hidden} further capabilities. `--all` shows them.")]
            if hidden
            else []
        ),
        Table(
            "Policies to replace",
            ("Policy", "Reason"),
            [(code(row["policy"]), row["why"]) for row in audit["deprecated"]],
        ),
        Table(
            "Permissions that no capability needs",
            ("Action", "Reason"),
            [(action_cell(row), row["why"] or NOT_NEEDED) for row in audit["unneeded"]],
        ),
        Table(
            "Permissions on more resources than needed",
            ("Action", "Granted resource", "Sufficient scope"),
            [(code(row["action"]), code(row["resource"]), _sufficient(row)) for row in audit["unscoped"]],
        ),
        Table(
            "Statements that deny",
            ("Statement", "Location"),
            [(code(row["text"]), _statement(row)) for row in audit["denies"]],
        ),
        *_default_host_management(audit),
        *_unknown(audit),
        *_replacement(audit),
    ]


def _without_own_name(data: Any, name: str) -> Any:
    """An audit in which statements of the audited policy itself do not repeat its name."""
    if isinstance(data, list):
        return [_without_own_name(each, name) for each in data]
    if not isinstance(data, dict):
        return data
    copy = {key: _without_own_name(value, name) for key, value in data.items()}
    return copy | {"policy": None} if copy.get("policy") == name and copy.get("statement") else copy


def _first_line(audit: Data) -> str:
    name = code(audit["name"])
    if audit["level"] == BROKEN:
        return f"Systems Manager does NOT work with {name}."
    if audit["systemsManager"] == Verdict.WORKS_IF.value:
        return f"Systems Manager may work with {name}."
    return f"Systems Manager works with {name}." + (" There is nothing to fix." if audit["level"] == CLEAN else "")


def _summary(audit: Data) -> Iterator[str]:
    """The answer in at most seven sentences: what is missing and why, what is dangerous, what to do next."""
    required = [row for row in audit["capabilities"] if row["capability"] in REQUIRED_FEATURES]
    yield from audit["notes"]
    missing = _by_reason([row for each in required for row in each["missing"]])
    for number, (reasons, rows) in enumerate(missing.items()):
        if number == _MOST_REASONS:
            yield f"{len(missing) - number} further reasons are below."
            break
        yield f"{_short([row['action'] for row in rows])}: {reasons}. {_symptoms(rows)}"
    uncertain = [row for row in required if row["dependsOn"]]
    conditions: dict[str, list[str]] = {}
    for row in uncertain:
        for each in row["dependsOn"]:
            conditions.setdefault(_depends_on(each), []).append(code(row["capability"]))
    for condition, names in list(conditions.items())[:_MOST_REASONS]:
        subject = "It" if len(set(names)) == len(uncertain) else names[0]
        yield f"{subject} {'then works' if missing else 'works'} {condition}."
    if len(conditions) > _MOST_REASONS:
        yield f"{len(conditions) - _MOST_REASONS} further conditions are below."
    for condition, risks in _by_condition(audit["risks"]).items():
        yield f"Dangerous{condition}: an instance can {'; '.join(map(_risk, risks))}."
    if next_step := _next_step(audit):
        yield next_step


def _by_condition(risks: Iterable[Data]) -> dict[str, list[Data]]:
    """The risks by what they depend on. Most policies have the same condition for all of them."""
    groups: dict[str, list[Data]] = {}
    for row in risks:
        condition = "" if row["certain"] else f" {_depends_on(row['dependsOn'][0])}"
        groups.setdefault(condition, []).append(row)
    return groups


def _risk(row: Data) -> str:
    return f"{row['summary']} ({_short(row['actions'])})"


def _next_step(audit: Data) -> str:
    if audit["options"] is None:
        return "Next: change what denies it. No option can lift a Deny or a permissions boundary."
    if audit["level"] == BROKEN and audit["notes"]:
        return "Next: fix this first. The options below grant what the policies grant."
    if audit["level"] == BROKEN:
        return "Next: replace the policy with the options at the end. They grant what is missing."
    if audit["systemsManager"] == Verdict.WORKS_IF.value:
        return "Next: check this on your instances. The options at the end grant Systems Manager without it."
    if audit["level"] != CLEAN:
        return "Next: replace the policy with the options at the end."
    return ""


def _replacement(audit: Data) -> Iterator[Part]:
    if audit["options"] is None:
        return
    uncertain = [row["capability"] for row in audit["capabilities"] if row["verdict"] == Verdict.WORKS_IF.value]
    uncertain = [name for name in uncertain if name not in REQUIRED_FEATURES]
    yield Paragraph(
        "These options replace the policy and keep every capability that works with it. "
        "Leave out those that you do not use:"
    )
    yield CodeBlock(format_stack_config(audit["options"]))
    if uncertain:
        yield Paragraph(
            f"The options leave out {', '.join(map(code, uncertain))}, because it is not known whether the policy "
            "grants them. Add those that you use."
        )


def _default_host_management(audit: Data) -> Iterator[Part]:
    if audit["defaultHostManagement"] is not None:
        yield Paragraph(DEFAULT_HOST_MANAGEMENT if audit["defaultHostManagement"] else NO_DEFAULT_HOST_MANAGEMENT)


def _unknown(audit: Data) -> Iterator[Part]:
    """What the input does not say."""
    if audit["unread"]:
        names = ", ".join(map(code, audit["unread"]))
        yield Paragraph(f"The input does not contain {names}. Verdicts that depend on it are not certain.")
    if audit["unknownValues"]:
        names = ", ".join(map(code, audit["unknownValues"]))
        yield Paragraph(f"The input does not say the values of {names}. Verdicts that depend on them are not certain.")


def _is_touched(row: Data) -> bool:
    """Whether a policy says something about a capability."""
    if row["verdict"] != Verdict.MISSING.value or row["capability"] in REQUIRED_FEATURES:
        return True
    return any(reason["kind"] != Kind.NOT_ALLOWED.value for each in row["missing"] for reason in each["reasons"])


def _details(row: Data) -> list[str]:
    """What a capability lacks or depends on, a line for each."""
    if row["requires"]:
        return [f"It has no effect without {code(row['requires'])}, which does not work."]
    if row["dependsOn"]:
        return [_depends_on(each) for each in row["dependsOn"]]
    if row["verdict"] == Verdict.PARTLY.value and not row["missing"]:
        return [f"It is granted with some of the values of `{row['option']}` only."]
    if row["capability"] == "ec2_describe" and row["missing"]:
        return [f"{len(row['missing']):,} of the actions of `ec2:Describe*`"]
    # Nobody waits for a feature of which the policy grants nothing, unless every other feature requires it.
    brief = row["verdict"] == Verdict.MISSING.value and row["capability"] not in REQUIRED_FEATURES
    missing = [
        f"{code(each['action'])}{_on(each)}: {_why(each['reasons'])}." + ("" if brief else f" {each['symptom']}")
        for each in row["missing"]
    ]
    return missing + [f"The option also grants {each}." for each in _additional(row["additional"])]


def _additional(rows: Iterable[Data]) -> Iterator[str]:
    """Actions that have the same resources, with these resources."""
    by_resources: dict[str, list[str]] = {}
    for row in rows:
        by_resources.setdefault(_short(row["resources"]), []).append(code(row["action"]))
    for resources, actions in by_resources.items():
        yield f"{', '.join(actions)} on {resources}"


def _on(row: Data) -> str:
    return "" if row["resources"] == ["*"] else f" on {', '.join(map(code, row['resources']))}"


def _by_reason(rows: Iterable[Data]) -> dict[str, list[Data]]:
    groups: dict[str, list[Data]] = {}
    for row in rows:
        groups.setdefault(_why(row["reasons"]), []).append(row)
    return groups


def _symptoms(rows: Iterable[Data]) -> str:
    return " ".join(dict.fromkeys(row["symptom"] for row in rows))


def _why(reasons: Sequence[Data]) -> str:
    """Why an action is missing: the first reason, and how many more there are."""
    more = f", and {len(reasons) - 1} more statements" if len(reasons) > 1 else ""
    reason = reasons[0]
    where = _statement(reason)
    return {
        Kind.NOT_ALLOWED.value: "no statement allows it",
        Kind.OTHER_RESOURCES.value: f"{where} allows it only on other resources",
        Kind.CONDITION.value: f"the condition of {where} never holds on an instance",
        Kind.EXPLICIT_DENY.value: f"{where} denies it",
        Kind.BOUNDARY.value: "the permissions boundary does not allow it",
    }.get(reason["kind"], "cannot be known") + more


def _depends_on(reason: Data) -> str:
    """What a verdict depends on, worded to follow "It works"."""
    if reason["policy"] and not reason["statement"]:
        return f"if {code(reason['policy'])}, which the input does not contain, agrees"
    if reason["kind"] == Kind.TOO_COMPLEX.value:
        return "if the resources match, which have too many wildcards to compare them"
    where, what = _statement(reason), code(reason["dependsOn"] or "")
    return {
        Kind.CONDITION.value: f"if {what} holds ({where})",
        Kind.EXPLICIT_DENY.value: f"unless {what} applies ({where} denies)",
    }.get(reason["kind"], f"if {what} matches the resource ({where})")


def _statement(location: Data) -> str:
    sid = f" ({code(location['sid'])})" if location["sid"] else ""
    policy = f" of {code(location['policy'])}" if location["policy"] else ""
    return f"statement {location['statement']}{sid}{policy}" if location["statement"] else ""


def _sufficient(row: Data) -> str:
    if row["action"] == "ec2:Describe*":
        return EC2_ADVICE
    if row["conditionKeys"]:
        return f"`*` with a condition on {', '.join(map(code, row['conditionKeys']))}"
    return code_lines(row["sufficient"])


def _short(actions: Sequence[str]) -> str:
    """The first actions or resources, and how many more there are."""
    shown = ", ".join(map(code, actions[:_MOST_ACTIONS]))
    return shown + (f" and {len(actions) - _MOST_ACTIONS} more" if len(actions) > _MOST_ACTIONS else "")
