"""The report of a fleet: the summary, the roles, the stack config that replaces their policies, and the problems."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ssm_profile.cli.audit import BROKEN
from ssm_profile.cli.report import Items, Paragraph, Report, Table, code, count_of
from ssm_profile.cli.roles import NOT_FOR_EC2
from ssm_profile.risks import RISKS

from .configs import is_any_hidden, key_of, proposed_configs, replacements, uncertain
from .host_management import host_management_summary
from .instance_report import instance_summary, instance_tables
from .rows import Row, problems_of, roles_of, stale_of
from .use_report import narrower_configs, narrower_parts, use_summary, use_tables

_MOST_REASONS = 2
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
    configs = proposed_configs(roles)
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
        *instance_tables(roles, rows),
        *use_tables(roles),
        *replacements(configs, roles),
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
    yield from host_management_summary(roles)
    for word, verb, certain in (("Dangerous", "can", True), ("Possible danger", "may", False)):
        found = [[risk["summary"] for risk in row["risks"] if risk["certain"] is certain] for row in roles]
        if risky := Counter(summary for each in found for summary in each):
            named = [f"{risk.summary} ({risky[risk.summary]:,})" for risk in RISKS if risk.summary in risky]
            yield f"{word}: {count_of(sum(map(bool, found)), 'role')}. An instance {verb} {'; '.join(named)}."
    yield from _unknown(roles)
    deprecated = Counter(policy for row in roles for policy in row["deprecated"])
    if deprecated:
        yield f"Policies to replace: {', '.join(f'{code(policy)} ({n:,})' for policy, n in deprecated.most_common())}."
    if losing := sum(any(uncertain(row)) for row in roles):
        whose = count_of(losing, "role")
        where = "`leftOut` in `--json`" if is_any_hidden(roles) else "The list below a config"
        yield f"The configs leave out capabilities of {whose} that may work today. {where} says which."
    yield from use_summary(roles)
    yield from _unusable(roles)
    yield from instance_summary(roles, rows)
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
    if copies := Counter(copy for row in roles for copy in row["copies"]):
        named = ", ".join(f"{code(copy)} ({count_of(count, 'role')})" for copy, count in copies.most_common())
        yield (
            f"Read from copies in this command, because the input does not have their content: {named}. AWS may have "
            "newer versions."
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
        number, lost = str(configs[key_of(row["options"])]), len(list(uncertain(row)))
        yield f"{number}, leaves out {count_of(lost, 'capability')}" if lost else number


def _narrower(row: Row, narrower: dict[str, int]) -> Iterator[str]:
    if row["used"] and row["used"]["options"] is not None:
        yield f"{narrower[key_of(row['used']['options'])]}, without what is not used"
