"""The data of ``diagnose --json``, which docs/diagnose.schema.json describes. The report is made from it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ssm_profile.errors import document

from .checks import Check, Result
from .facts import Facts, Instance, Profile, Registration, Unread
from .identity import (
    Audit,
    audit_of,
    caller_role,
    control_policies_check,
    host_management_check,
    policies_check,
    profile_check,
    trust_check,
    uses_host_management,
)
from .instances import (
    AGENT_WITH_DIAGNOSTICS,
    ENDED,
    channel_checks,
    has_ec2messages,
    is_off,
    is_young,
    metadata_check,
    ping_check,
    started,
    state_check,
    version_check,
    version_of,
)
from .network import network_checks

SCHEMA_VERSION = 1
"""The version of the data of ``--json``. It changes when a key is removed or changes its meaning."""

_PERMISSIONS = f'"Permissions of `diagnose`" in {document("diagnose")}'
_MOST_PERMISSIONS = 3
"""How many missing permissions are named."""

_RUNBOOK = (
    "aws ssm start-automation-execution --document-name AWSSupport-TroubleshootManagedInstance "
    "--parameters InstanceId={instance} --region {region}"
)
_ON_INSTANCE = (
    "On the instance, run `sudo ssm-cli get-diagnostics > diagnostics.json`, and pass the file with `--log`. With "
    "Ubuntu's snap, run `sudo /snap/bin/amazon-ssm-agent.ssm-cli get-diagnostics > diagnostics.json`. On "
    'Windows, run `& "C:\\Program Files\\Amazon\\SSM\\ssm-cli.exe" get-diagnostics > diagnostics.json` in PowerShell '
    "as an administrator. The log of the agent can be passed as well."
)
_BEYOND = (
    "This command does not check network ACLs, VPC Block Public Access, firewalls, DNS servers, proxies, the settings "
    "of the agent and the operating system. AWS's runbook AWSSupport-TroubleshootManagedInstance checks more."
)
GENERAL_ADVICE = (_ON_INSTANCE, _BEYOND)
"""What to do about every instance that has a problem, besides its own steps."""


def diagnose(facts: Facts) -> dict[str, Any]:
    """The diagnosis of an instance, as plain data. Sentences are Markdown.

    Args:
        facts: What is known of the instance.
    """
    checks = _checks(facts)
    registration = facts.registration
    managed = None if isinstance(registration, Unread) else bool(registration and registration.is_online)
    wrong = [each for each in checks if each.result is Result.WRONG]
    is_new = is_young(facts) and not wrong
    unsolved = not (_has_ended(facts) or is_new) and (managed is not True or bool(wrong))
    instance = facts.instance if isinstance(facts.instance, Instance) else None
    return {
        "instance": facts.instance_id,
        "account": (instance.account or None) if instance else None,
        "region": facts.region,
        "instanceProfile": instance.profile_arn if instance else None,
        "role": facts.profile.role_arn if isinstance(facts.profile, Profile) else None,
        "securityGroups": list(instance.groups) if instance else [],
        "managed": managed,
        "pingStatus": registration.status if isinstance(registration, Registration) else None,
        "answer": _answer(facts, managed, checks),
        "causes": [each.cause for each in wrong if each.cause],
        "checks": [check_data(each) for each in checks],
        "next": [*_next(checks), *([*GENERAL_ADVICE, *_old_agent(facts)] if unsolved else ())],
        "runbook": _RUNBOOK.format(instance=facts.instance_id, region=facts.region) if unsolved else None,
    }


def _old_agent(facts: Facts) -> Iterator[str]:
    """That an old agent does not follow the general advice."""
    written = facts.registration.agent_version if isinstance(facts.registration, Registration) else None
    version = version_of(written)
    if version and version < AGENT_WITH_DIAGNOSTICS:
        yield f"The agent ({written}) has no get-diagnostics, which begins with 3.1.501.0. Update it, or pass its log."


def is_ok(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether nothing is wrong and everything could be read.

    Args:
        rows: Checks, as :func:`check_data` gives them.
    """
    return not any(row["result"] in (Result.WRONG.value, Result.UNREAD.value) for row in rows)


def check_data(check: Check) -> dict[str, Any]:
    """A check as plain data."""
    return {
        "check": check.name,
        "result": check.result.value,
        "finding": check.finding,
        "cause": check.cause or None,
        "fix": check.fix or None,
        "permission": check.permission or None,
        "sources": list(check.sources),
    }


