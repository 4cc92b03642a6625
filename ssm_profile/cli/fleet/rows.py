"""The rows of a fleet as plain data. docs/fleet.schema.json describes the keys."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from ssm_profile.cli.audit import BROKEN, LEVELS
from ssm_profile.cli.roles import NO_PROFILE, NOT_FOR_EC2
from ssm_profile.options import OPTIONS
from ssm_profile.risks import RISKS

from .judgements import Judgement
from .members import Member, Problem

SCHEMA_VERSION = 1
"""The version of the rows. It changes when a key changes its meaning or goes."""

ROLE, PROBLEM = "role", "problem"
"""The kinds of rows."""

Row = Mapping[str, Any]

_BOUNDARY = "permissions_boundary_arn"
_SEVERITY = {risk.name: number for number, risk in enumerate(RISKS)}


def role_row(member: Member, judgement: Judgement) -> dict[str, Any]:
    """The row of a role."""
    profiles = member.found.instance_profiles
    notes = [
        *([NO_PROFILE] if profiles is not None and not profiles else []),
        *([] if member.is_for_ec2 else [NOT_FOR_EC2]),
    ]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": ROLE,
        "account": member.account or None,
        "role": member.name,
        "arn": member.arn or None,
        "instanceProfiles": None if profiles is None else list(profiles),
        "source": member.path,
        "level": BROKEN if notes else judgement.level,
        "systemsManager": judgement.systems_manager,
        "reasons": [*notes, *judgement.reasons],
        "risks": [{"risk": risk, "summary": summary, "certain": certain} for risk, summary, certain in judgement.risks],
        "deprecated": list(judgement.deprecated),
        "unread": list(judgement.unread),
        "permissionsBoundary": member.boundary_arn or None,
        "actions": None if judgement.unread else judgement.actions,
        "readActions": judgement.actions,
        "proposedActions": judgement.proposed_actions,
        "options": _options(member, judgement),
        "fillIn": list(judgement.fill_in),
        "leftOut": [
            {
                "capability": each.capability,
                "verdict": each.verdict,
                "reasons": [f"It works {one}." for one in each.reasons],
            }
            for each in judgement.left_out
        ],
        "capabilities": _capabilities(judgement.capabilities),
        "covered": [{"capability": name, "by": list(by)} for name, by in judgement.covered],
        "denies": list(judgement.denies),
    }


@cache
def _capabilities(verdicts: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """The capabilities with their verdicts: one list for all roles with the same ones, which saves memory."""
    return [{"capability": name, "verdict": verdict} for name, verdict in verdicts]


def _options(member: Member, judgement: Judgement) -> dict[str, Any] | None:
    """The options that replace the policies. The role keeps its permissions boundary."""
    if not judgement.options:
        return None
    pattern = OPTIONS[_BOUNDARY].pattern or ""
    boundary = {_BOUNDARY: member.boundary_arn} if re.fullmatch(pattern, member.boundary_arn) else {}
    return json.loads(judgement.options) | boundary


def problem_row(problem: Problem) -> dict[str, Any]:
    """The row of what could not be read or judged."""
    return {"schemaVersion": SCHEMA_VERSION, "kind": PROBLEM, "place": problem.place, "reason": problem.reason}


def fleet_rows(judged: Iterable[tuple[Member, Judgement]], problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """All rows: the roles with the worst first, and the problems after them.

    Args:
        judged: The roles with their judgements.
        problems: What could not be read. It is complete only when *judged* has been read to its end.
    """
    rows = list[dict[str, Any]]()
    refused = list[Problem]()
    for member, judgement in judged:
        if judgement.refusal:
            refused.append(Problem(member.arn or member.name, judgement.refusal))
        else:
            rows.append(role_row(member, judgement))
    rows.sort(key=_rank)
    return [*rows, *map(problem_row, [*problems, *refused])]


def roles_of(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of roles."""
    return (row for row in rows if row["kind"] == ROLE)


def problems_of(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of what could not be read or judged."""
    return (row for row in rows if row["kind"] == PROBLEM)


def _rank(row: Row) -> tuple[Any, ...]:
    """The place of a role: by its worst risk, then by its level."""
    certain = [_SEVERITY[risk["risk"]] for risk in row["risks"] if risk["certain"]]
    possible = [_SEVERITY[risk["risk"]] for risk in row["risks"] if not risk["certain"]]
    return (
        min(certain, default=len(RISKS)),
        min(possible, default=len(RISKS)),
        -len(row["risks"]),
        LEVELS.index(row["level"]),
        row["account"] or "",
        row["role"],
    )
