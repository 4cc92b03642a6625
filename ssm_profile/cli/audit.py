"""``audit``: whether Systems Manager works with a policy, and which permissions the policy lacks or should lose."""

from collections.abc import Iterable, Mapping
from typing import Any

from ssm_profile.catalogue import (
    DEFAULT_HOST_MANAGEMENT,
    EC2_ADVICE,
    NO_DEFAULT_HOST_MANAGEMENT,
    NOT_NEEDED,
    Grant,
)
from ssm_profile.options import SSM_WIDE_POLICIES

from .evaluator import Policy, Statement, covers, describe_conditional_denies, group_actions
from .report import CodeBlock, Paragraph, Report, Table, action_cell, code, code_lines
from .reverse_lookup import (
    FEATURES,
    Feature,
    actions_of,
    as_pattern,
    depends_on_options,
    options_of,
    refusal,
    statements_for,
    tight_templates,
    useful_features,
)
from .sources import same_aws_policy
from .stack_yaml import format_stack_config

WORKS, PARTLY, MISSING = "works", "partly", "missing"
REQUIRED_FEATURES = ("messaging", "heartbeat")
"""The features that every other feature requires."""

_ARN_PARTS: tuple[str, ...] = ("arn", "partition", "service", "region", "account")


def audit_policy(policy: Policy, attached: Iterable[str] = (), notes: Iterable[str] = ()) -> dict[str, Any]:
    """The audit of a policy, as plain data. The keys are those of ``--json``.

    Args:
        policy: The policy, or all policies of a role together.
        attached: The names of the AWS managed policies that are attached to the role.
        notes: Problems of the role itself.
    """
    verdicts = [_verdict(policy, feature) for feature in FEATURES]
    by_name = {verdict["feature"]: verdict["verdict"] for verdict in verdicts}
    granted = policy.actions()
    needed = {action for feature in FEATURES for action in feature.actions()}
    aws_policy = same_aws_policy(policy.statements)
    names = dict.fromkeys([*attached, aws_policy.name] if aws_policy else attached)
    working = [feature for feature in FEATURES if by_name[feature.name] == WORKS]
    return {
        "name": policy.name,
        "works": all(by_name[name] == WORKS for name in REQUIRED_FEATURES),
        "verdicts": verdicts,
        "unneeded": [group | {"why": _reason(group)} for group in group_actions(granted - needed, policy)],
        "unscoped": _unscoped(policy),
        "deprecated": [{"policy": name, "why": SSM_WIDE_POLICIES[name]} for name in names if name in SSM_WIDE_POLICIES],
        "denials": describe_conditional_denies(policy),
        "notes": list(notes),
        "defaultHostManagement": by_name["heartbeat"] != WORKS,
        "options": {
            **_ec2_options(by_name["ec2_describe"], granted),
            "scope_heartbeat": True,
            **options_of(useful_features(working), policy),
        },
    }


def is_clean(audit: Mapping[str, Any]) -> bool:
    """Whether there is nothing to fix."""
    return audit["works"] and not any(audit[key] for key in ("unneeded", "unscoped", "deprecated", "notes"))


def format_audit(audit: Mapping[str, Any]) -> Report:
    """The report of :func:`audit_policy`."""
    works = "works" if audit["works"] else "does NOT work"
    return [
        Paragraph(
            f"Systems Manager {works} with {code(audit['name'])}."
            + (" There is nothing to fix." if is_clean(audit) else "")
        ),
        Table("Problems of the role", ("Problem",), [(note,) for note in audit["notes"]]),
        Table(
            "Policies to replace",
            ("Policy", "Reason"),
            [(code(row["policy"]), row["why"]) for row in audit["deprecated"]],
        ),
        Table(
            "Capabilities",
            ("Capability", "Verdict", "Missing permissions"),
            [(code(row["feature"]), row["verdict"], "\n".join(_missing(row))) for row in audit["verdicts"]],
        ),
        Table(
            "Permissions that no capability needs",
            ("Action", "Reason"),
            [(action_cell(row), row["why"] or NOT_NEEDED) for row in audit["unneeded"]],
        ),
        Table(
            "Permissions on more resources than needed",
            ("Action", "Granted resource", "Sufficient scope"),
            [(code(row["action"]), code(row["on"]), row["enough"]) for row in audit["unscoped"]],
        ),
        Table(
            "Conditional denies, which the audit does not judge",
            ("Statement",),
            [(code(statement),) for statement in audit["denials"]],
        ),
        Paragraph(DEFAULT_HOST_MANAGEMENT if audit["defaultHostManagement"] else NO_DEFAULT_HOST_MANAGEMENT),
        Paragraph(
            "These options replace the policy and keep every capability that works with it. "
            "Leave out those that you do not use:"
        ),
        CodeBlock(format_stack_config(audit["options"])),
    ]


