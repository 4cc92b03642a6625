"""The IAM evaluator: reads policy documents in every form that IAM accepts, and says what they allow.

It judges actions, resources and unconditional denies, not conditions.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from ssm_profile.errors import InputError

from .action_list import expanded, matches

MAX_LENGTH = 131_072
"""The longest policy document that IAM's API accepts, in characters."""

SMALL_GROUP = 6
"""Up to this number of actions, a list is clearer than a pattern."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    allows: bool
    actions: tuple[str, ...]
    """Patterns, as the policy has them."""
    except_actions: bool
    """Whether the statement applies to all actions except these: ``NotAction``."""
    resources: tuple[str, ...]
    """Patterns. A policy variable becomes a wildcard."""
    except_resources: bool
    """Whether the statement applies to all resources except these: ``NotResource``."""
    condition: Mapping[str, Any]

    def has_action(self, action: str) -> bool:
        """Whether the statement applies to an action."""
        listed = any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
        return listed != self.except_actions

    def expanded_actions(self) -> set[str]:
        """Every action to which the statement applies."""
        listed = {action for pattern in self.actions for action in expanded(pattern)}
        return set(expanded("*")) - listed if self.except_actions else listed

    def has_some(self, resource: str) -> bool:
        """Whether the statement applies to some resources of a pattern. For ``*``: whether it applies to all."""
        if self.except_resources:
            return not any(covers(pattern, resource) for pattern in self.resources)
        if resource == "*":
            return self.is_everywhere()
        return any(overlap(pattern, resource) for pattern in self.resources)

    def has_all(self, resource: str) -> bool:
        """Whether the statement applies to all resources of a pattern."""
        if self.except_resources:
            return not any(overlap(pattern, resource) for pattern in self.resources)
        return any(covers(pattern, resource) for pattern in self.resources)

    def is_everywhere(self) -> bool:
        """Whether the statement applies to every resource."""
        return not self.except_resources and any(set(pattern) == {"*"} for pattern in self.resources)

    def scope(self) -> list[str]:
        """The resources as text, which says so if they are exceptions."""
        return [f"all except {', '.join(self.resources)}"] if self.except_resources else list(self.resources)


@dataclass(frozen=True)
class Policy:
    """One or more policy documents together, limited by a permissions boundary if there is one."""

    name: str
    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None

    def granting(self, action: str) -> list[Statement]:
        """The statements that allow an action on any resource. None if the action is denied on all resources."""
        if self._denied(action, "*") or (self.boundary is not None and not _allowing(self.boundary, action)):
            return []
        return _allowing(self.statements, action)

    def grants(self, action: str, resource: str) -> list[Statement]:
        """The statements that allow an action on some resources of a pattern. None if it is denied on all of them."""
        if self._denied(action, resource):
            return []
        if self.boundary is not None and not any(each.has_some(resource) for each in _allowing(self.boundary, action)):
            return []
        return [statement for statement in _allowing(self.statements, action) if statement.has_some(resource)]

    def actions(self) -> set[str]:
        """Every action that is allowed on any resource, with wildcards expanded."""
        listed = {action for each in self.statements if each.allows for action in each.expanded_actions()}
        if not (self.boundary or any(not each.allows for each in self.statements)):
            return listed
        return {action for action in listed if self.granting(action)}

    def conditional_denies(self) -> list[Statement]:
        """The statements that deny under a condition. The evaluator does not judge them."""
        return [each for each in (*self.statements, *(self.boundary or ())) if not each.allows and each.condition]

    def _denied(self, action: str, resource: str) -> bool:
        return any(
            each.has_action(action) and each.has_all(resource)
            for each in (*self.statements, *(self.boundary or ()))
            if not (each.allows or each.condition)
        )


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
            patterns = {f"all except {', '.join(statement.actions)}": statement.expanded_actions()}
        else:
            patterns = {each: set(expanded(each)) for each in statement.actions if "*" in each or "?" in each}
        for name, members in patterns.items():
            if len(members & remaining) > SMALL_GROUP:
                groups.append({"action": name, "actions": sorted(members & remaining), "of": len(members)})
                remaining -= members
    return groups + [{"action": action, "actions": [action], "of": 1} for action in sorted(remaining)]


def describe_scope(policy: Policy, actions: Iterable[str]) -> list[str]:
    """The resources on which a policy grants actions, each with its condition if it has one."""
    statements = {id(statement): statement for action in actions for statement in policy.granting(action)}
    return sorted(
        {
            f"{resource} if {' and '.join(lines)}" if (lines := condition_lines(statement.condition)) else resource
            for statement in statements.values()
            for resource in statement.scope()
        }
    )


def describe_conditional_denies(policy: Policy) -> list[str]:
    """The statements that deny under a condition, a line for each."""
    return sorted(
        f"{'all except ' if each.except_actions else ''}{', '.join(each.actions)} on {', '.join(each.scope())} "
        f"if {' and '.join(condition_lines(each.condition))}"
        for each in policy.conditional_denies()
    )


def read_json(text: str, name: str) -> Any:
    """The value of a JSON string.

    Raises:
        InputError: If the string is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{name} is not JSON ({error}). Pass a policy document in JSON.") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply. Pass a policy document.") from None


def read_statements(text: str, name: str) -> tuple[Statement, ...]:
    """The statements of a policy document, or of the output of an AWS CLI command that prints one.

    Args:
        text: JSON: a policy document, or the output of get-role-policy, get-policy-version and similar commands.
        name: The name of the document in error messages.

    Raises:
        InputError: If the text is not a permissions policy.
    """
    if len(text) > MAX_LENGTH:
        raise InputError(
            f"{name} has {len(text):,} characters. Pass a policy document of at most {MAX_LENGTH:,} characters."
        )
    return statements_of(read_json(text, name), name)


