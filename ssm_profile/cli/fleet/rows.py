"""The rows of a fleet as plain data. docs/fleet.schema.json describes the keys."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ssm_profile.cli.audit import BROKEN, LEVELS, condition_rows, worst_with_trust
from ssm_profile.cli.audit_reasons import trust_conditions
from ssm_profile.cli.roles import NO_PROFILE, NOT_FOR_EC2, role_of
from ssm_profile.cli.trust_options import KeptTrust, kept_trust, with_trust
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.options import OPTIONS
from ssm_profile.risks import RISKS

from .host_management import decides, uses_host_management
from .judgements import Judgement
from .members import Member, Problem
from .used import Usage

SCHEMA_VERSION = 1
"""The version of the rows. It changes when a key changes its meaning or goes."""

ROLE, INSTANCE, PROBLEM, STALE = "role", "instance", "problem", "staleEntry"
"""The kinds of rows."""

Row = Mapping[str, Any]

_OF_POLICIES = (
    "reasons",
    "risks",
    "unneeded",
    "unscoped",
    "notKept",
    "conditionsNotKept",
    "addedActions",
    "capabilities",
    "deprecated",
    "unread",
    "ambiguous",
    "copies",
    "options",
    "fillIn",
    "leftOut",
    "covered",
    "additional",
    "denies",
    "trustNotKept",
)
"""The keys of a role whose values are lists and maps, and which roles with equal policies have in common."""

_BOUNDARY = "permissions_boundary_arn"
_SEVERITY = {risk.name: number for number, risk in enumerate(RISKS)}


def role_row(member: Member, judgement: Judgement, usage: Usage | None = None) -> dict[str, Any]:
    """The row of a role.

    Args:
        member: The role.
        judgement: The judgement on its policies.
        usage: Tells what the role uses. None if there is no evidence.
    """
    kept = kept_trust(member.found.trust) if member.found.trust else KeptTrust()
    options = _options(member, judgement, kept)
    proposal = judgement if judgement.is_replaced else Judgement()
    profiles = member.found.instance_profiles
    notes = [
        *([NO_PROFILE] if profiles is not None and not profiles else []),
        *([] if member.trust.is_for_ec2 else [NOT_FOR_EC2]),
    ]
    level = BROKEN if notes else judgement.level
    verdict = worst_with_trust(judgement.systems_manager, member.trust.reasons)
    reasons = [trust_conditions(condition_rows(member.trust.reasons)), judgement.reasons]
    if verdict not in (Verdict.WORKS.value, Verdict.WORKS_IF.value):
        reasons.reverse()  # what the policies lack counts more
    first, *others = [*notes, *reasons[0], *reasons[1]] or [""]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": ROLE,
        "account": member.account or None,
        "role": member.name,
        "arn": member.arn or None,
        "instanceProfiles": None if profiles is None else list(profiles),
        "source": member.path,
        "level": level,
        "openLevel": level,
        "accepted": [],
        "systemsManager": verdict,
        "reasons": [first, *decides(member, judgement), *others] if first else [],
        "defaultHostManagement": uses_host_management(member, judgement),
        "risks": [{"risk": risk, "summary": summary, "certain": certain} for risk, summary, certain in judgement.risks],
        "capabilities": [{"capability": name, "verdict": verdict} for name, verdict in judgement.capabilities],
        "tooWide": judgement.is_too_wide,
        "unneeded": [{"action": action, "count": count} for action, count in judgement.unneeded],
        "unscoped": [{"action": action, "resource": resource} for action, resource in judgement.unscoped],
        "notKept": list(proposal.not_kept),
        "conditionsNotKept": list(proposal.conditions),
        "addedActions": list(proposal.added),
        "deprecated": list(judgement.deprecated),
        "unread": list(judgement.unread),
        "ambiguous": list(judgement.ambiguous),
        "copies": list(judgement.copies),
        "permissionsBoundary": member.boundary_arn or None,
        "actions": None if judgement.unread else judgement.actions,
        "readActions": judgement.actions,
        "proposedActions": proposal.proposed_actions,
        "options": options if judgement.is_replaced else None,
        "fillIn": list(proposal.fill_in),
        "leftOut": [
            {"capability": each.capability, "verdict": each.verdict, "reasons": list(each.reasons)}
            for each in proposal.left_out
        ],
        "covered": [{"capability": name, "by": list(by)} for name, by in proposal.covered],
        "additional": [
            {"capability": each.capability, "action": each.action, "resources": list(each.resources)}
            for each in proposal.additional
        ],
        "denies": list(proposal.denies),
        "trustNotKept": list(kept.not_kept) if judgement.is_replaced else [],
        "lastUsed": member.facts.last_used.isoformat() if member.facts.last_used else None,
        "lastUsedRegion": member.facts.last_region,
        "lastUseKnown": member.facts.is_last_use_known,
        "instances": None,
        "used": usage.of(member, judgement, options) if usage else None,
    }


def _options(member: Member, judgement: Judgement, kept: KeptTrust) -> dict[str, Any] | None:
    """The options that grant what the policies grant to those who can assume the role, with its boundary."""
    if judgement.options is None:
        return None
    pattern = OPTIONS[_BOUNDARY].pattern or ""
    boundary = {_BOUNDARY: member.boundary_arn} if re.fullmatch(pattern, member.boundary_arn) else {}
    return with_trust(json.loads(judgement.options), kept, lambda: role_of(member.found)) | boundary


def problem_row(problem: Problem) -> dict[str, Any]:
    """The row of what could not be read or judged."""
    return {"schemaVersion": SCHEMA_VERSION, "kind": PROBLEM, "place": problem.place, "reason": problem.reason}


def fleet_rows(
    judged: Iterable[tuple[Member, Judgement]], problems: Iterable[Problem], usage: Usage | None = None
) -> list[dict[str, Any]]:
    """All rows: the roles with the worst first, and the problems after them.

    Args:
        judged: The roles with their judgements.
        problems: What could not be read. It is complete only when *judged* has been read to its end.
        usage: Tells what the roles use. None if there is no evidence.
    """
    rows = list[dict[str, Any]]()
    kept = dict[str, Any]()
    refused = list[Problem]()
    for member, judgement in judged:
        if judgement.refusal:
            refused.append(Problem(member.arn or member.name, judgement.refusal))
        else:
            rows.append(_with_kept(role_row(member, judgement, usage), kept))
    rows.sort(key=_rank)
    return [*rows, *map(problem_row, [*problems, *refused])]


def _with_kept(row: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """A row with the values of earlier rows where they are equal, so that 100,000 rows take little memory.

    Args:
        row: The row.
        kept: The values of earlier rows, by their JSON. New ones are added.
    """
    return row | {key: kept.setdefault(json.dumps(row[key]), row[key]) for key in _OF_POLICIES}


def is_at(row: Row, level: str) -> bool:
    """Whether a role is at a level or at a worse one, without the findings that are accepted."""
    return LEVELS.index(row["openLevel"]) <= LEVELS.index(level)


def roles_of(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of roles."""
    return (row for row in rows if row["kind"] == ROLE)


def problems_of(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of what could not be read or judged."""
    return (row for row in rows if row["kind"] == PROBLEM)


def instances_of(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of instances without a role."""
    return (row for row in rows if row["kind"] == INSTANCE)


def stale_of(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of entries of the baseline that no longer accept anything."""
    return (row for row in rows if row["kind"] == STALE)


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
