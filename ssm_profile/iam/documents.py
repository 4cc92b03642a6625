"""Statements of policy documents, in every form that IAM accepts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache, cached_property
from typing import Any

from ssm_profile.errors import InputError

_OLD_VERSION = "2008-10-17"
_VARIABLE = re.compile(r"\$\{(?=[A-Za-z0-9-]+:[^:])")
"""The start of a policy variable, and not of a placeholder of a template such as ``${AWS::Region}``."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    allows: bool
    actions: tuple[str, ...]
    """Patterns, as the policy has them."""
    except_actions: bool
    """Whether the statement applies to all actions except these: ``NotAction``."""
    resources: tuple[str, ...]
    """Patterns, as the policy has them."""
    except_resources: bool
    """Whether the statement applies to all resources except these: ``NotResource``."""
    condition: Any = field(hash=False)
    """The condition as the policy has it. An empty object if there is none."""
    policy: str = ""
    """The name of the policy that contains it."""
    number: int = 1
    """Its place in the policy, from 1. 0 stands for a policy whose content is not known."""
    sid: str = ""

    @property
    def label(self) -> str:
        """Where the statement is, such as ``statement 2 (DenyAll) of policy.json``."""
        sid = f" ({self.sid})" if self.sid else ""
        return f"statement {self.number}{sid} of {self.policy}"

    def has_action(self, action: str) -> bool:
        """Whether the statement applies to an action."""
        lowered, service = _lowered(action)
        listed = service in self._services or "*" in self._services
        return (listed and self._action_pattern.fullmatch(lowered) is not None) != self.except_actions

    def has_service(self, action: str) -> bool:
        """Whether the statement applies to some actions of the service of an action."""
        return self.except_actions or "*" in self._services or _lowered(action)[1] in self._services

    def is_everywhere(self) -> bool:
        """Whether the statement applies to every resource."""
        return not self.except_resources and any(set(pattern) == {"*"} for pattern in self.resources)

    def scope(self) -> list[str]:
        """The resources as text, which says so if they are exceptions."""
        return [f"all except {', '.join(self.resources)}"] if self.except_resources else list(self.resources)

    @cached_property
    def _services(self) -> frozenset[str]:
        return frozenset(pattern.partition(":")[0].lower() for pattern in self.actions)

    @cached_property
    def _action_pattern(self) -> re.Pattern[str]:
        return _any_of(self.actions)


def statements_of(document: Any, name: str) -> tuple[Statement, ...]:
    """The statements of a policy document.

    Args:
        document: The value of its JSON.
        name: The name of the document in error messages.

    Raises:
        InputError: If the document is not a permissions policy, or if IAM refuses it.
    """
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise InputError(
            f"{name} is {_kind(document)} without a Statement. Pass a policy document, for example "
            '{"Version": "2012-10-17", "Statement": [...]}.'
        )
    content = document["Statement"]
    statements = content if isinstance(content, list) else [content]
    if not statements:
        raise InputError(f"{name} has no statements. Pass a policy document with at least one statement.")
    # Without a Version, IAM takes a document for one of the older version, which has no policy variables.
    if str(document.get("Version", _OLD_VERSION)) == _OLD_VERSION:
        statements = [_with_literal_variables(each) for each in statements]
    return tuple(_statement(each, name, number) for number, each in enumerate(statements, 1))


def as_list(value: Any) -> list[Any]:
    """The entries of a list that JSON may have without the brackets: one where it is no list, none for null."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def condition_lines(condition: Any) -> list[str]:
    """A condition, with a line for each operator and key: ``StringEquals aws:RequestedRegion eu-west-1``."""
    if not isinstance(condition, Mapping):
        return [json.dumps(condition)]
    return sorted(
        f"{operator} {key} {', '.join(map(_word, values)) if isinstance(values, list | tuple) else _word(values)}"
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, Mapping) else [("", keys)])
    )


def describe_statement(statement: Statement) -> str:
    """A statement in one line: its actions, its resources and its condition."""
    actions = ", ".join(statement.actions)
    text = f"{'all except ' if statement.except_actions else ''}{actions} on {', '.join(statement.scope())}"
    return f"{text} if {' and '.join(condition_lines(statement.condition))}" if statement.condition else text


@cache
def _lowered(action: str) -> tuple[str, str]:
    """An action and its service prefix in lower case."""
    lowered = action.lower()
    return lowered, lowered.partition(":")[0]


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern.lower().replace("[", "[[]")) for pattern in patterns))


def _with_literal_variables(value: Any) -> Any:
    """A statement in which ``${aws:username}`` is text, as ``${$}{aws:username}`` is in the newer version."""
    if isinstance(value, str):
        return _VARIABLE.sub("${$}{", value)
    if isinstance(value, list):
        return [_with_literal_variables(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _with_literal_variables(each) for key, each in value.items()}
    return value


def _statement(statement: Any, policy: str, number: int) -> Statement:
    where = f"{policy}, statement {number}"
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
    actions, except_actions = _patterns(statement, "Action", where)
    for action in actions:
        _check_action(action, where)
    resources, except_resources = _patterns(statement, "Resource", where)
    for resource in resources:
        _check_resource(resource, where)
    sid = statement.get("Sid")
    return Statement(
        allows=statement["Effect"] == "Allow",
        actions=actions,
        except_actions=except_actions,
        resources=resources,
        except_resources=except_resources,
        condition=statement.get("Condition", {}),
        policy=policy,
        number=number,
        sid=sid if isinstance(sid, str) else "",
    )


def _check_action(action: str, where: str) -> None:
    if action == "*" or re.fullmatch(r"(\*|[A-Za-z0-9.-]+):[A-Za-z0-9*?]+", action):
        return
    service, colon, _ = action.partition(":")
    if colon and re.search(r"[*?]", service):
        raise InputError(
            f"{where}: IAM refuses an action with a wildcard in its service prefix (got {_shown(action)}). Write the "
            "prefix in full, such as ssm:*."
        )
    raise InputError(f'{where}: an action must be "service:Action" or "*" (got {_shown(action)}).')


def _check_resource(resource: str, where: str) -> None:
    if set(resource) == {"*"} or "${" in resource:
        return
    if not resource.startswith("arn:"):
        raise InputError(f'{where}: IAM refuses a resource that is neither an ARN nor "*" (got {_shown(resource)}).')
    if resource.count(":") < 2:  # noqa: PLR2004 - the partition and the service
        raise InputError(
            f"{where}: IAM refuses an ARN without a service (got {_shown(resource)}). Write at least "
            '"arn:PARTITION:SERVICE:*".'
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
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 - a line's worth


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
