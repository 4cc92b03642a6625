"""Policy documents in every form that IAM accepts, as statements that can be asked what they allow."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from ssm_profile.errors import InputError

from .action_list import expanded, matches

LONGEST = 131_072
"""What IAM's API accepts as a policy document, in characters."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    allows: bool
    actions: tuple[str, ...]
    """Patterns, as they were written."""
    except_actions: bool
    """Whether it means every action but these: ``NotAction``."""
    resources: tuple[str, ...]
    """Patterns. Policy variables are wildcards."""
    except_resources: bool
    """Whether it means every resource but these: ``NotResource``."""
    condition: Mapping[str, Any]

    def names(self, action: str) -> bool:
        """Whether it means an action."""
        named = any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
        return named != self.except_actions

    def expanded_actions(self) -> set[str]:
        """Every action that it means."""
        named = {action for pattern in self.actions for action in expanded(pattern)}
        return set(expanded("*")) - named if self.except_actions else named

    def reaches(self, resource: str) -> bool:
        """Whether it means some of the resources of a pattern; of ``*``, whether it means every resource."""
        if self.except_resources:
            return not any(covers(pattern, resource) for pattern in self.resources)
        if resource == "*":
            return self.is_everywhere()
        return any(overlap(pattern, resource) for pattern in self.resources)

    def contains(self, resource: str) -> bool:
        """Whether it means all of the resources of a pattern."""
        if self.except_resources:
            return not any(overlap(pattern, resource) for pattern in self.resources)
        return any(covers(pattern, resource) for pattern in self.resources)

    def is_everywhere(self) -> bool:
        """Whether it means every resource."""
        return not self.except_resources and any(set(pattern) == {"*"} for pattern in self.resources)

    def scope(self) -> list[str]:
        """Its resources, in words where they are exceptions."""
        return [f"all but {', '.join(self.resources)}"] if self.except_resources else list(self.resources)


@dataclass(frozen=True)
class Policy:
    """What one or more policy documents say together, within a permissions boundary if there is one."""

    name: str
    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None

    def granting(self, action: str) -> list[Statement]:
        """The statements that allow an action, on whatever resource; none where it is denied everywhere."""
        if self._denied(action, "*") or (self.boundary is not None and not _allowing(self.boundary, action)):
            return []
        return _allowing(self.statements, action)

    def grants(self, action: str, resource: str) -> list[Statement]:
        """The statements that allow an action on some resources of a pattern, unless it is denied on all of them."""
        if self._denied(action, resource):
            return []
        if self.boundary is not None and not any(each.reaches(resource) for each in _allowing(self.boundary, action)):
            return []
        return [statement for statement in _allowing(self.statements, action) if statement.reaches(resource)]

    def actions(self) -> set[str]:
        """Every action that is allowed on anything, wildcards expanded."""
        named = {action for each in self.statements if each.allows for action in each.expanded_actions()}
        if not (self.boundary or any(not each.allows for each in self.statements)):
            return named
        return {action for action in named if self.granting(action)}

    def conditional_denials(self) -> list[Statement]:
        """The statements that deny under a condition, which are not judged."""
        return [each for each in (*self.statements, *(self.boundary or ())) if not each.allows and each.condition]

    def _denied(self, action: str, resource: str) -> bool:
        return any(
            each.names(action) and each.contains(resource)
            for each in (*self.statements, *(self.boundary or ()))
            if not (each.allows or each.condition)
        )


