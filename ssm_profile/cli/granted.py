"""The actions that a policy grants, with wildcards expanded by AWS's list of actions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ssm_profile.iam.documents import Statement, condition_lines, describe_statement
from ssm_profile.iam.evaluator import Policy
from ssm_profile.policy import actions

from .action_list import expanded

SMALL_GROUP = 6
"""Up to this number of actions, a list is clearer than a pattern."""

_EVERYTHING = Statement(
    allows=True, actions=("*",), except_actions=False, resources=("*",), except_resources=False, condition={}
)


@lru_cache(maxsize=1)  # an audit and its row in a fleet ask for the same policy
def granted_actions(policy: Policy) -> frozenset[str]:
    """Every action that is allowed on any resource, under any condition."""
    listed = {action for each in policy.statements if each.allows for action in expanded_actions(each)}
    if policy.boundary is None and not policy.denies():
        return frozenset(listed)
    return frozenset(action for action in listed if policy.allowing(action))


def still_granted(granted: Iterable[str], policy: Policy) -> frozenset[str]:
    """Those of some granted actions that neither the permissions boundary nor a Deny without a condition takes away."""
    if policy.boundary is None and not policy.denies():
        return frozenset(granted)
    limits = replace(policy, statements=(_EVERYTHING, *policy.own_denies()))
    return frozenset(action for action in granted if limits.allowing(action))


def granted_by(options: Mapping[str, Any]) -> frozenset[str]:
    """Every action that options grant."""
    return frozenset(action for pattern in actions(options) for action in expanded(pattern))


def expanded_actions(statement: Statement) -> set[str]:
    """Every action to which a statement applies."""
    listed = {action for pattern in statement.actions for action in expanded(pattern)}
    return set(expanded("*")) - listed if statement.except_actions else listed


def group_actions(actions: Iterable[str], policy: Policy) -> list[dict[str, Any]]:
    """Actions, grouped by the patterns of the policy that grants them.

    A pattern that stands for more than :data:`SMALL_GROUP` of the actions is one group. Each other action is a group of
    its own.

    Returns:
        For each group ``action``, the pattern or the action; ``actions``, the actions of the group; and ``of``, for how
        many actions of AWS the pattern stands.
    """
    remaining, groups = set(actions), list[dict[str, Any]]()
    for statement in policy.statements:
        if not statement.allows:
            continue
        if statement.except_actions:
            patterns = {f"all except {', '.join(statement.actions)}": expanded_actions(statement)}
        else:
            patterns = {each: set(expanded(each)) for each in statement.actions if "*" in each or "?" in each}
        for name, members in patterns.items():
            if len(members & remaining) > SMALL_GROUP:
                groups.append({"action": name, "actions": sorted(members & remaining), "of": len(members)})
                remaining -= members
    return groups + [{"action": action, "actions": [action], "of": 1} for action in sorted(remaining)]


def describe_scope(policy: Policy, actions: Iterable[str]) -> list[str]:
    """The resources on which a policy grants actions, each with its condition if it has one."""
    statements = {id(statement): statement for action in actions for statement in policy.allowing(action)}
    return sorted(
        {
            f"{resource} if {' and '.join(lines)}" if (lines := condition_lines(statement.condition)) else resource
            for statement in statements.values()
            for resource in statement.scope()
        }
    )


def describe_denies(policy: Policy) -> list[str]:
    """The statements that deny on some resources or under a condition, a line for each."""
    return sorted(describe_statement(each) for each in policy.denies() if each.condition or not each.is_everywhere())