def _verdict(policy: Policy, feature: Feature) -> dict[str, Any]:
    """The verdict on a feature, which works if each of its actions is granted on all resources that it needs."""
    missing: list[dict[str, Any]] = []
    count = 0
    for grant in feature.grants:
        patterns = [as_pattern(template) for template in tight_templates(feature, grant)]
        for action in actions_of(grant):
            count += 1
            if lacking := [pattern for pattern in patterns if not statements_for(policy, grant, action, pattern)]:
                elsewhere = bool(policy.granting(action))
                missing.append(
                    {"action": action, "on": lacking, "symptom": grant.symptom, "grantedElsewhere": elsewhere}
                )
    verdict = WORKS if not missing else MISSING if len(missing) == count else PARTLY
    return {"feature": feature.name, "option": feature.option, "verdict": verdict, "missing": missing}


def _missing(verdict: Mapping[str, Any]) -> list[str]:
    """The permissions that a feature lacks, a line for each."""
    rows = verdict["missing"]
    if verdict["feature"] == "ec2_describe" and rows:
        return [f"{len(rows):,} of the actions of `ec2:Describe*`"]
    # Nobody waits for a feature of which the policy grants nothing, unless every other feature requires it.
    brief = verdict["verdict"] == MISSING and verdict["feature"] not in REQUIRED_FEATURES
    return [
        code(row["action"])
        + (f" on {', '.join(map(code, row['on']))}" if row["grantedElsewhere"] else "")
        + ("" if brief else f": {row['symptom']}")
        for row in rows
    ]


def _unscoped(policy: Policy) -> list[dict[str, str]]:
    """The permissions on more resources than the feature needs, each action and resource once."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for feature in FEATURES:
        for grant in feature.grants:
            if feature.name == "ec2_describe":
                enough = EC2_ADVICE
                if policy.granting("ec2:DescribeInstances") and policy.granting("ec2:DescribeVpcs"):
                    rows["ec2:Describe*", "*"] = {"action": "ec2:Describe*", "on": "*", "enough": enough}
                continue
            for statement in statements_for(policy, grant, grant.action):
                for resource in statement.scope():
                    if enough := _enough(feature, grant, resource, statement):
                        row = {"action": grant.action, "on": resource, "enough": enough}
                        rows.setdefault((grant.action, resource), row)
    return list(rows.values())


def _enough(feature: Feature, grant: Grant, resource: str, statement: Statement) -> str | None:
    """The narrower scope that is sufficient for an action, if there is one."""
    templates = tight_templates(feature, grant)
    if templates == ("*",):
        keys = [code(key) for keys in grant.condition.values() for key in keys]
        return f"`*` with a condition on {', '.join(keys)}" if keys and not statement.condition else None
    own = dict(zip(_ARN_PARTS, resource.split(":"), strict=False))
    patterns = {template: as_pattern(template, own) for template in templates}
    if resource in patterns.values() and not any(map(depends_on_options, templates)):
        return None
    if any(statement.except_resources or covers(resource, pattern) for pattern in patterns.values()):
        return code_lines([_readable(template, grant) for template in templates])
    return None


def _readable(template: str, grant: Grant) -> str:
    """A template with the names of its fields, such as ``<parameters.paths>``."""
    text = template.replace("{each}", f"<{grant.each}>").replace("{", "<").replace("}", ">")
    return text.replace("[", ".").replace("]", "")


def _ec2_options(verdict: str, granted: set[str]) -> dict[str, Any]:
    if verdict == WORKS:
        return {}
    described = sorted(action.removeprefix("ec2:") for action in granted if action.startswith("ec2:Describe"))
    return {"ec2_describe_actions": described} if described else {"ec2_describe": False}


def _reason(group: Mapping[str, Any]) -> str:
    """Why no option grants the actions of a group; empty if this is not known or if they have different reasons."""
    reasons = {refusal(action) for action in group["actions"]}
    return (reasons.pop() or "") if len(reasons) == 1 else ""
