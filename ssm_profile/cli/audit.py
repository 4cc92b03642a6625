"""``audit``: whether Systems Manager works with a policy, and which permissions the policy lacks or should lose."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from string import Formatter
from typing import Any

from ssm_profile.catalogue import EXPLICIT_DENIES, Grant
from ssm_profile.errors import TooComplexError
from ssm_profile.iam.documents import Statement, describe_statement
from ssm_profile.iam.evaluator import Kind, Need, Outcome, Policy, Reason
from ssm_profile.iam.patterns import arn_glob, covers
from ssm_profile.options import SSM_WIDE_POLICIES
from ssm_profile.policy import PARAMETER_OWNER

from .action_list import data_date
from .granted import granted_actions, granted_by, group_actions
from .judge import Judge
from .own_actions import own_actions
from .reverse_lookup import FEATURES, Feature, covered_features, options_of, refusal, tight_templates, useful_features
from .risk_verdicts import RiskVerdict, risk_verdicts
from .roles import Role
from .sources import same_aws_policy
from .templates import as_pattern, depends_on_options, path_of
from .trust_options import KeptTrust, kept_trust, with_trust
from .verdicts import FeatureVerdict, Row, Verdict, known_values, partition_of_policy, rank

SCHEMA_VERSION = 1
"""The version of the JSON. It changes when a key changes its meaning or goes."""

BROKEN, RISKY, WIDE, CLEAN = LEVELS = ("broken", "risky", "wide", "clean")
"""The levels of an audit, the worst first."""

REQUIRED_FEATURES = ("messaging", "heartbeat")
"""The features that every other feature requires."""

NOT_LIFTED_BY_OPTIONS = (Kind.EXPLICIT_DENY, Kind.BOUNDARY)
"""The kinds of reasons that no further Allow statement changes."""

_DEFAULT_HOST_MANAGEMENT = {Verdict.WORKS: False, Verdict.WORKS_IF: None}
"""Whether Default Host Management applies, by the verdict on the heartbeat. None where this is not known."""

_ARN_PARTS: tuple[str, ...] = ("arn", "partition", "service", "region", "account")


def audit_role(role: Role) -> dict[str, Any]:
    """The audit of a role, or of policies without one, as plain data. docs/audit.schema.json describes the keys."""
    policy = role.policy
    judge = Judge(policy, partition_of_policy(policy, role.arn), role.arn)
    verdicts = {each.feature.name: each for each in judge.verdicts()}
    allowing = judge.without_uncertain_denies(verdicts.values())
    allowed = verdicts if allowing is judge else {each.feature.name: each for each in allowing.verdicts()}
    # A part of a capability is found only without these statements, and with them no more than that part works.
    verdicts = {name: max(each, allowed[name], key=rank) for name, each in verdicts.items()}
    required = [verdicts[name] for name in REQUIRED_FEATURES]
    granted = granted_actions(policy)
    needed = {action for feature in FEATURES for action in feature.actions()}
    aws_policy = same_aws_policy(policy.statements)
    names = dict.fromkeys([*role.attached, aws_policy.name] if aws_policy else role.attached)
    limited = _is_limited(required)
    options, covered = ({}, []) if limited else _replacement(allowing, allowed, granted)
    kept = kept_trust(role.trust_policy) if role.trust_policy else KeptTrust()
    audit: dict[str, Any] = {
        "name": policy.name,
        "level": CLEAN,
        "systemsManager": worst_with_trust(_worst(required).value, role.trust),
        "notes": list(role.notes),
        "trust": condition_rows(role.trust),
        "boundary": policy.boundary_name or None,
        "unread": [*policy.unread, *([policy.unread_boundary] if policy.unread_boundary else [])],
        "ambiguous": list(role.ambiguous),
        "unknownValues": list(role.unknown_values),
        "copies": [*role.copies, f"AWS's actions as of {data_date()}"],
        "risks": [_risk(each) for each in risk_verdicts(judge, role.policy_arns)],
        "capabilities": [
            _capability(each, allowed[name]) | {"ownActions": _own_actions(each, allowed.values(), options)}
            for name, each in verdicts.items()
        ],
        "unneeded": [
            {"action": group["action"], "actions": group["actions"], "of": group["of"], "why": _why(group)}
            for group in group_actions(granted - needed, policy)
        ],
        "unscoped": _unscoped(policy, [each.feature for each in allowed.values() if each.verdict is Verdict.WORKS]),
        "deprecated": [{"policy": name, "why": SSM_WIDE_POLICIES[name]} for name in names if name in SSM_WIDE_POLICIES],
        "denies": [
            *(_deny(each, of_boundary=False) for each in policy.own_denies()),
            *(_deny(each, of_boundary=True) for each in policy.boundary_denies()),
        ],
        "defaultHostManagement": _uses_host_management(verdicts["heartbeat"].verdict, role),
        "options": None if limited else with_trust(options | _deny_options(policy), kept, lambda: role),
        "covered": covered,
        "trustNotKept": [] if limited else list(kept.not_kept),
        "notKept": [] if limited else sorted(granted & needed - granted_by(options)),
    }
    return audit | {"level": _level(audit)}


def worst_with_trust(verdict: str, trust: Collection[Reason]) -> str:
    """The verdict on Systems Manager, given what it depends on whether EC2 can assume the role."""
    return Verdict.WORKS_IF.value if trust and verdict == Verdict.WORKS.value else verdict


def _uses_host_management(heartbeat: Verdict, role: Role) -> bool | None:
    """Whether Default Host Management applies. None where this is not known."""
    uses = _DEFAULT_HOST_MANAGEMENT.get(heartbeat, True)
    # The agent also uses it if EC2 cannot assume the role.
    return None if role.trust and uses is False else uses


def has_level(audit: Mapping[str, Any], level: str) -> bool:
    """Whether an audit is at a level or at a worse one."""
    return LEVELS.index(audit["level"]) <= LEVELS.index(level)


def _level(audit: Mapping[str, Any]) -> str:
    if audit["systemsManager"] in (Verdict.PARTLY.value, Verdict.MISSING.value) or audit["notes"]:
        return BROKEN
    if audit["risks"]:
        return RISKY
    is_wide = audit["unneeded"] or audit["unscoped"] or audit["deprecated"] or audit["unread"]
    return WIDE if is_wide else CLEAN


def _worst(verdicts: Iterable[FeatureVerdict]) -> Verdict:
    return max(verdicts, key=rank).verdict


def _is_limited(verdicts: Iterable[FeatureVerdict]) -> bool:
    """Whether a Deny or a permissions boundary keeps a feature from working, so that further grants cannot help."""
    return any(
        reason.kind in NOT_LIFTED_BY_OPTIONS
        for each in verdicts
        for row in each.missing
        for reason in row.decision.reasons
    )


def _capability(verdict: FeatureVerdict, allowed: FeatureVerdict) -> dict[str, Any]:
    """A capability.

    Args:
        verdict: The verdict on it.
        allowed: The verdict for the policy without the statements that deny if something unknown holds.
    """
    return {
        "capability": verdict.feature.name,
        "option": verdict.feature.option,
        "verdict": verdict.verdict.value,
        "requires": verdict.requires,
        "dependsOn": condition_rows(verdict.reasons) if verdict.verdict is Verdict.WORKS_IF else [],
        "missing": [_missing(row) for row in verdict.missing],
        "additional": [
            {"action": each.action, "resources": list(each.resources)}
            for each in (allowed.additions if allowed.verdict is Verdict.WORKS and allowed.feature.option else ())
        ],
    }


def _own_actions(verdict: FeatureVerdict, allowed: Iterable[FeatureVerdict], options: Mapping[str, Any]) -> list[str]:
    """For a capability that is granted in part, the actions that show that the role uses it."""
    if verdict.verdict is not Verdict.PARTLY:
        return []
    described = (f"ec2:{each}" for each in options.get("ec2_describe_actions", ()))
    return own_actions(verdict, (each for each in allowed if each.verdict is Verdict.WORKS), described)


def _missing(row: Row) -> dict[str, Any]:
    return {
        "action": row.action,
        "resources": list(row.resources),
        "symptom": row.grant.symptom,
        "reasons": [_reason(reason) for reason in row.decision.reasons],
    }


def condition_rows(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """What something depends on, as plain data. Of the reasons with the same number, one is enough."""
    groups = dict[Any, dict[Reason, None]]()
    for each in reasons:
        alone = replace(each, alternatives=())
        groups.setdefault(each.alternatives or alone, {})[alone] = None
    # Where one reason is needed anyway, nothing depends on its alternatives.
    kept = [each for each in groups.values() if not any(other.keys() < each.keys() for other in groups.values())]
    return [{**_reason(each), "group": number} for number, group in enumerate(kept, 1) for each in group]


def _reason(reason: Reason) -> dict[str, Any]:
    """A reason as plain data."""
    place: dict[str, Any] = {"policy": reason.boundary or None, "statement": None, "sid": None}
    location = _location(reason.statement) if reason.statement else place
    return {"kind": reason.kind.value, **location, "dependsOn": reason.depends_on or None}


def _deny(statement: Statement, *, of_boundary: bool) -> dict[str, Any]:
    text, option = describe_statement(statement), _deny_option(statement)
    return {**_location(statement), "text": text, "option": option, "boundary": of_boundary}


def _deny_option(statement: Statement) -> str | None:
    """The option that adds a statement that denies."""
    return next((deny.name for deny in EXPLICIT_DENIES if _is_deny(statement, deny.condition)), None)


def _location(statement: Statement) -> dict[str, Any]:
    return {"policy": statement.policy, "statement": statement.number or None, "sid": statement.sid or None}


def _risk(verdict: RiskVerdict) -> dict[str, Any]:
    return {
        "risk": verdict.risk.name,
        "summary": verdict.risk.summary,
        "certain": verdict.is_certain,
        "actions": [each[0] for each in verdict.actions if len(each) == 1],
        "combinations": [list(each) for each in verdict.actions if len(each) > 1],
        "dependsOn": [_reason(reason) for reason in verdict.reasons],
        "sources": list(verdict.risk.sources),
    }


def _replacement(
    judge: Judge, verdicts: Mapping[str, FeatureVerdict], granted: frozenset[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The options that grant every feature that works, and the features among these that need no option of their own.

    The options grant nothing that the policy does not grant.
    """
    working = [each for each in verdicts.values() if each.verdict is Verdict.WORKS]
    known = known_values(working)
    features = useful_features((each.feature for each in working), known)
    granted_by_features = {action for feature in features for action in feature.actions()}
    options = {
        **_ec2_options(verdicts["ec2_describe"].verdict, granted - granted_by_features, judge),
        "scope_heartbeat": True,
        **options_of(features, known),
    }
    return options, covered_features([each.feature for each in working], features, known)


