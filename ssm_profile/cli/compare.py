"""``compare``: the difference between two policies."""

from collections.abc import Mapping
from typing import Any

from ssm_profile.catalogue import NOT_NEEDED
from ssm_profile.iam.evaluator import Policy

from .action_list import data_date
from .granted import describe_denies, describe_scope, granted_actions, group_actions
from .report import CodeBlock, Paragraph, Report, Table, action_cell, code, code_lines
from .reverse_lookup import choose, known_values, options_of, refusal, without_redundant
from .stack_yaml import format_stack_config


def compare_policies(here: Policy, there: Policy) -> dict[str, Any]:
    """The comparison of two policies, as plain data. The keys are those of ``--json``.

    Args:
        here: The policy that the options give.
        there: The policy to compare it with.
    """
    here_actions, there_actions = granted_actions(here), granted_actions(there)
    features, remaining = choose(there_actions - here_actions, there_actions)
    known = known_values(there, features)
    reasons: dict[str, list[str]] = {}
    for action in sorted(remaining):
        reasons.setdefault(refusal(action) or NOT_NEEDED, []).append(action)
    return {
        "here": here.name,
        "there": there.name,
        "hereCount": len(here_actions),
        "thereCount": len(there_actions),
        "onlyHere": [
            group | {"on": describe_scope(here, group["actions"])}
            for group in group_actions(here_actions - there_actions, here)
        ],
        "onlyThere": [
            group | {"on": describe_scope(there, group["actions"])}
            for group in group_actions(there_actions - here_actions, there)
        ],
        "both": [
            group
            | {"onHere": describe_scope(here, group["actions"]), "onThere": describe_scope(there, group["actions"])}
            for group in group_actions(here_actions & there_actions, here)
        ],
        "deniedHere": describe_denies(here),
        "deniedThere": describe_denies(there),
        "options": options_of(without_redundant(features, known), known),
        "noOption": [
            group | {"why": reason} for reason, actions in reasons.items() for group in group_actions(actions, there)
        ],
        "dataOf": data_date(),
    }


def differs(comparison: Mapping[str, Any]) -> bool:
    """Whether the two compared policies differ."""
    return bool(
        comparison["onlyHere"]
        or comparison["onlyThere"]
        or comparison["deniedHere"] != comparison["deniedThere"]
        or any(row["onHere"] != row["onThere"] for row in comparison["both"])
    )


def format_comparison(comparison: Mapping[str, Any]) -> Report:
    """The report of :func:`compare_policies`."""
    here, there = comparison["here"], comparison["there"]
    same = [row for row in comparison["both"] if row["onHere"] == row["onThere"]]
    different = [row for row in comparison["both"] if row["onHere"] != row["onThere"]]
    same_count, different_count = (sum(len(row["actions"]) for row in rows) for rows in (same, different))
    parts: list[Paragraph | CodeBlock | Table] = [
        Paragraph(
            f"The first policy, {code(here)}, grants {_actions(comparison['hereCount'])}. The second policy, "
            f"{code(there)}, grants {comparison['thereCount']:,}. Both grant {_actions(same_count + different_count)}, "
            f"{different_count:,} of them with different resources or conditions. Wildcards are expanded with AWS's "
            f"actions as of {comparison['dataOf']}."
            if differs(comparison)
            else f"Both policies grant the same permissions: {code(here)} and {code(there)}. Wildcards are expanded "
            f"with AWS's actions as of {comparison['dataOf']}."
        ),
        Table(
            f"Only in {here}",
            ("Action", "Resource"),
            [(action_cell(row), code_lines(row["on"])) for row in comparison["onlyHere"]],
        ),
        Table(
            f"Only in {there}",
            ("Action", "Resource"),
            [(action_cell(row), code_lines(row["on"])) for row in comparison["onlyThere"]],
        ),
        Table(
            "In both, with different resources or conditions",
            ("Action", "First policy", "Second policy"),
            [(action_cell(row), code_lines(row["onHere"]), code_lines(row["onThere"])) for row in different],
        ),
        Table(
            "In both, with the same resources and conditions",
            ("Action", "Resource"),
            [(action_cell(row), code_lines(row["onHere"])) for row in same],
        ),
        Table(
            "Conditional denies",
            ("Statement", "Policy"),
            [
                (code(statement), name)
                for name, key in ((here, "deniedHere"), (there, "deniedThere"))
                for statement in comparison[key]
            ],
        ),
    ]
    if comparison["options"]:
        parts += [
            Paragraph(f"These options grant what only {code(there)} grants. Leave out those that you do not use:"),
            CodeBlock(format_stack_config(comparison["options"])),
        ]
    parts.append(
        Table(
            f"Only in {there}, and granted by no option",
            ("Action", "Reason"),
            [(action_cell(row), row["why"]) for row in comparison["noOption"]],
        )
    )
    return parts


def _actions(count: int) -> str:
    return f"{count:,} action{'' if count == 1 else 's'}"
