"""The report of a fleet: the summary, the roles, the stack config that replaces their policies, and the problems."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ssm_profile.cli.audit import BROKEN
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Part, Report, Table, code, count_of
from ssm_profile.cli.roles import NOT_FOR_EC2
from ssm_profile.cli.stack_yaml import format_stack_config
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.options import camel_case

from .rows import Row, problems_of, roles_of, stale_of
from .use_report import key_of, narrower_configs, narrower_parts, use_summary, use_tables

_MOST_RISKS = 3
_MOST_REASONS = 2
_MOST_PARTLY = 5
"""How many sets of capabilities that are granted in part are shown for a config."""
_MOST_NAMES = 12
_MOST_UNREAD = 3


@dataclass(frozen=True)
class Counts:
    """What the rows do not say."""

    distinct: int
    """How many distinct sets of policies the roles have."""
    others: int
    """How many roles were read that are for other services."""
    note: str = ""
    """What to know of the source, in sentences."""


def format_fleet(rows: Sequence[Row], counts: Counts) -> Report:
    """The report."""
    roles = list(roles_of(rows))
    configs = _configs(roles)
    narrower = narrower_configs(roles, first=len(configs) + 1)
    return [
        Paragraph(_first_line(roles, counts)),
        *([Paragraph(counts.note)] if counts.note else []),
        *([Items(tuple(summary))] if (summary := list(_summary(roles, rows))) else []),
        Table(
            "Roles",
            ("Role", "Account", "Level", "Systems Manager", "An instance can", "Actions", "Proposed", "Config"),
            [_role(row, configs, narrower) for row in roles],
            folds=True,
        ),
        *use_tables(roles),
        *_replacements(configs, roles),
        *narrower_parts(narrower, roles),
        Table(
            "Entries of the baseline to remove",
            ("Role", "Finding", "Reason"),
            [(code(row["role"]), code(row["finding"]), row["reason"]) for row in stale_of(rows)],
        ),
        Table(
            "Not judged",
            ("Source or role", "Reason"),
            [(code(row["place"]), row["reason"]) for row in problems_of(rows)],
        ),
    ]


def _first_line(roles: Sequence[Row], counts: Counts) -> str:
    accounts = {row["account"] for row in roles if row["account"]}
    distinct = counts.distinct
    policies = "" if distinct == len(roles) else f", with {count_of(distinct, 'distinct set')} of policies"
    are = count_of(len(roles), "role")
    if counts.others:
        verb = "is" if len(roles) == 1 else "are"
        are = f"{len(roles):,} of {count_of(len(roles) + counts.others, 'role')} {verb}"
    where = f" in {count_of(len(accounts), 'account')}" if accounts else ""
    return f"{are} for EC2 instances{where}" + (f"{policies}." if roles else ".")


def _summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    verdicts = Counter(_verdict(row) for row in roles)
    words = {"works": "works with", "works if": "may work with", "broken": "does not work with"}
    if roles:
        counts = [f"{word} {verdicts[verdict]:,}" for verdict, word in words.items() if verdicts[verdict]]
        yield f"Systems Manager {', '.join(counts)}."
    for word, verb, certain in (("Dangerous", "can", True), ("Possible danger", "may", False)):
        found = [[risk["summary"] for risk in row["risks"] if risk["certain"] is certain] for row in roles]
        if risky := Counter(summary for each in found for summary in each):
            named = [f"{summary} ({count:,})" for summary, count in risky.most_common(_MOST_RISKS)]
            more = f"; and {len(risky) - _MOST_RISKS} more" if len(risky) > _MOST_RISKS else ""
            yield f"{word}: {count_of(sum(map(bool, found)), 'role')}. An instance {verb} {'; '.join(named)}{more}."
    yield from _unknown(roles)
    deprecated = Counter(policy for row in roles for policy in row["deprecated"])
    if deprecated:
        yield f"Policies to replace: {', '.join(f'{code(policy)} ({n:,})' for policy, n in deprecated.most_common())}."
    if losing := sum(any(_uncertain(row)) for row in roles):
        whose = count_of(losing, "role")
        yield f"The configs leave out capabilities of {whose} that may work today. The list below a config says which."
    yield from use_summary(roles)
    yield from _unusable(roles)
    yield from _baseline_summary(roles, rows)
    if problems := sum(1 for _ in problems_of(rows)):
        yield f"Not judged: {problems:,}. The reasons are at the end."


def _unusable(roles: Sequence[Row]) -> Iterator[str]:
    """Sentences on the roles that no instance can use."""
    if without := sum(row["instanceProfiles"] == [] for row in roles):
        yield f"Without an instance profile, so that no instance can use it: {count_of(without, 'role')}."
    if refused := sum(NOT_FOR_EC2 in row["reasons"] for row in roles):
        yield f"In an instance profile, but EC2 cannot assume it: {count_of(refused, 'role')}."


def _baseline_summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    accepted = [len(row["accepted"]) for row in roles if row["accepted"]]
    if accepted:
        yield f"Accepted by the baseline: {count_of(sum(accepted), 'finding')} on {count_of(len(accepted), 'role')}."
    if stale := sum(1 for _ in stale_of(rows)):
        entries = count_of(stale, "entry")
        yield f"To remove from the baseline: {entries}. The reasons are at the end."


def _unknown(roles: Sequence[Row]) -> Iterator[str]:
    """What the input does not say."""
    if nameless := sum(row["account"] is None for row in roles):
        yield f"Account not known: {count_of(nameless, 'role')}, because the input does not have the ARN."
    if unread := sum(any(each not in row["ambiguous"] for each in row["unread"]) for row in roles):
        yield (
            f"Content not known: policies of {count_of(unread, 'role')}, so that dangers may be missing here. If the "
            "input was written with `--filter`, add `LocalManagedPolicy` and `AWSManagedPolicy` to it."
        )
    if several := sum(bool(row["ambiguous"]) for row in roles):
        yield (
            f"Content not known: policies of {count_of(several, 'role')}, of which the input has several documents and "
            "does not say which one counts. Write the input again, with one file for each account."
        )


def _verdict(row: Row) -> str:
    if row["level"] == BROKEN:
        return BROKEN
    return row["systemsManager"]


def _role(row: Row, configs: dict[str, int], narrower: dict[str, int]) -> tuple[str, ...]:
    certain = [risk["summary"] for risk in row["risks"] if risk["certain"]]
    possible = [f"{risk['summary']} (possibly)" for risk in row["risks"] if not risk["certain"]]
    return (
        code(row["role"]),
        row["account"] or "",
        _level(row),
        _systems_manager(row),
        ";\n".join([*certain, *possible, *_not_known(row), *_boundary(row)]),
        _actions(row),
        _proposed_actions(row),
        "\n".join([*_config(row, configs), *_narrower(row, narrower)]),
    )


def _level(row: Row) -> str:
    if not row["accepted"]:
        return row["level"]
    return f"{row['level']};\n{row['openLevel']} without what is accepted"


def _systems_manager(row: Row) -> str:
    """Whether Systems Manager works, with the first reasons."""
    verdict, reasons = _verdict(row), row["reasons"]
    if verdict == BROKEN:
        # A role that no instance can use can have policies that work under a condition.
        shown = [reason.replace("It works ", "Its policies work ", 1) for reason in reasons[:_MOST_REASONS]]
        shown[:1] = [f"does not work: {reason}" for reason in shown[:1]]
    else:
        shown = [reason.replace("It works ", "works ", 1) for reason in reasons[:_MOST_REASONS]] or [verdict]
        if shown[0].startswith("EC2 "):
            shown[0] = f"may work: {shown[0]}"
    if len(reasons) > _MOST_REASONS:
        shown.append(f"And {count_of(len(reasons) - _MOST_REASONS, 'more reason')}.")
    return "\n".join(shown)


def _not_known(row: Row) -> Iterator[str]:
    if unread := [each for each in dict.fromkeys(row["unread"]) if each != row["permissionsBoundary"]]:
        more = f" and {len(unread) - _MOST_UNREAD} more" if len(unread) > _MOST_UNREAD else ""
        yield f"not known: {', '.join(f'{code(each)}{_several(row, each)}' for each in unread[:_MOST_UNREAD])}{more}"


def _boundary(row: Row) -> Iterator[str]:
    if row["permissionsBoundary"]:
        name = code(row["permissionsBoundary"].split(":policy/", 1)[-1])
        unread = " (content not known)" if row["permissionsBoundary"] in row["unread"] else ""
        unread = _several(row, row["permissionsBoundary"]) or unread
        yield f"limited by boundary {name}{unread}"


def _several(row: Row, policy: str) -> str:
    """Why the content of a policy is not known although the input has it, or an empty string."""
    return " (the input has several documents of it)" if policy in row["ambiguous"] else ""


def _proposed_actions(row: Row) -> str:
    """How many actions the config grants. A boundary whose content is not known can only take some away."""
    if row["proposedActions"] is None:
        return ""
    most = "at most " if row["permissionsBoundary"] in row["unread"] else ""
    return f"{most}{row['proposedActions']:,}"


def _actions(row: Row) -> str:
    """How many actions the policies grant. A permissions boundary can only take some away."""
    read, boundary = f"{row['readActions']:,}", row["permissionsBoundary"]
    if not row["unread"]:
        return read
    if boundary not in row["unread"]:
        return f"at least {read}" if row["readActions"] else "not known"
    return f"at most {read}" if row["unread"] == [boundary] else "not known"


def _config(row: Row, configs: dict[str, int]) -> Iterator[str]:
    if row["options"] is not None:
        number, uncertain = str(configs[key_of(row["options"])]), len(list(_uncertain(row)))
        yield f"{number}, leaves out {count_of(uncertain, 'capability')}" if uncertain else number


def _narrower(row: Row, narrower: dict[str, int]) -> Iterator[str]:
    if row["used"] and row["used"]["options"] is not None:
        yield f"{narrower[key_of(row['used']['options'])]}, without what is not used"


def _uncertain(row: Row) -> Iterator[str]:
    """The capabilities that the config leaves out and that may work today."""
    return (each["capability"] for each in row["leftOut"] if each["verdict"] == Verdict.WORKS_IF.value)


def _configs(roles: Sequence[Row]) -> dict[str, int]:
    """The distinct proposals with their numbers, the most frequent first."""
    counts = Counter(key_of(row["options"]) for row in roles if row["options"] is not None)
    return {key: number for number, (key, _) in enumerate(counts.most_common(), 1)}


def _replacements(configs: dict[str, int], roles: Sequence[Row]) -> Iterator[Part]:
    if not configs:
        return
    replaced = dict[str, list[Row]]()
    for row in roles:
        if row["options"] is not None:
            replaced.setdefault(key_of(row["options"]), []).append(row)
    yield Paragraph(
        "These options replace the policies and keep every capability that certainly works with them. Keep the "
        "permissions that your software needs in a policy of their own. `ssm-profile audit` explains a single role."
    )
    for key, number in configs.items():
        yield Paragraph(f"Config {number}, for {count_of(len(replaced[key]), 'role')}:")
        yield CodeBlock(format_stack_config(json.loads(key)))
        whose = replaced[key]
        if advice := [*_fill_in(whose[0]), *_left_out(whose), *_covered(whose), *_boundaries(whose), *_denies(whose)]:
            yield Items(tuple(advice))


def _fill_in(row: Row) -> Iterator[str]:
    if row["fillIn"]:
        names = ", ".join(code(camel_case(path)) for path in row["fillIn"])
        yield f"Fill in {names}, or leave out those that you do not use."


def _left_out(roles: Sequence[Row]) -> Iterator[str]:
    """The capabilities that a config leaves out: all that may work today, then those that are granted in part."""
    for (names, reason), count in _by_reason(roles, Verdict.WORKS_IF).most_common():
        yield f"It leaves out {_names(names)}{_of(count, roles)}. {reason} Add those that you use."
    partly = _by_reason(roles, Verdict.PARTLY).most_common()
    for (names, _), count in partly[:_MOST_PARTLY]:
        yield (
            f"It leaves out {_names(names)}{_of(count, roles)}. The policies grant only a part of what is needed. "
            "Add those that you use."
        )
    if further := {name for (names, _), _ in partly[_MOST_PARTLY:] for name in names}:
        yield (
            f"It leaves out {_names(sorted(further))} of other roles, whose policies grant a part of what is needed. "
            "`--json` contains what each role loses."
        )


def _by_reason(roles: Sequence[Row], verdict: Verdict) -> Counter[tuple[tuple[str, ...], str]]:
    """The capabilities with the same reasons, each time with the number of roles."""
    found = Counter[tuple[tuple[str, ...], str]]()
    for row in roles:
        capabilities = dict[str, list[str]]()
        for each in row["leftOut"]:
            if each["verdict"] == verdict.value:
                capabilities.setdefault(" ".join(each["reasons"]), []).append(each["capability"])
        found.update((tuple(names), reason) for reason, names in capabilities.items())
    return found


def _names(capabilities: Sequence[str]) -> str:
    """The names of some capabilities, or how many there are of almost all."""
    if len(capabilities) > _MOST_NAMES:
        return f"{len(capabilities)} capabilities (`--json` names them)"
    return ", ".join(map(code, capabilities))


def _of(count: int, roles: Sequence[Row]) -> str:
    return "" if count == len(roles) else f" of {count_of(count, 'role')}"


def _covered(roles: Sequence[Row]) -> Iterator[str]:
    covered = {each["capability"]: each["by"] for row in roles for each in row["covered"]}
    if covered:
        names = ", ".join(f"{code(name)} (by {', '.join(map(code, by))})" for name, by in covered.items())
        yield f"It also covers {names}. Set the option of one that you use if you leave out or narrow what covers it."


def _boundaries(roles: Sequence[Row]) -> Iterator[str]:
    if any(row["permissionsBoundary"] for row in roles):
        yield "Keep the permissions boundary of the role. What it denies stays in it."


def _denies(roles: Sequence[Row]) -> Iterator[str]:
    denying = [row for row in roles if row["denies"]]
    if len(denying) == len(roles) == 1:
        yield f"Keep each statement that denies in a policy of its own: {', '.join(denying[0]['denies'])}."
    elif denying:
        yield f"Keep the statements that deny, of {count_of(len(denying), 'role')}, in policies of their own."
