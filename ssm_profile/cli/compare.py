"""``compare``: two policies side by side."""

from collections.abc import Iterable, Mapping
from typing import Any

from .action_list import data_date, expanded
from .evaluator import Policy, condition_lines
from .report import Paragraph, Report, Table
from .reverse_lookup import choose, options_of, refusal
from .stack_yaml import format_stack_config


def comparison(here: Policy, there: Policy) -> dict[str, Any]:
    """What only one of two policies grants, and what both do, as plain data; the names are those of ``--json``."""
    of_here, of_there = here.actions(), there.actions()
    chosen, rest = choose(of_there - of_here, of_there)
    both = of_here & of_there
    return {
        "here": here.name,
        "there": there.name,
        "hereCount": len(of_here),
        "thereCount": len(of_there),
        "onlyHere": [row | {"on": scope(here, row["actions"])} for row in folded(of_here - of_there, here)],
        "onlyThere": [row | {"on": scope(there, row["actions"])} for row in folded(of_there - of_here, there)],
        "both": [
            row | {"onHere": scope(here, row["actions"]), "onThere": scope(there, row["actions"])}
            for row in folded(both, here)
        ],
        "deniedHere": denials(here),
        "deniedThere": denials(there),
        "options": options_of(chosen, there),
        "noOption": [{"action": action, "why": refusal(action)} for action in sorted(rest)],
        "dataOf": data_date(),
    }


def differs(found: Mapping[str, Any]) -> bool:
    """Whether two compared policies differ in anything."""
    return bool(
        found["onlyHere"]
        or found["onlyThere"]
        or found["deniedHere"] != found["deniedThere"]
        or any(row["onHere"] != row["onThere"] for row in found["both"])
    )


def report(found: Mapping[str, Any]) -> Report:
    """A comparison for people."""
    both = sum(len(row["actions"]) for row in found["both"])
    elsewhere = sum(len(row["actions"]) for row in found["both"] if row["onHere"] != row["onThere"])
    parts: list[Paragraph | Table] = [
        Paragraph(
            f"here:  {found['here']}: {found['hereCount']:,} actions\n"
            f"there: {found['there']}: {found['thereCount']:,} actions\n"
            f"both:  {both:,} actions, {elsewhere:,} of them on other resources or under other conditions\n"
            f"Wildcards are expanded by AWS's actions as of {found['dataOf']}."
            if differs(found)
            else f"{found['here']} and {found['there']} grant the same."
        ),
        Table("Only here", ("Action", "On"), [(_label(row), "\n".join(_code(row["on"]))) for row in found["onlyHere"]]),
        Table(
            "Only there", ("Action", "On"), [(_label(row), "\n".join(_code(row["on"]))) for row in found["onlyThere"]]
        ),
        Table(
            "In both",
            ("Action", "On, here", "On, there"),
            [(_label(row), "\n".join(_code(row["onHere"])), "\n".join(_code(row["onThere"]))) for row in found["both"]],
        ),
        Table(
            "Denied under a condition",
            ("Side", "What and where"),
            [(side, f"`{text}`") for side in ("here", "there") for text in found[f"denied{side.capitalize()}"]],
        ),
    ]
    if found["options"]:
        parts += [
            Paragraph("Options with which this component grants what is only there; leave out what you do not use:"),
            Paragraph(format_stack_config(found["options"]), is_code=True),
        ]
    parts.append(
        Table(
            "Only there, and granted by no option",
            ("Action", "Why"),
            _summed_up(found["noOption"]),
        )
    )
    return parts


_FEW = 6
"""As many actions are clearer one by one than as a part of a pattern."""


def folded(actions: set[str], policy: Policy) -> list[dict[str, Any]]:
    """Actions as the policy's own patterns where these mean many of them, the others one by one.

    Each has ``action``, the pattern or the action; ``actions``, those that it stands for; and ``of``, how many the
    pattern means.
    """
    left, rows = set(actions), list[dict[str, Any]]()
    for statement in policy.statements:
        wide = [pattern for pattern in statement.actions if "*" in pattern or "?" in pattern]
        if not statement.allows:
            continue
        for pattern in wide if not statement.except_actions else [f"all but {', '.join(statement.actions)}"]:
            meant = statement.expanded_actions() if statement.except_actions else set(expanded(pattern))
            if len(meant & left) > _FEW:
                rows.append({"action": pattern, "actions": sorted(meant & left), "of": len(meant)})
                left -= meant
    return rows + [{"action": action, "actions": [action], "of": 1} for action in sorted(left)]


def scope(policy: Policy, actions: Iterable[str]) -> list[str]:
    """The resources on which a policy grants actions, with a mark where only under a condition."""
    statements = {id(statement): statement for action in actions for statement in policy.granting(action)}
    return sorted(
        {
            f"{resource} (where {', '.join(lines)})" if (lines := condition_lines(statement.condition)) else resource
            for statement in statements.values()
            for resource in statement.scope()
        }
    )


def denials(policy: Policy) -> list[str]:
    """What a policy denies under conditions, a line each."""
    return sorted(
        f"{'all but ' if each.except_actions else ''}{', '.join(each.actions)} on {', '.join(each.scope())} "
        f"where {', '.join(condition_lines(each.condition))}"
        for each in policy.conditional_denials()
    )


def _label(row: Mapping[str, Any]) -> str:
    count = len(row["actions"])
    if row["of"] == 1:
        return f"`{row['action']}`"
    return (
        f"`{row['action']}`\n{count:,} actions"
        if count == row["of"]
        else f"`{row['action']}`\n{count:,} of {row['of']:,}"
    )


def _code(texts: Iterable[str]) -> list[str]:
    return [f"`{text}`" for text in texts]


def _summed_up(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """A line for each reason, with as many of its actions as can be read."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        by_reason.setdefault(row["why"] or "No capability of Systems Manager needs it.", []).append(row["action"])
    return [
        (
            "\n".join(
                [
                    *_code(actions[:_FEW]),
                    *([f"and {len(actions) - _FEW:,} more"] if len(actions) > _FEW else []),
                ]
            ),
            why,
        )
        for why, actions in by_reason.items()
    ]