def _checks(facts: Facts) -> list[Check]:
    """The checks in the order in which a person would look."""
    if _has_ended(facts):
        return [state_check(facts), ping_check(facts)]  # AWS does not say any more what the instance had
    audit = audit_of(facts)
    uses_default_role = uses_host_management(facts, audit)
    has_default_role = isinstance(facts.host_management, str)
    needs_default_role = bool(uses_default_role and has_default_role)
    has_legacy_messaging = _has_legacy_messaging(audit) if caller_role(facts) else None
    if not has_ec2messages(facts.region):
        has_legacy_messaging = False
    checks = [
        state_check(facts),
        metadata_check(facts),
        profile_check(facts),
        trust_check(facts),
        policies_check(facts, audit),
        control_policies_check(facts),
        host_management_check(facts, uses_default_role),
        ping_check(facts),
        version_check(
            facts,
            needs_host_management=needs_default_role,
            has_legacy_messaging=has_legacy_messaging,
        ),
        *channel_checks(facts, has_legacy_messaging=has_legacy_messaging),
        *network_checks(facts),
    ]
    return [each for each in checks if each]


def _has_ended(facts: Facts) -> bool:
    return isinstance(facts.instance, Instance) and facts.instance.state in ENDED


def _has_legacy_messaging(audit: Audit | None) -> bool | None:
    """Whether the role grants the ec2messages actions. None if this is not known."""
    verdicts = (
        [row["verdict"] for row in audit["capabilities"] if row["capability"] == "legacy_messaging"] if audit else []
    )
    return {"works": True, "works if": None}.get(verdicts[0], False) if verdicts else None


def _answer(facts: Facts, managed: bool | None, checks: Sequence[Check]) -> str:  # noqa: FBT001 - a fact, not a switch
    name, wrong = facts.instance_id, [each for each in checks if each.result is Result.WRONG]
    causes = [
        each.cause for each in sorted(wrong, key=lambda each: not managed and each.spares_heartbeats) if each.cause
    ]
    first = f"{causes[0]}.{f' {len(causes) - 1} more below.' if len(causes) > 1 else ''}" if causes else ""
    if managed is None:
        found = f" Wrong: {first}" if causes else _open_questions(checks)
        return f"It cannot be known whether Systems Manager manages {name}.{found}"
    if managed:
        if is_off(facts):
            return f"Systems Manager still shows {name} as online, but {first}"
        if wrong:
            return f"Systems Manager manages {name}, but {first or 'sessions do not reach it.'}"
        questions = _open_questions(checks)
        verdict = "No check finds a fault." if questions else "Nothing is wrong."
        return f"Systems Manager manages {name}. {verdict}{questions}"
    return _answer_of_unmanaged(facts, checks, causes, first)


def _answer_of_unmanaged(facts: Facts, checks: Sequence[Check], causes: Sequence[str], first: str) -> str:
    """The answer about an instance that is not online.

    Args:
        facts: The facts about the instance.
        checks: All checks.
        causes: What is wrong.
        first: The first cause, and how many follow.
    """
    name = facts.instance_id
    start, kind = f"Systems Manager does not manage {name}", "missing"
    if isinstance(facts.registration, Registration):
        start, kind = f"Systems Manager has lost the connection to {name}", "lost"
    if any(each.cause and not each.spares_heartbeats for each in checks):
        return f"{start}: {first}"
    also = f" Also wrong: {first}" if causes else ""
    if is_young(facts):
        return f"{name} started {started(facts)}. Its agent registers within some minutes: ask again then.{also}"
    if causes:
        return f"{start}. No check finds the cause of the {kind} heartbeat.{also}{_open_questions(checks)}"
    if facts.registration is None and isinstance(facts.instance, Unread):
        start = f"{start}, and EC2 could not be asked. The ID, the region or the account may be wrong"
    return f"{start}. No check finds the cause.{_open_questions(checks)}"


def _open_questions(checks: Sequence[Check]) -> str:
    """How many checks say nothing."""
    unread, unknown = (sum(each.result is result for each in checks) for result in (Result.UNREAD, Result.UNKNOWN))
    parts = [f"{unread} could not be read"] if unread else []
    parts += [f"{unknown} cannot be known"] if unknown else []
    return f" Of the checks, {' and '.join(parts)}." if parts else ""


def _credentials_for(permissions: Sequence[str]) -> str:
    """What to do about missing permissions: all are listed in one place, and a few are named."""
    if len(permissions) > _MOST_PERMISSIONS:
        return f"Use credentials that allow the actions listed in {_PERMISSIONS}, and run the command again."
    names = ", ".join(f"`{each}`" for each in permissions)
    return f"Use credentials that allow {names}, and run the command again. All that it needs: {_PERMISSIONS}."


def _next(checks: Sequence[Check]) -> list[str]:
    """What to do, in the order of the checks."""
    fixes = list(dict.fromkeys(each.fix for each in checks if each.result is Result.WRONG and each.fix))
    permissions = dict.fromkeys(each.permission for each in checks if each.permission)
    if permissions:
        fixes.append(_credentials_for(list(permissions)))
    return fixes