def _deny_options(policy: Policy) -> dict[str, Any]:
    """The options that add the statements that deny, without those of the boundary, which the role keeps."""
    return {option: True for each in policy.own_denies() if (option := _deny_option(each))}


def _is_deny(statement: Statement, condition: Mapping[str, Any]) -> bool:
    """Whether a statement denies everything under a condition, in any form in which IAM accepts the condition."""
    everything = statement.is_everywhere() and statement.actions == ("*",) and not statement.except_actions
    return everything and _normalized(statement.condition) == _normalized(condition)


def _normalized(condition: Any) -> Any:
    """A condition with the names of operators and keys in lower case, and each value in a list of strings."""
    if not isinstance(condition, Mapping):
        return condition
    return {
        str(operator).lower(): {str(key).lower(): _texts(values) for key, values in keys.items()}
        if isinstance(keys, Mapping)
        else keys
        for operator, keys in condition.items()
    }


def _texts(values: Any) -> list[str]:
    listed = values if isinstance(values, list | tuple) else [values]
    return sorted(str(float(text)) if re.fullmatch(r"\d+(\.\d+)?", text := str(each)) else text for each in listed)


def _unscoped(policy: Policy, working: Collection[Feature]) -> list[dict[str, Any]]:
    """The permissions on more resources than the features need, each action and resource once.

    Args:
        policy: The policy.
        working: The features that work with it. They decide which resources are sufficient where one needs the action.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    of_working = set[tuple[str, str]]()
    for feature in sorted(FEATURES, key=lambda feature: feature not in working):
        for grant in feature.grants:
            if feature.name == "ec2_describe":
                if policy.allowing("ec2:DescribeInstances") and policy.allowing("ec2:DescribeVpcs"):
                    rows["ec2:Describe*", "*"] = _scope_row("ec2:Describe*", "*", [], [])
                continue
            for statement in policy.allowing(grant.action):
                for resource in statement.scope():
                    sufficient, keys = _sufficient(feature, grant, resource, statement)
                    place = (grant.action, resource)
                    if not sufficient or (feature not in working and place in of_working):
                        continue
                    if feature in working:
                        of_working.add(place)
                    row = rows.setdefault(place, _scope_row(*place, [], []))
                    row["sufficient"] += [each for each in sufficient if each not in row["sufficient"]]
                    row["conditionKeys"] += [each for each in keys if each not in row["conditionKeys"]]
    return list(rows.values())


def _scope_row(action: str, resource: str, sufficient: list[str], keys: list[str]) -> dict[str, Any]:
    return {"action": action, "resource": resource, "sufficient": sufficient, "conditionKeys": keys}


def _sufficient(feature: Feature, grant: Grant, resource: str, statement: Statement) -> tuple[list[str], list[str]]:
    """The narrower resources, or the condition keys, that are sufficient for an action. Empty if there are none."""
    templates = tight_templates(feature, grant)
    if templates == ("*",):
        keys = [key for keys in grant.condition.values() for key in keys]
        return (["*"], keys) if keys and not statement.condition else ([], [])
    own = dict(zip(_ARN_PARTS, resource.split(":"), strict=False))
    patterns = [as_pattern(template, own) for template in templates]
    if resource in patterns and not any(map(depends_on_options, templates)):
        return [], []
    if statement.except_resources or any(_covers(resource, pattern) for pattern in patterns):
        return [_readable(template, grant) for template in (grant.resources if grant.sufficient else templates)], []
    return [], []


def _covers(resource: str, pattern: str) -> bool:
    try:
        return covers(arn_glob(resource), arn_glob(pattern))
    except TooComplexError:
        return False


def _readable(template: str, grant: Grant) -> str:
    """A template with the names of its fields, such as ``<parameters.paths>``."""
    return "".join(
        literal + (f"<{'account' if field == PARAMETER_OWNER else path_of(field, grant.each or '')}>" if field else "")
        for literal, field, _, _ in Formatter().parse(template)
    )


def _ec2_options(verdict: Verdict, granted: frozenset[str], judge: Judge) -> dict[str, Any]:
    if verdict is Verdict.WORKS:
        return {"ec2_describe": True}
    described = sorted(_allowed_describe_actions(granted, judge))
    return {"ec2_describe_actions": described} if described else {"ec2_describe": False}


def _allowed_describe_actions(granted: frozenset[str], judge: Judge) -> Iterator[str]:
    for action in granted:
        if action.startswith("ec2:Describe") and judge.decide(action, Need(("*",))).outcome is Outcome.ALLOWED:
            yield action.removeprefix("ec2:")


def _why(group: Mapping[str, Any]) -> str | None:
    """Why no option grants the actions of a group. None if this is not known or if they have different reasons."""
    reasons = {refusal(action) for action in group["actions"]}
    return reasons.pop() if len(reasons) == 1 else None
