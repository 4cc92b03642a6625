"""The report of a fleet: the summary, the roles, the stack config that replaces their policies, and the problems."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ssm_profile.cli.action_list import data_date
from ssm_profile.cli.audit import BROKEN, CLEAN, LEVELS, RISKY, WIDE
from ssm_profile.cli.report import Items, Paragraph, Report, Table, code, count_of
from ssm_profile.cli.roles import NOT_FOR_EC2
from ssm_profile.errors import document
from ssm_profile.risks import RISKS

from .configs import is_any_hidden, next_number, proposed_configs, replacements, uncertain
from .host_management import host_management_summary
from .instance_report import instance_summary, instance_tables
from .roles_table import roles_table, verdict_of
from .rows import Row, problems_of, roles_of, stale_of
from .use_report import narrower_configs, narrower_parts, use_summary, use_tables

LEVELS_TITLE = "Levels"
_MEANINGS = {
    BROKEN: "Systems Manager does not work, or no instance can use the role.",
    RISKY: "An instance can or may do something dangerous with the role.",
    WIDE: "The policies grant more than is needed, are to be replaced, or are not all known.",
    CLEAN: "The policies grant what is needed, and no more.",
}
"""The levels, and what each means."""

_NEXT_STEP = (
    "Next: write a config to the file of a stack, `Pulumi.<stack>.yaml`, and deploy it. Then move the instances to its "
    f"role. {document('adopting')} has the steps."
)
_FILTERED = "If the input was written with `--filter`, add `LocalManagedPolicy` and `AWSManagedPolicy` to it."
_MOST_NAMES = 3


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
    narrower = narrower_configs(roles, first=next_number(configs))
    return [
        Paragraph(_first_line(roles, counts)),
        *([Paragraph(counts.note)] if counts.note else []),
        *([Items(tuple(summary))] if (summary := list(_summary(roles, rows))) else []),
        Table(LEVELS_TITLE, ("Level", "Roles", "Meaning"), list(_levels(roles))),
        roles_table(roles, configs, narrower),
        *instance_tables(roles, rows),
        *use_tables(roles),
        *replacements(configs, roles),
        *narrower_parts(narrower, roles),
        *([Paragraph(_NEXT_STEP)] if configs else []),
        Table(
            "Entries of the baseline to remove",
            ("Role", "Finding", "Reason"),
            [(code(row["role"]), code(row["finding"]), row["reason"]) for row in stale_of(rows)],
        ),
        Table(
            "Problems",
            ("Source or role", "Reason"),
            [(code(row["place"]), row["reason"]) for row in problems_of(rows)],
        ),
    ]


def _first_line(roles: Sequence[Row], counts: Counts) -> str:
    accounts = {row["account"] for row in roles if row["account"]}
    distinct = counts.distinct
    policies = "" if distinct == len(roles) else f", with {count_of(distinct, 'different set')} of policies"
    are = count_of(len(roles), "role")
    if counts.others:
        verb = "is" if len(roles) == 1 else "are"
        are = f"{len(roles):,} of {count_of(len(roles) + counts.others, 'role')} {verb}"
    where = f" in {count_of(len(accounts), 'account')}" if accounts else ""
    if len(accounts) == 1:
        where = f" in account {accounts.pop()}"
    return f"{are} for EC2 instances{where}" + (f"{policies}." if roles else ".")


def _levels(roles: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    counts = Counter(row["level"] for row in roles)
    return ((level, f"{counts[level]:,}", _MEANINGS[level]) for level in LEVELS if counts[level])


def _summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    verdicts = Counter(verdict_of(row) for row in roles)
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
        where = (
            "`--html` and `leftOut` in `--json` name" if is_any_hidden(roles) else "The lists below the configs name"
        )
        yield f"The configs leave out capabilities that may work today, of {whose}. {where} them."
    yield from use_summary(roles, rows)
    yield from _unusable(roles)
    yield from instance_summary(roles, rows)
    yield from _baseline_summary(roles, rows)
    if roles:
        yield f"The numbers of actions are those of AWS's list of {data_date()}."
    if problems := sum(1 for _ in problems_of(rows)):
        yield f"Problems: {problems:,}. They are at the end, with what to do."


def _unusable(roles: Sequence[Row]) -> Iterator[str]:
    """Sentences on the roles that no instance can use."""
    if without := [row["role"] for row in roles if row["instanceProfiles"] == []]:
        yield (
            f"Without an instance profile, so that no instance can use it: {_named(without)}. Delete the role if "
            "nothing uses it, or add it to an instance profile."
        )
    if refused := [row["role"] for row in roles if NOT_FOR_EC2 in row["reasons"]]:
        yield (
            f"In an instance profile, but EC2 cannot assume it: {_named(refused)}. Let `ec2.amazonaws.com` assume the "
            "role in its trust policy, or remove it from the instance profile."
        )


def _named(names: Sequence[str]) -> str:
    """How many roles, and the first names."""
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"{count_of(len(names), 'role')} ({', '.join(map(code, names[:_MOST_NAMES]))}{more})"


def _baseline_summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    accepted = [len(row["accepted"]) for row in roles if row["accepted"]]
    if accepted:
        yield f"Accepted by the baseline: {count_of(sum(accepted), 'finding')} on {count_of(len(accepted), 'role')}."
    if stale := sum(1 for _ in stale_of(rows)):
        entries = count_of(stale, "entry")
        yield f"To remove from the baseline: {entries}. The reasons are at the end."


def _own_unread(row: Row) -> list[str]:
    """The policies whose content is not known, without the permissions boundary, which cannot hide a danger."""
    unread = list(row["unread"])
    if row["permissionsBoundary"] in unread:
        unread.remove(row["permissionsBoundary"])  # once: the same policy can be attached, too
    return unread


def _is_unread(row: Row, policy: str | None) -> bool:
    """Whether the input does not have the content of a policy."""
    return policy in row["unread"] and policy not in row["ambiguous"]


def _unknown(roles: Sequence[Row]) -> Iterator[str]:
    """What the input does not say."""
    if nameless := sum(row["account"] is None for row in roles):
        yield f"Account not known: {count_of(nameless, 'role')}, because the input does not have the ARN."
    if bounded := sum(_is_unread(row, row["permissionsBoundary"]) for row in roles):
        yield (
            f"Content not known: permissions boundaries of {count_of(bounded, 'role')}, which may take away some of "
            f"what is shown here. {_FILTERED}"
        )
    if unread := sum(any(_is_unread(row, each) for each in _own_unread(row)) for row in roles):
        yield (
            f"Content not known: policies of {count_of(unread, 'role')}, so that dangers may be missing here. "
            f"{_FILTERED}"
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
