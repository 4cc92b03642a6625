"""``audit``: whether a policy lets Systems Manager work, what it lacks, and what it should lose."""

from collections.abc import Iterable, Mapping
from typing import Any

from ssm_profile.catalogue import Grant
from ssm_profile.options import SSM_WIDE_POLICIES

from .compare import denials, folded
from .evaluator import Policy, Statement, covers
from .explain import DEFAULT_HOST_MANAGEMENT, EC2_ADVICE, NO_DEFAULT_HOST_MANAGEMENT
from .report import Paragraph, Report, Table
from .reverse_lookup import (
    FEATURES,
    Feature,
    actions_of,
    as_pattern,
    depends_on_options,
    options_of,
    refusal,
    serving,
    tight_templates,
    worth_proposing,
)
from .sources import same_aws_policy
from .stack_yaml import format_stack_config

WORKS, PARTLY, MISSING = "works", "partly", "missing"
NEEDED_FEATURES = ("messaging", "heartbeat")
"""Without these nothing else works either."""

_ARN_PARTS: tuple[str, ...] = ("arn", "partition", "service", "region", "account")


def audit(policy: Policy, attached: Iterable[str] = (), notes: Iterable[str] = ()) -> dict[str, Any]:
    """All that is said of a policy, as plain data; the names are those of ``--json``.

    Args:
        policy: What is granted, all policies of a role together.
        attached: The names of the managed policies that are attached to the role.
        notes: What else was noticed of the role.
    """
    verdicts = [_verdict(policy, feature) for feature in FEATURES]
    by_name = {verdict["feature"]: verdict["verdict"] for verdict in verdicts}
    granted = policy.actions()
    known = {action for feature in FEATURES for action in feature.actions()}
    same = same_aws_policy(policy.statements)
    names = dict.fromkeys([*attached, same.name] if same else attached)
    working = [feature for feature in FEATURES if by_name[feature.name] == WORKS]
    return {
        "name": policy.name,
        "works": all(by_name[name] == WORKS for name in NEEDED_FEATURES),
        "verdicts": verdicts,
        "unneeded": [row | {"why": _why_unneeded(row)} for row in folded(granted - known, policy)],
        "unscoped": _unscoped(policy),
        "deprecated": [{"policy": name, "why": SSM_WIDE_POLICIES[name]} for name in names if name in SSM_WIDE_POLICIES],
        "denials": denials(policy),
        "notes": list(notes),
        "defaultHostManagement": by_name["heartbeat"] != WORKS,
        "options": {
            **_ec2_options(by_name["ec2_describe"], granted),
            "scope_heartbeat": True,
            **options_of(worth_proposing(working), policy),
        },
    }


def is_clean(found: Mapping[str, Any]) -> bool:
    """Whether there is nothing to mend."""
    return found["works"] and not any(found[key] for key in ("unneeded", "unscoped", "deprecated", "notes"))


def report(found: Mapping[str, Any]) -> Report:
    """An audit for people."""
    yes = "Systems Manager works with it." if found["works"] else "Systems Manager does NOT work with it."
    return [
        Paragraph(f"{found['name']}: {yes}" + (" Nothing is to be mended." if is_clean(found) else "")),
        Table("Noticed", ("What",), [(note,) for note in found["notes"]]),
        Table(
            "Policies to replace",
            ("Policy", "Why"),
            [(f"`{row['policy']}`", row["why"]) for row in found["deprecated"]],
        ),
        Table(
            "Capabilities",
            ("Capability", "Verdict", "Missing"),
            [(f"`{row['feature']}`", row["verdict"], "\n".join(_missing(row))) for row in found["verdicts"]],
        ),
        Table(
            "Granted, and needed by no capability",
            ("Action", "Why not"),
            [(_label(row), row["why"]) for row in found["unneeded"]],
        ),
        Table(
            "Granted more widely than needed",
            ("Action", "Granted on", "Enough"),
            [(f"`{row['action']}`", f"`{row['on']}`", row["enough"]) for row in found["unscoped"]],
        ),
        Table(
            "Denied under a condition, which is not judged here",
            ("What and where",),
            [(f"`{text}`",) for text in found["denials"]],
        ),
        Paragraph(DEFAULT_HOST_MANAGEMENT if found["defaultHostManagement"] else NO_DEFAULT_HOST_MANAGEMENT),
        Paragraph("The options that replace it, for everything that works with it; leave out what you do not use:"),
        Paragraph(format_stack_config(found["options"]), is_code=True),
    ]


