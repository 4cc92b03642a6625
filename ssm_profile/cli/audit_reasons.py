"""Words why something is missing in a role, and what depends on what is not known."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.catalogue import EXPLICIT_DENIES
from ssm_profile.iam.evaluator import Kind
from ssm_profile.iam.trust import EC2

from .report import code

_MOST_LETTERS = 50
"""How long a condition in the summary may be. The summary refers to the details for a longer one."""

Data = Mapping[str, Any]


def trust_conditions(trust: Iterable[Data]) -> list[str]:
    """What it depends on whether EC2 can assume a role: a sentence for each reason.

    Args:
        trust: The reasons, as an audit has them.
    """
    return [f"EC2 can assume the role {_trust_depends_on(each)}." for each in trust]


def short_trust_condition(trust: Sequence[Data]) -> Iterator[str]:
    """The first reason, without a long condition, and that there are more."""
    if not trust:
        return
    first = _trust_depends_on(trust[0])
    if len(trust[0]["dependsOn"]) > _MOST_LETTERS:
        first = f"under a condition ({statement_place(trust[0])})"
    more = " The other conditions are below." if len(trust) > 1 else ""
    yield f"EC2 can assume the role {first}.{more}"


def _trust_depends_on(reason: Data) -> str:
    if reason["kind"] == Kind.UNKNOWN_VALUE.value:
        return f"if {code(reason['dependsOn'])} is {code(EC2)} ({statement_place(reason)})"
    return depends_on(reason)


def why_missing(reasons: Sequence[Data], *, several: bool = False) -> str:
    """Why an action is missing, or several actions: the first reason, and how many more there are."""
    it, call = ("them", "these calls") if several else ("it", "this call")
    more = f", and {len(reasons) - 1} more statements" if len(reasons) > 1 else ""
    reason = reasons[0]
    where = statement_place(reason)
    return {
        Kind.NOT_ALLOWED.value: f"no statement allows {it}",
        Kind.OTHER_RESOURCES.value: f"{where} allows {it} only on other resources",
        Kind.CONDITION.value: f"the condition of {where} does not hold for {call}",
        Kind.EXPLICIT_DENY.value: f"{where} denies {it}",
        Kind.BOUNDARY.value: f"the permissions boundary {code(reason['policy'] or '')} does not allow {it}",
    }.get(reason["kind"], "cannot be known") + more


def all_conditions(reasons: Sequence[Data], worded: Callable[[Data], str] | None = None) -> list[str]:
    """What a verdict depends on, each once. A policy that must allow an action is not said to have to deny nothing.

    Args:
        reasons: What it depends on.
        worded: Words one of them. The default is :func:`depends_on`.
    """
    unread = {each["policy"] for each in reasons if is_unread(each) and each["kind"] != Kind.EXPLICIT_DENY.value}
    kept = [each for each in reasons if each["policy"] not in unread or each["kind"] != Kind.EXPLICIT_DENY.value]
    return list(dict.fromkeys(map(worded or depends_on, kept)))


def is_unread(reason: Data) -> bool:
    """Whether a reason is a policy whose content is not known."""
    return bool(reason["policy"]) and not reason["statement"]


def depends_on(reason: Data) -> str:
    """What a verdict depends on, worded to follow "It works"."""
    if is_unread(reason):
        verb = ("unless", "denies") if reason["kind"] == Kind.EXPLICIT_DENY.value else ("if", "allows")
        return f"{verb[0]} {code(reason['policy'])} {verb[1]} it, whose content is not known"
    if reason["kind"] == Kind.TOO_COMPLEX.value:
        return "if the resources match, which have too many wildcards to compare them"
    where, what = statement_place(reason), code(reason["dependsOn"] or "")
    return {
        Kind.CONDITION.value: f"if {what} holds ({where})",
        Kind.EXPLICIT_DENY.value: f"unless {what} applies ({where} denies)",
    }.get(reason["kind"], f"if {what} matches the resource ({where})")


def depends_briefly_on(reason: Data, options: Mapping[str, str | None]) -> str:
    """What a verdict depends on, for the summary. A long condition is never cut off.

    Args:
        reason: The reason.
        options: The option that adds a statement that denies, by the statement.
    """
    where = statement_place(reason)
    option = options.get(where) if where and reason["kind"] == Kind.EXPLICIT_DENY.value else None
    if summary := next((deny.summary for deny in EXPLICIT_DENIES if deny.name == option), None):
        return f"unless {where} applies, which {summary[0].lower()}{summary[1:].rstrip('.')}"
    if len(reason["dependsOn"] or "") <= _MOST_LETTERS:
        return depends_on(reason)
    return {
        Kind.CONDITION.value: f"if the condition of {where} holds (see Capabilities)",
        Kind.EXPLICIT_DENY.value: f"unless {where} denies it (see Capabilities for its condition)",
    }.get(reason["kind"], f"if a resource of {where} matches (see Capabilities)")


def statement_place(location: Data) -> str:
    """Where a statement is, in Markdown. Empty if there is none."""
    sid = f" ({code(location['sid'])})" if location["sid"] else ""
    policy = f" of {code(location['policy'])}" if location["policy"] else ""
    return f"statement {location['statement']}{sid}{policy}" if location["statement"] else ""