def statements_of(document: Any, name: str) -> tuple[Statement, ...]:
    """The statements of a policy document.

    Args:
        document: The value of its JSON.
        name: The name of the document in error messages.

    Raises:
        InputError: If the document is not a permissions policy.
    """
    document = _unwrapped(document, name)
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise InputError(
            f"{name} is {_kind(document)} without a Statement. Pass a policy document, for example "
            '{"Version": "2012-10-17", "Statement": [...]}.'
        )
    content = document["Statement"]
    statements = content if isinstance(content, list) else [content]
    if not statements:
        raise InputError(f"{name} has no statements. Pass a policy document with at least one statement.")
    return tuple(_statement(each, f"{name}, statement {number}") for number, each in enumerate(statements, 1))


def condition_lines(condition: Mapping[str, Any]) -> list[str]:
    """A condition, with a line for each operator and key: ``StringEquals aws:RequestedRegion eu-west-1``."""
    return sorted(
        f"{operator} {key} {', '.join(map(str, values)) if isinstance(values, list | tuple) else values}"
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, Mapping) else [("", keys)])
    )


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches every resource that another pattern matches."""
    return all(matches(part, other_part) for part, other_part in _parts(pattern, other))


def overlap(one: str, other: str) -> bool:
    """Whether two patterns match a common resource."""
    return all(_match_common_string(part, other_part) for part, other_part in _parts(one, other))


_PARTS_OF_AN_ARN = 6


def _parts(one: str, other: str) -> list[tuple[str, str]]:
    """Two ARNs part by part, since a wildcard does not cross a colon. A pattern that is not an ARN has one part."""
    parts, other_parts = (pattern.split(":", _PARTS_OF_AN_ARN - 1) for pattern in (one, other))
    if len(parts) == len(other_parts) == _PARTS_OF_AN_ARN:
        return list(zip(parts, other_parts, strict=True))
    return [(one, other)]


@cache
def _match_common_string(one: str, other: str) -> bool:
    """Whether some string matches both patterns."""
    # A row for each position in one. below[j]: whether one, from the next position, and other, from j, match a string.
    below: list[bool] = []
    for i in range(len(one), -1, -1):
        row = [False] * (len(other) + 1)
        for j in range(len(other), -1, -1):
            letter, other_letter = one[i : i + 1], other[j : j + 1]
            if letter == "*":
                row[j] = below[j] or (j < len(other) and row[j + 1])
            elif other_letter == "*":
                row[j] = row[j + 1] or (i < len(one) and below[j])
            elif letter and other_letter:
                row[j] = (letter == other_letter or "?" in (letter, other_letter)) and below[j + 1]
            else:
                row[j] = letter == other_letter
        below = row
    return below[0]


def _allowing(statements: Iterable[Statement], action: str) -> list[Statement]:
    return [each for each in statements if each.allows and each.has_action(action)]


def _unwrapped(document: Any, name: str) -> Any:
    """The document without the object in which the AWS CLI prints it."""
    for _ in range(3):
        if not isinstance(document, Mapping):
            break
        answer = document
        inner = [answer[key] for key in ("PolicyVersion", "PolicyDocument", "Document") if key in answer]
        if "Statement" in answer or not inner:
            break
        document = inner[0]
    if isinstance(document, str):
        return read_json(unquote(document), name)  # IAM's API returns documents URL-encoded.
    return document


def _statement(statement: Any, where: str) -> Statement:
    if not isinstance(statement, Mapping):
        raise InputError(
            f"{where}: a statement must be an object with Effect, Action and Resource (got {_kind(statement)})."
        )
    if "Principal" in statement or "NotPrincipal" in statement:
        raise InputError(
            f"{where}: a permissions policy has no Principal, but a trust policy or a resource-based policy has one. "
            "Pass a policy that is attached to a role."
        )
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise InputError(f'{where}: Effect must be "Allow" or "Deny" (got {_shown(statement.get("Effect"))}).')
    condition = statement.get("Condition", {})
    if not isinstance(condition, Mapping):
        raise InputError(f"{where}: Condition must be an object (got {_kind(condition)}).")
    actions, except_actions = _patterns(statement, "Action", where)
    for action in actions:
        if action != "*" and not re.fullmatch(r"[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", action):
            raise InputError(f'{where}: an action must be "service:Action" or "*" (got {_shown(action)}).')
    resources, except_resources = _patterns(statement, "Resource", where)
    return Statement(
        allows=statement["Effect"] == "Allow",
        actions=actions,
        except_actions=except_actions,
        resources=tuple(re.sub(r"\$\{[^}]*}", "*", resource) for resource in resources),
        except_resources=except_resources,
        condition=condition,
    )


def _patterns(statement: Mapping[str, Any], key: str, where: str) -> tuple[tuple[str, ...], bool]:
    """The patterns of an element or of its negation, and whether it was the negation."""
    present = [name for name in (key, f"Not{key}") if name in statement]
    if len(present) != 1:
        got = "both" if present else "neither"
        raise InputError(f"{where}: either {key} or Not{key} is required (got {got}).")
    value = statement[present[0]]
    patterns = value if isinstance(value, list) else [value]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise InputError(f"{where}: {present[0]} must be a string or a list of strings (got {_shown(value)}).")
    return tuple(patterns), present[0] != key


def _kind(value: Any) -> str:
    names = {Mapping: "an object", list: "a list", str: "a string", bool: "a boolean", int | float: "a number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "null")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 - a line's worth
