"""Conditions of statements: whether they hold for a request of which not everything is known.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from ssm_profile.errors import TooComplexError

from .patterns import VARIABLE, Glob, arn_glob, covers, glob, overlap


@dataclass(frozen=True)
class Like:
    """A value of which only a pattern is known."""

    pattern: str


@dataclass(frozen=True)
class Chosen:
    """A value that the caller chooses among those that a pattern matches, such as the namespace of metrics."""

    pattern: str


@dataclass(frozen=True)
class Absent:
    """The request does not have the key."""


@dataclass(frozen=True)
class Present:
    """The request has the key, and its value is not known."""


@dataclass(frozen=True)
class Several:
    """A key that has all of these values at once, such as the keys of an encryption context."""

    values: tuple[str, ...]


ABSENT, PRESENT = Absent(), Present()
UNKNOWN = (ABSENT, PRESENT)
"""Neither the value of the key nor whether the request has it is known."""

_RESOURCE_TAG = re.compile(r"[a-z0-9-]+:(resourcetag|existingobjecttag)/")

SingleValue = str | Like | Chosen | Absent | Present
Value = SingleValue | Several
Context = Mapping[str, Sequence[Value]]
"""The condition keys of a request, in lower case, each with its possible values. Other keys are not known."""


def holds(condition: Any, context: Context) -> bool | None:
    """Whether a condition holds: always, never, or None if this cannot be known.

    Args:
        condition: The condition of a statement. One of a form that IAM does not accept cannot be known.
        context: What is known of the request.
    """
    if not isinstance(condition, Mapping):
        return None
    return _all(
        _key_holds(str(operator), str(key), values, context)
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, Mapping) else [("", None)])
    )


def condition_keys(condition: Any) -> Iterator[str]:
    """The keys of a condition, in lower case."""
    for keys in condition.values() if isinstance(condition, Mapping) else ():
        yield from (str(key).lower() for key in (keys if isinstance(keys, Mapping) else ()))


def untagged(conditions: Iterable[Any]) -> dict[str, tuple[Value, ...]]:
    """What is known of a request for a resource that has none of the tags that conditions name."""
    keys = {key for each in conditions for key in condition_keys(each)}
    return {key: (ABSENT,) for key in keys if _RESOURCE_TAG.match(key)}


def _key_holds(operator: str, key: str, values: Any, context: Context) -> bool | None:
    wanted = _strings(values)
    if wanted is None:
        return None
    wanted = [_with_known_variables(each, context) for each in wanted]
    alternatives = context.get(key.lower(), UNKNOWN)
    outcomes = {
        _holds_for_several(operator, value, wanted)
        if isinstance(value, Several)
        else _holds_for(operator, value, wanted)
        for value in alternatives
    }
    return outcomes.pop() if len(outcomes) == 1 else None


def _holds_for_several(operator: str, value: Several, wanted: list[str]) -> bool | None:
    """Whether one operator holds for a key with several values. Without a quantifier, this cannot be known."""
    quantifier, name, _ = _parsed(operator)
    if name == "null":
        return _holds_for(operator, PRESENT, wanted)
    combine = {"foranyvalue": _any, "forallvalues": _all}.get(quantifier)
    return combine(_holds_for(name, each, wanted) for each in value.values) if combine else None


def _holds_for(operator: str, value: SingleValue, wanted: list[str]) -> bool | None:
    """Whether one operator holds for one value of the key."""
    quantifier, name, if_exists = _parsed(operator)
    is_absent = isinstance(value, Absent)
    if name == "null":
        return _any({"true": is_absent, "false": not is_absent}.get(each.lower()) for each in wanted)
    negated = name in _NEGATED
    name = _NEGATED.get(name, name)
    if name not in _STRING_OPERATORS and name not in _MATCHERS:
        return None
    if is_absent:
        return if_exists or quantifier == "forallvalues" or (negated and quantifier != "foranyvalue")
    if isinstance(value, Present):
        return None
    if isinstance(value, Chosen) and negated:
        # It is enough that the caller can choose one value that is not excluded.
        return not _all_of_pattern_matches(name, value, wanted)
    outcome = _any(_matches(name, value, each) for each in wanted)
    return not outcome if negated and outcome is not None else outcome


def _parsed(operator: str) -> tuple[str, str, bool]:
    """The quantifier, the operator and whether it ends with IfExists, in lower case."""
    quantifier, colon, name = operator.lower().rpartition(":")
    if_exists = name.endswith("ifexists")
    return quantifier if colon else "", name.removesuffix("ifexists"), if_exists


def _strings(values: Any) -> list[str] | None:
    """The values of a condition key as strings, or None if there is one that IAM does not accept."""
    listed = values if isinstance(values, list | tuple) else [values]
    strings = list[str]()
    for value in listed:
        if isinstance(value, bool):
            strings.append(str(value).lower())
        elif isinstance(value, str | int | float):
            strings.append(str(value))
        else:
            return None
    return strings


def _with_known_variables(text: str, context: Context) -> str:
    """A value of a condition, in which each policy variable that is known is replaced by its value."""

    def value(variable: re.Match[str]) -> str:
        values = context.get(variable[1].lower(), UNKNOWN)
        known = values[0] if len(values) == 1 else PRESENT
        # A wildcard in the value of a variable is no wildcard of the condition.
        return known if isinstance(known, str) and not set(known) & set("*?$") else variable[0]

    return VARIABLE.sub(value, text)


def _matches(name: str, value: str | Like | Chosen, wanted: str) -> bool | None:
    """Whether a value matches a value of the condition."""
    if re.search(r"\$\{(?![*?$]})", wanted):
        return None  # a policy variable, whose value is not known
    if name not in _STRING_OPERATORS:
        return _MATCHERS[name](value, wanted) if isinstance(value, str) else None
    of_condition, of_value = _STRING_OPERATORS[name]
    pattern, other = of_condition(wanted), of_value(_escaped(value) if isinstance(value, str) else value.pattern)
    try:
        if not overlap(pattern, other):
            return False
        return True if isinstance(value, Chosen) or covers(pattern, other) else None
    except TooComplexError:
        return None


def _all_of_pattern_matches(name: str, value: Chosen, wanted: list[str]) -> bool:
    """Whether every value that the caller can choose certainly matches a value of the condition."""
    return _any(_matches(name, Like(value.pattern), each) for each in wanted) is True


def _escaped(text: str) -> str:
    return re.sub(r"([*?$])", r"${\1}", text)


_StringOperator = tuple[Callable[[str], Glob], Callable[[str], Glob]]
"""Reads a value of the condition as a pattern, and a value of the request, of which a pattern is known."""

_STRING_OPERATORS: dict[str, _StringOperator] = {
    "stringequals": (lambda text: glob(_escaped(text)), glob),
    "stringequalsignorecase": (lambda text: glob(_escaped(text).lower()), lambda text: glob(text.lower())),
    "bool": (lambda text: glob(_escaped(text).lower()), lambda text: glob(text.lower())),
    "binaryequals": (lambda text: glob(_escaped(text)), glob),
    "stringlike": (glob, glob),
    "arnequals": (arn_glob, arn_glob),
    "arnlike": (arn_glob, arn_glob),
}
"""The operators that compare strings and are not negated, in lower case."""

Matcher = Callable[[str, str], bool | None]
"""Says whether a value matches the value of a condition, or None if this cannot be known."""


def _number(compare: Callable[[float, float], bool]) -> Matcher:
    def match(value: str, wanted: str) -> bool | None:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return None

    return match


def _date(compare: Callable[[datetime, datetime], bool]) -> Matcher:
    def match(value: str, wanted: str) -> bool | None:
        try:
            return compare(_moment(value), _moment(wanted))
        except (ValueError, OverflowError, OSError):
            return None

    return match


def _moment(text: str) -> datetime:
    if text.isdecimal():  # the seconds since 1970
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_in_network(value: str, wanted: str) -> bool | None:
    try:
        return ip_address(value) in ip_network(wanted, strict=False)
    except ValueError:
        return None


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda one, other: one == other,
    "lessthan": lambda one, other: one < other,
    "lessthanequals": lambda one, other: one <= other,
    "greaterthan": lambda one, other: one > other,
    "greaterthanequals": lambda one, other: one >= other,
}

_MATCHERS: dict[str, Matcher] = {
    "ipaddress": _is_in_network,
    **{f"numeric{name}": _number(compare) for name, compare in _COMPARISONS.items()},
    **{f"date{name}": _date(compare) for name, compare in _COMPARISONS.items()},
}
"""The other operators that are not negated, in lower case."""

_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
"""The negated operators, each with the operator that it negates."""


def _all(outcomes: Iterable[bool | None]) -> bool | None:
    """True if all are, False if one is, otherwise None."""
    listed = list(outcomes)
    return False if False in listed else None if None in listed else True


def _any(outcomes: Iterable[bool | None]) -> bool | None:
    """True if one is, False if all are, otherwise None."""
    listed = list(outcomes)
    return True if True in listed else None if None in listed else False
