"""The report of a fleet: the summary, the roles, the stack config that replaces their policies, and the problems."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ssm_profile.cli.audit import BROKEN
from ssm_profile.cli.report import CodeBlock, Items, Paragraph, Part, Report, Table, code
from ssm_profile.cli.stack_yaml import format_stack_config
from ssm_profile.cli.verdicts import Verdict

from .rows import Row, problems_of, roles_of

_MOST_RISKS = 3


def format_fleet(rows: Sequence[Row], distinct: int) -> Report:
    """The report.

    Args:
        rows: The rows.
        distinct: How many distinct policies the roles have.
    """
    roles = list(roles_of(rows))
    configs = _configs(roles)
    return [
        Paragraph(_first_line(roles, distinct)),
        *([Items(tuple(summary))] if (summary := list(_summary(roles, rows))) else []),
        Table(
            "Roles",
            ("Role", "Account", "Systems Manager", "An instance can", "Actions", "Proposed", "Config"),
            [_role(row, configs) for row in roles],
        ),
        *_replacements(configs, roles),
        Table(
            "Not judged",
            ("Source or role", "Reason"),
            [(code(row["place"]), row["reason"]) for row in problems_of(rows)],
        ),
    ]


def _first_line(roles: Sequence[Row], distinct: int) -> str:
    accounts = {row["account"] for row in roles}
    policies = "" if distinct == len(roles) else f", with {_count(distinct, 'distinct set')} of policies"
    return f"{_count(len(roles), 'role')} for EC2 instances in {_count(len(accounts), 'account')}{policies}."


def _summary(roles: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    verdicts = Counter(_verdict(row) for row in roles)
    words = {"works": "works with", "works if": "may work with", "broken": "does not work with"}
    if roles:
        counts = [f"{word} {verdicts[verdict]:,}" for verdict, word in words.items() if verdicts[verdict]]
        yield f"Systems Manager {', '.join(counts)}."
    risky = Counter(risk["summary"] for row in roles for risk in row["risks"] if risk["certain"])
    if risky:
        named = [f"{summary} ({count:,})" for summary, count in risky.most_common(_MOST_RISKS)]
        more = f"; and {len(risky) - _MOST_RISKS} more" if len(risky) > _MOST_RISKS else ""
        count = sum(any(risk["certain"] for risk in row["risks"]) for row in roles)
        yield f"Dangerous: {_count(count, 'role')}. An instance can {'; '.join(named)}{more}."
    deprecated = Counter(policy for row in roles for policy in row["deprecated"])
    if deprecated:
        yield f"Policies to replace: {', '.join(f'{code(policy)} ({n:,})' for policy, n in deprecated.most_common())}."
    if without := sum(row["instanceProfiles"] == [] for row in roles):
        yield f"Without an instance profile, so that no instance can use it: {_count(without, 'role')}."
    if problems := sum(1 for _ in problems_of(rows)):
        yield f"Not judged: {problems:,}. The reasons are at the end."


def _verdict(row: Row) -> str:
    if row["level"] == BROKEN:
        return BROKEN
    return row["systemsManager"]


def _role(row: Row, configs: dict[str, int]) -> tuple[str, ...]:
    verdict = _verdict(row)
    reasons = [reason.removeprefix("It works ") for reason in row["reasons"]]
    words = {BROKEN: "does not work: ", Verdict.WORKS_IF.value: "works "}
    certain = [risk["summary"] for risk in row["risks"] if risk["certain"]]
    possible = [f"{risk['summary']} (possibly)" for risk in row["risks"] if not risk["certain"]]
    return (
        code(row["role"]),
        row["account"] or "",
        words.get(verdict, verdict) + (reasons[0] if reasons else ""),
        "\n".join([*certain, *possible]),
        f"{row['actions']:,}",
        "" if row["proposedActions"] is None else f"{row['proposedActions']:,}",
        "" if row["options"] is None else str(configs[_key(row["options"])]),
    )


def _configs(roles: Sequence[Row]) -> dict[str, int]:
    """The distinct proposals with their numbers, the most frequent first."""
    counts = Counter(_key(row["options"]) for row in roles if row["options"] is not None)
    return {key: number for number, (key, _) in enumerate(counts.most_common(), 1)}


def _replacements(configs: dict[str, int], roles: Sequence[Row]) -> Iterator[Part]:
    if not configs:
        return
    counts = Counter(_key(row["options"]) for row in roles if row["options"] is not None)
    yield Paragraph(
        "These options replace the policies and keep every capability that works with them. Keep the permissions that "
        "your software needs in a policy of their own. `ssm-profile audit` explains a single role."
    )
    for key, number in configs.items():
        yield Paragraph(f"Config {number}, for {_count(counts[key], 'role')}:")
        yield CodeBlock(format_stack_config(json.loads(key)))


def _key(options: Any) -> str:
    return json.dumps(options)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