def _verdict(policy: Policy, feature: Feature) -> dict[str, Any]:
    """Whether a feature works: each of its actions on all of the resources that it needs."""
    missing: list[dict[str, Any]] = []
    count = 0
    for grant in feature.grants:
        patterns = [as_pattern(template) for template in tight_templates(feature, grant)]
        for action in actions_of(grant):
            count += 1
            if denied := [pattern for pattern in patterns if not serving(policy, grant, action, pattern)]:
                elsewhere = bool(policy.granting(action))
                missing.append(
                    {"action": action, "on": denied, "symptom": grant.symptom, "grantedElsewhere": elsewhere}
                )
    verdict = WORKS if not missing else MISSING if len(missing) == count else PARTLY
    return {"feature": feature.name, "option": feature.option, "verdict": verdict, "missing": missing}


def _missing(verdict: Mapping[str, Any]) -> list[str]:
    """What a feature lacks, a line each."""
    rows = verdict["missing"]
    if verdict["feature"] == "ec2_describe" and rows:
        return [f"{len(rows):,} of the actions of `ec2:Describe*`"]
    brief = verdict["verdict"] == MISSING and verdict["feature"] not in NEEDED_FEATURES
    return [
        f"`{row['action']}`"
        + (f" on {', '.join(f'`{pattern}`' for pattern in row['on'])}" if row["grantedElsewhere"] else "")
        + ("" if brief else f": {row['symptom']}")
        for row in rows
    ]


def _unscoped(policy: Policy) -> list[dict[str, str]]:
    """The grants on more resources than the catalogue has them on, each action and resource once."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for feature in FEATURES:
        for grant in feature.grants:
            if feature.name == "ec2_describe":
                enough = EC2_ADVICE
                if policy.granting("ec2:DescribeInstances") and policy.granting("ec2:DescribeVpcs"):
                    rows["ec2:Describe*", "*"] = {"action": "ec2:Describe*", "on": "*", "enough": enough}
                continue
            for statement in serving(policy, grant, grant.action):
                for resource in statement.scope():
                    if enough := _enough(feature, grant, resource, statement):
                        row = {"action": grant.action, "on": resource, "enough": enough}
                        rows.setdefault((grant.action, resource), row)
    return list(rows.values())


def _enough(feature: Feature, grant: Grant, resource: str, statement: Statement) -> str | None:
    """The narrower scope with which an action still does its work, if there is one."""
    templates = tight_templates(feature, grant)
    if templates == ("*",):
        keys = [f"`{key}`" for keys in grant.condition.values() for key in keys]
        return f"`*` under a condition on {', '.join(keys)}" if keys and not statement.condition else None
    own = dict(zip(_ARN_PARTS, resource.split(":"), strict=False))
    patterns = {template: as_pattern(template, own) for template in templates}
    if resource in patterns.values() and not any(map(depends_on_options, templates)):
        return None
    if any(statement.except_resources or covers(resource, pattern) for pattern in patterns.values()):
        return "\n".join(f"`{_readable(template, grant)}`" for template in templates)
    return None


def _readable(template: str, grant: Grant) -> str:
    text = template.replace("{each}", f"<{grant.each}>").replace("{", "<").replace("}", ">")
    return text.replace("[", ".").replace("]", "")


def _ec2_options(verdict: str, granted: set[str]) -> dict[str, Any]:
    if verdict == WORKS:
        return {}
    described = sorted(action.removeprefix("ec2:") for action in granted if action.startswith("ec2:Describe"))
    return {"ec2_describe_actions": described} if described else {"ec2_describe": False}


def _why_unneeded(row: Mapping[str, Any]) -> str:
    reasons = dict.fromkeys(refusal(action) for action in row["actions"])
    return next(iter(reasons)) or "" if len(reasons) == 1 else ""


def _label(row: Mapping[str, Any]) -> str:
    return f"`{row['action']}`" if row["of"] == 1 else f"`{row['action']}`\n{len(row['actions']):,} actions"
