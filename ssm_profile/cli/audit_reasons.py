"""Words why something is missing in a role, and what depends on what is not known."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.catalogue import EXPLICIT_DENIES
from ssm_profile.iam.evaluator import Kind
from ssm_profile.iam.trust import EC2

from .report import code

_MOST_LETTERS = 50
"""How long a condition may be in the summary of an audit, which refers to the table of the capabilities otherwise."""
_UNLESS = "unless "

Data = Mapping[str, Any]

Options = Mapping[str, str | None]
"""The option that adds a statement that denies, by the statement."""


def trust_conditions(trust: Sequence[Data]) -> list[str]:
    """What it depends on whether EC2 can assume a role: a sentence, or none.

    Args:
        trust: The reasons, as an audit has them.
    """
    needed = needed_conditions(trust, _trust_depends_on)
    return [f"EC2 can assume the role {_joined(needed)}."] if needed else []


def short_trust_condition(trust: Sequence[Data]) -> Iterator[str]:
    """The first condition, if it is short, and that there are more."""
    if not trust:
        return
    first, *others = needed_conditions(trust, _trust_depends_on)
    if any(len(each["dependsOn"]) > _MOST_LETTERS for each in trust if each["group"] == trust[0]["group"]):
        first = f"under a condition ({statement_place(trust[0])})"
    more = " The other conditions are below." if others else ""
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


def works_sentences(subject: str, needed: Iterable[str], together: int = 2) -> list[str]:
    """Sentences: that something works if or unless something holds, and what it needs besides.

    Args:
        subject: What works.
        needed: The conditions, each worded to follow "It works".
        together: How many of them the first sentence may have: 1 or 2.
    """
    ordered = sorted(needed, key=lambda each: each.startswith(_UNLESS))
    if not ordered:
        return []
    besides = [
        f"And it does not work if {each.removeprefix(_UNLESS)}."
        if each.startswith(_UNLESS)
        else f"And it works only {each}."
        for each in ordered[together:]
    ]
    return [f"{subject} works {_joined(ordered[:together])}.", *besides]


def _joined(needed: Iterable[str]) -> str:
    """Conditions that must all hold."""
    listed = list(needed)
    ifs = " and ".join(each for each in listed if not each.startswith(_UNLESS))
    unless = " or ".join(each.removeprefix(_UNLESS) for each in listed if each.startswith(_UNLESS))
    return ", ".join([*([ifs] if ifs else []), *([f"{_UNLESS}{unless}"] if unless else [])])


def all_conditions(reasons: Sequence[Data]) -> list[str]:
    """Whatever a verdict depends on, each once."""
    return list(dict.fromkeys(map(depends_on, _without_denies_of_unread(reasons))))


def needed_conditions(reasons: Sequence[Data], worded: Callable[[Data], str] | None = None) -> list[str]:
    """What something depends on, each once: all that must hold, with the alternatives.

    Args:
        reasons: The reasons. Of those with the same number, one is enough.
        worded: Words one of them. The default is :func:`depends_on`.
    """
    groups: dict[int, dict[str, None]] = {}
    for each in _without_denies_of_unread(reasons):
        groups.setdefault(each["group"], {})[(worded or depends_on)(each)] = None
    either = "either " if len(groups) > 1 else ""
    return list(dict.fromkeys(_one_of(list(group), either) for group in groups.values()))


def _one_of(alternatives: Sequence[str], either: str) -> str:
    if len(alternatives) == 1:
        return alternatives[0]
    return f"if {either}{' or '.join(each.removeprefix('if ') for each in alternatives)}"


def _without_denies_of_unread(reasons: Sequence[Data]) -> list[Data]:
    """The reasons. A policy that must allow an action is not said to have to deny nothing."""
    groups = [each.get("group") for each in reasons]
    unread = {
        each["policy"]
        for each in reasons
        if is_unread(each) and each["kind"] != Kind.EXPLICIT_DENY.value and groups.count(each.get("group")) == 1
    }
    return [each for each in reasons if each["policy"] not in unread or each["kind"] != Kind.EXPLICIT_DENY.value]


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
    is_so = "matches the resource" if (reason["dependsOn"] or "").startswith("arn:") else "applies"
    return {
        Kind.CONDITION.value: f"if {what} holds ({where})",
        Kind.EXPLICIT_DENY.value: f"unless {what} {is_so} ({where} denies)",
    }.get(reason["kind"], f"if {what} matches the resource ({where})")


def depends_on_option(reason: Data, options: Options) -> str:
    """What a verdict depends on, with what a statement means that an option adds."""
    where = statement_place(reason)
    option = options.get(where) if where and reason["kind"] == Kind.EXPLICIT_DENY.value else None
    if summary := next((deny.summary for deny in EXPLICIT_DENIES if deny.name == option), None):
        return f"unless {where} applies, which {summary[0].lower()}{summary[1:].rstrip('.')}"
    return depends_on(reason)


def depends_briefly_on(reason: Data, options: Options) -> str:
    """What a verdict depends on, for the summary. A long condition is never cut off."""
    where, in_full = statement_place(reason), depends_on_option(reason, options)
    if len(reason["dependsOn"] or "") <= _MOST_LETTERS or in_full != depends_on(reason):
        return in_full
    return {
        Kind.CONDITION.value: f"if the condition of {where} holds (see Capabilities)",
        Kind.EXPLICIT_DENY.value: f"unless {where} denies it (see Capabilities for its condition)",
    }.get(reason["kind"], f"if a resource of {where} matches (see Capabilities)")


def statement_place(location: Data) -> str:
    """Where a statement is, in Markdown. Empty if there is none."""
    sid = f" ({code(location['sid'])})" if location["sid"] else ""
    policy = f" of {code(location['policy'])}" if location["policy"] else ""
    return f"statement {location['statement']}{sid}{policy}" if location["statement"] else ""