def read_json(text: str, name: str) -> Any:
    """The value of a JSON text.

    Raises:
        InputError: If it is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{name}: found text that is not JSON ({error}); allowed: a policy document in JSON") from None
    except RecursionError:
        raise InputError(f"{name}: found JSON that is nested too deeply; allowed: a policy document") from None


def read_statements(text: str, name: str) -> tuple[Statement, ...]:
    """The statements of a policy document, or of what the AWS CLI prints when it is asked for one.

    Args:
        text: JSON: a policy document, or an answer of get-role-policy, get-policy-version and the like.
        name: What errors call it.

    Raises:
        InputError: If it is no permissions policy.
    """
    if len(text) > LONGEST:
        raise InputError(f"{name}: found {len(text):,} characters; allowed: a policy document of up to {LONGEST:,}")
    return statements_of(read_json(text, name), name)


def statements_of(document: Any, name: str) -> tuple[Statement, ...]:
    """The statements of a policy document that is read already.

    Raises:
        InputError: If it is no permissions policy.
    """
    document = _unwrapped(document, name)
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise InputError(
            f"{name}: found {_kind(document)} without a Statement; allowed: a policy document, such as "
            '{"Version": "2012-10-17", "Statement": [...]}'
        )
    found = document["Statement"]
    several = found if isinstance(found, list) else [found]
    if not several:
        raise InputError(f"{name}: found no statement in it; allowed: at least one")
    return tuple(
        _statement(each, f"{name}: statement {number}" if len(several) > 1 else f"{name}: its statement")
        for number, each in enumerate(several, 1)
    )


def condition_lines(condition: Mapping[str, Any]) -> list[str]:
    """A condition in lines: operator, key and values."""
    return sorted(
        f"{operator} {key} {', '.join(map(str, values)) if isinstance(values, list | tuple) else values}"
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, Mapping) else [("", keys)])
    )


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern means every resource that another one means."""
    return all(matches(part, other_part) for part, other_part in _parts(pattern, other))


def overlap(one: str, other: str) -> bool:
    """Whether some resource is meant by both of two patterns."""
    return all(_have_text_in_common(part, other_part) for part, other_part in _parts(one, other))


_PARTS_OF_AN_ARN = 6


def _parts(one: str, other: str) -> list[tuple[str, str]]:
    """Two ARNs part by part, since a wildcard stays within its part; what is no ARN is of one part."""
    parts, other_parts = (pattern.split(":", _PARTS_OF_AN_ARN - 1) for pattern in (one, other))
    if len(parts) == len(other_parts) == _PARTS_OF_AN_ARN:
        return list(zip(parts, other_parts, strict=True))
    return [(one, other)]


@cache
def _have_text_in_common(one: str, other: str) -> bool:
    """Whether some text matches both of two patterns."""
    # A row for each position in one. below[j]: do the rests from the next position and from j have a text in common?
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
    return [each for each in statements if each.allows and each.names(action)]


def _unwrapped(document: Any, name: str) -> Any:
    """The document within what the AWS CLI prints around it."""
    for _ in range(3):
        if not isinstance(document, Mapping):
            break
        answer = document
        inner = [answer[key] for key in ("PolicyVersion", "PolicyDocument", "Document") if key in answer]
        if "Statement" in answer or not inner:
            break
        document = inner[0]
    if isinstance(document, str):
        return read_json(unquote(document), name)  # as IAM's own API has it
    return document


def _statement(found: Any, where: str) -> Statement:
    if not isinstance(found, Mapping):
        raise InputError(f"{where}: found {_kind(found)}; allowed: an object with Effect, Action and Resource")
    statement = found
    if "Principal" in statement or "NotPrincipal" in statement:
        raise InputError(
            f"{where}: found a Principal, so it is a trust policy or the policy of a resource; "
            "allowed: a permissions policy, as it is attached to a role"
        )
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise InputError(f'{where}: found {_shown(statement.get("Effect"))} as its Effect; allowed: "Allow" or "Deny"')
    condition = statement.get("Condition", {})
    if not isinstance(condition, Mapping):
        raise InputError(f"{where}: found {_kind(condition)} as its Condition; allowed: an object")
    actions, except_actions = _patterns(statement, "Action", where)
    for action in actions:
        if action != "*" and not re.fullmatch(r"[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", action):
            raise InputError(f'{where}: found the action {_shown(action)}; allowed: "service:Action", or "*"')
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
    """What an element or its negation lists, and whether it was the negation."""
    present = [name for name in (key, f"Not{key}") if name in statement]
    if len(present) != 1:
        found = "both" if present else "neither"
        raise InputError(f"{where}: found {found} of {key} and Not{key}; allowed: one of the two")
    value = statement[present[0]]
    patterns = value if isinstance(value, list) else [value]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise InputError(f"{where}: found {_shown(value)} as its {present[0]}; allowed: a text or a list of texts")
    return tuple(patterns), present[0] != key


def _kind(value: Any) -> str:
    names = {Mapping: "an object", list: "a list", str: "a text", bool: "true or false", int | float: "a number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "null")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 - a line's worth
