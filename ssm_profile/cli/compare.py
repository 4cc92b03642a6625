"""``compare``: the difference between two policies."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ssm_profile.catalogue import NOT_NEEDED
from ssm_profile.iam.documents import Statement
from ssm_profile.iam.evaluator import Policy

from .action_list import data_date
from .granted import describe_denies, describe_scope, granted_actions, group_actions
from .judge import Judge
from .report import CodeBlock, Paragraph, Part, Report, Table, action_cell, code, code_lines
from .reverse_lookup import FEATURES, asks_for_values, covered_features, options_of, refusal, without_redundant
from .stack_yaml import format_covered, format_stack_config
from .templates import SAMPLE_LOCATION
from .verdicts import FeatureVerdict, Verdict, known_values, partition_of_policy, rank

_OTHER_SCOPE = "An option grants it, but on other resources or under another condition."


def compare_policies(here: Policy, there: Policy, account: str | None = None) -> dict[str, Any]:
    """The comparison of two policies, as plain data. The keys are those of ``--json``.

    Args:
        here: The policy that the options give.
        there: The policy to compare it with.
        account: The account of the deployment, if it is known.
    """
    here_actions, there_actions = granted_actions(here), granted_actions(there)
    chosen = _granted_only_there(
        _verdicts(here, account), _verdicts(there, account), there_actions - here_actions, there_actions
    )
    known, features = known_values(chosen), [each.feature for each in chosen]
    left = without_redundant(features, known)
    remaining = there_actions - here_actions - {action for feature in features for action in feature.actions()}
    needed = {action for feature in FEATURES for action in feature.actions()}
    reasons: dict[str, list[str]] = {}
    for action in sorted(remaining):
        why = refusal(action) or (_OTHER_SCOPE if action in needed else NOT_NEEDED)
        reasons.setdefault(why, []).append(action)
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
        "options": options_of(left, known),
        "covered": covered_features(features, left, known),
        "noOption": [
            group | {"why": reason} for reason, actions in reasons.items() for group in group_actions(actions, there)
        ],
        "dataOf": data_date(),
    }


def _verdicts(policy: Policy, account: str | None) -> dict[str, FeatureVerdict]:
    """The verdict on each feature, by its name, for what the policy grants where no uncertain statement denies it."""
    partition = partition_of_policy(policy)
    location = {**SAMPLE_LOCATION, **({"account": account} if account else {}), "partition": partition}
    read = replace(
        policy,
        statements=tuple(_located(each, location) for each in policy.statements),
        unread=(),
        unread_boundary=None,
    )
    judge = Judge(read, partition, account=account)
    verdicts = judge.verdicts()
    allowing = judge.without_uncertain_denies(verdicts)
    return {each.feature.name: each for each in (verdicts if allowing is judge else allowing.verdicts())}


def _located(statement: Statement, location: Mapping[str, str]) -> Statement:
    """A statement with values for the placeholders of a location that is not known, such as ``<region>``."""
    text = json.dumps([statement.resources, statement.condition])
    for field, value in location.items():
        text = text.replace(f"<{field}>", value)
    resources, condition = json.loads(text)
    return replace(statement, resources=tuple(resources), condition=condition)


def _granted_only_there(
    here: Mapping[str, FeatureVerdict],
    there: Mapping[str, FeatureVerdict],
    wanted: frozenset[str],
    within: frozenset[str],
) -> list[FeatureVerdict]:
    """The verdicts on the features that grant what only the second policy grants.

    These are all features that work with it alone and ask for no further values. Others are among them if they grant
    an action that no other one grants: those that work are preferred, and then those that grant nothing beyond it.

    Args:
        here: The verdicts for the first policy.
        there: The verdicts for the second policy.
        wanted: The actions that only the second policy grants.
        within: The actions that the second policy grants.
    """
    new = [each for name, each in there.items() if _is_new(each, here.get(name))]
    chosen = [
        each for each in new if each.verdict is Verdict.WORKS and (each.values or not asks_for_values(each.feature))
    ]
    rest = wanted - {action for each in chosen for action in each.feature.actions()}
    for each in sorted(new, key=lambda each: (rank(each), not each.feature.actions() <= within)):
        if each.verdict is not Verdict.MISSING and each.feature.actions() & rest:
            chosen.append(each)
            rest -= each.feature.actions()
    required = [there[name] for each in chosen for name in each.feature.requires if name in there]
    working = [each for each in required if each.verdict is Verdict.WORKS]
    return list({each.feature.name: each for each in (*chosen, *working)}.values())


def _is_new(verdict: FeatureVerdict, before: FeatureVerdict | None) -> bool:
    """Whether a feature works with a policy, or with some values, and does not with the other policy."""
    if before is None or before.verdict is not Verdict.WORKS:
        return True
    return bool(before.values) and any(values not in before.values for values in verdict.values)


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
    parts: list[Part] = [
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
            *format_covered(comparison["covered"]),
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
