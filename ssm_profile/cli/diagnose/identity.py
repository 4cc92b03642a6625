"""Checks of the credentials of an instance: profile, role, trust policy, policies."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ssm_profile.catalogue import NO_DEFAULT_HOST_MANAGEMENT
from ssm_profile.cli.audit import REQUIRED_FEATURES, audit_role
from ssm_profile.cli.audit_report import next_step, reasons
from ssm_profile.cli.report import code
from ssm_profile.cli.roles import Role
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.errors import InputError
from ssm_profile.iam.documents import as_list
from ssm_profile.iam.trust import EC2, is_for_ec2

from .checks import EC2_GUIDE, HOST_MANAGEMENT, IAM_GUIDE, REQUIREMENTS, Check, Result, unread
from .facts import Facts, Instance, Profile, Registration, Unread
from .instances import AGENT_WITH_HOST_MANAGEMENT, version_of

_TRUST = f"{EC2_GUIDE}/iam-roles-for-amazon-ec2.html"
_PROFILES = f"{IAM_GUIDE}/id_roles_use_switch-role-ec2_instance-profiles.html"
_EVALUATION = f"{IAM_GUIDE}/reference_policies_evaluation-logic.html"
_CONTROL_POLICIES = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"
_HEARTBEAT = "ssm:UpdateInstanceInformation"
"""What a heartbeat needs. Where it is missing, it is named before what sessions need."""
_ATTACH = "Attach an instance profile of this component: `aws ec2 associate-iam-instance-profile`."
_REPLACE = "Attach an instance profile in its place: `aws ec2 replace-iam-instance-profile-association`."

Audit = Mapping[str, Any]


def audit_of(facts: Facts) -> Audit | None:
    """The audit of the role. None if there is no role, or if it could not be read."""
    role = facts.profile.role if isinstance(facts.profile, Profile) else None
    # The trust policy has a check of its own.
    return _audited(replace(role, trust_policy=None, trust=())) if isinstance(role, Role) else None


@lru_cache(maxsize=1000)
def _audited(role: Role) -> Audit:
    """The audit of a role. Many instances of a fleet have the same one."""
    return audit_role(role)


def uses_host_management(facts: Facts, audit: Audit | None) -> bool | None:
    """Whether the agent requests the account's default role: it does so if it has no role that allows the heartbeat.

    None if this is not known. The agent requests it after ``EC2RoleRequestError`` (no credentials),
    ``AssumeRoleUnauthorizedAccess`` (the trust policy) and ``AccessDeniedException`` (the heartbeat).

    Source: https://github.com/aws/amazon-ssm-agent/tree/1c217c89b42d/common/identity/credentialproviders/ec2roleprovider
    """
    if isinstance(facts.instance, Unread) or isinstance(facts.profile, Unread):
        return None
    if facts.profile is None or _profile_problem(facts):
        return True
    is_trusted, uses = _is_trusted(facts.profile), audit["defaultHostManagement"] if audit else None
    if is_trusted is False or uses is True:
        return True
    return uses if is_trusted else None


def default_role(facts: Facts) -> str | None:
    """The path and the name of the account's default role if the agent calls AWS with it. None if that is not known."""
    default = facts.host_management
    if isinstance(default, str) and uses_host_management(facts, audit_of(facts)):
        return default
    return None


def caller_role(facts: Facts) -> str | None:
    """The ARN of the role of the profile, if the agent calls AWS with it. None if this is not known."""
    if not isinstance(facts.profile, Profile) or _profile_problem(facts):
        return None
    has_no_other = facts.host_management is None or uses_host_management(facts, audit_of(facts)) is False
    return facts.profile.role_arn if has_no_other else None


def profile_check(facts: Facts) -> Check:
    """Whether the instance has an instance profile with a role, or the account's default role instead."""
    name = "instance profile"
    for fact in (facts.instance, facts.profile):
        if isinstance(fact, Unread):
            return unread(name, fact)
    problem = _profile_problem(facts)
    if problem is None:
        text = f"The instance has the profile {_profile_name(facts)}, which contains a role."
        online = isinstance(facts.registration, Registration) and facts.registration.is_online
        delay = " If the role was put into the profile after the launch, this takes effect within one hour."
        return Check(name, Result.OK, text if online else f"{text}{delay}", sources=(_PROFILES,))
    return _unless_default_role(problem, facts)


def _unless_default_role(problem: Check, facts: Facts, *, applies: bool | None = True, brief: str = "") -> Check:
    """A check that is wrong unless the agent uses the account's default role.

    Args:
        problem: The check without the default role. Its finding ends with a period.
        facts: The facts about the instance.
        applies: Whether the problem makes the agent request the default role. None if this is not known.
        brief: The finding without what follows from it, for the case that the default role is there.
    """
    default, registration = facts.host_management, facts.registration
    if default is None or applies is False:
        off = " Default Host Management Configuration is off." if default is None else ""
        return replace(problem, finding=f"{problem.finding}{off}")
    found, unknown = brief or problem.finding, replace(problem, result=Result.UNKNOWN, cause="", fix="")
    if isinstance(default, Unread):
        text = f"{found} Whether the account's default role is there instead could not be read."
        return replace(unknown, finding=text, permission=default.action if default.is_denied else "")
    instead = f"The account's default role {_shown(default)} is there instead"
    if applies is None:
        depends = f"{instead} if the role of the instance does not allow the heartbeat, which is not known."
        return replace(unknown, finding=f"{found} {depends}")
    if isinstance(registration, Registration) and registration.is_online:
        return replace(unknown, result=Result.OK, finding=f"{found} {instead}.", sources=(HOST_MANAGEMENT,))
    version = version_of(registration.agent_version) if isinstance(registration, Registration) else ()
    if version and version < AGENT_WITH_HOST_MANAGEMENT:
        return problem
    text = f"{found} {instead}, for agents of version 3.2.582.0 or later. Its policies are not checked."
    return replace(unknown, finding=text, sources=(HOST_MANAGEMENT,))


def _profile_problem(facts: Facts) -> Check | None:
    """Why the instance gets no role from its instance profile."""
    profile = facts.profile if isinstance(facts.profile, Profile) else None
    instance = facts.instance if isinstance(facts.instance, Instance) else None
    shown = _profile_name(facts)
    if instance is None or instance.profile_arn is None:
        texts = ("The instance has no instance profile", "no instance profile", _ATTACH)
    elif profile is None:
        finding = f"The instance profile {shown} does not exist any more"
        texts = (finding, "its instance profile was deleted", _REPLACE)
    elif _is_other_profile(instance.profile_id, profile.id):
        finding = f"The instance profile {shown} was deleted and created again, and the instance has the deleted one"
        texts = (finding, "its instance profile was deleted and created again", _REPLACE)
    elif profile.role is None:
        fix = "Add a role to it: `aws iam add-role-to-instance-profile`."
        texts = (f"The instance profile {shown} contains no role", "its instance profile contains no role", fix)
    else:
        return None
    finding, cause, fix = texts
    sources = (REQUIREMENTS, _PROFILES)
    return Check("instance profile", Result.WRONG, f"{finding}.", cause=cause, fix=fix, sources=sources)


def _profile_name(facts: Facts) -> str:
    arn = facts.instance.profile_arn if isinstance(facts.instance, Instance) else None
    return code((arn or "").rsplit("/", 1)[-1])


def _is_other_profile(of_instance: str | None, of_name: str) -> bool:
    """Whether two IDs of instance profiles differ. They begin with AIPA."""
    both = (of_instance or "", of_name)
    return all(each.startswith("AIPA") for each in both) and both[0] != both[1]


def trust_check(facts: Facts) -> Check | None:
    """Whether EC2 can assume the role. None without a role."""
    name, profile = "trust policy", facts.profile
    if not isinstance(profile, Profile) or profile.trust is None:
        return None
    if isinstance(profile.trust, Unread):
        return unread(name, profile.trust)
    try:
        is_for_ec2(profile.trust, "The trust policy")
    except InputError as error:
        return Check(name, Result.UNKNOWN, str(error))
    is_trusted = _is_trusted(profile)
    if is_trusted:
        return Check(name, Result.OK, "EC2 can assume the role.")
    if is_trusted is None:
        text = "Whether EC2 can assume the role depends on conditions of the trust policy, which are not judged."
        return Check(name, Result.UNKNOWN, text, sources=(_TRUST,))
    problem = Check(
        name,
        Result.WRONG,
        f"The trust policy does not let `{EC2}` assume the role, so the instance gets no credentials.",
        cause="EC2 cannot assume its role",
        fix=f"Let `{EC2}` assume {code(_role_name(profile))}. `ssm-profile policy --trust` prints such a policy.",
        sources=(_TRUST,),
    )
    return _unless_default_role(problem, facts)


def _is_trusted(profile: Profile) -> bool | None:
    """Whether EC2 can assume the role. None if this is not known."""
    if not isinstance(profile.trust, Mapping):
        return None
    try:
        if not is_for_ec2(profile.trust, "The trust policy"):
            return False
        return is_for_ec2(_without_conditions(profile.trust), "The trust policy") or None
    except InputError:
        return None


def _without_conditions(trust: Mapping[str, Any]) -> dict[str, Any]:
    """A trust policy that certainly allows no more: without Allow under a condition, and with Deny under none."""
    rows = [each for each in as_list(trust.get("Statement")) if isinstance(each, Mapping)]
    certain = [row for row in rows if row.get("Effect") == "Deny" or not row.get("Condition")]
    return {**trust, "Statement": [{key: row[key] for key in row if key != "Condition"} for row in certain]}


def policies_check(facts: Facts, audit: Audit | None) -> Check | None:
    """Whether the policies of the role, with its permissions boundary, allow what Systems Manager needs."""
    name, profile = "policies", facts.profile
    if isinstance(profile, Profile) and isinstance(profile.role, Unread):
        return unread(name, profile.role)
    if audit is None or not isinstance(profile, Profile):
        return None
    why, verdict = " ".join(reasons(audit, _HEARTBEAT)), audit["systemsManager"]
    if verdict == Verdict.WORKS.value:
        return Check(name, Result.OK, "The policies of the role and its permissions boundary allow what is needed.")
    if verdict == Verdict.WORKS_IF.value:
        return Check(name, Result.UNKNOWN, why, sources=(_EVALUATION,))
    role = _role_name(profile)
    grants = f"This component always grants what is missing. `ssm-profile audit --role {role}` prints the options."
    problem = Check(
        name,
        Result.WRONG,
        why,
        cause=f"the role {code(role)} does not allow {_missing_actions(audit)}",
        fix=next_step(audit) or grants,
        sources=(_EVALUATION,),
        spares_heartbeats=audit["defaultHostManagement"] is not True,
    )
    brief = f"The role does not allow {_missing_actions(audit)}."
    return _unless_default_role(problem, facts, applies=audit["defaultHostManagement"], brief=brief)


def _missing_actions(audit: Audit) -> str:
    required = [each for each in audit["capabilities"] if each["capability"] in REQUIRED_FEATURES]
    actions = [row["action"] for each in required for row in each["missing"]]
    actions.sort(key=lambda action: action != _HEARTBEAT)
    more = f" and {len(actions) - 1} more actions" if len(actions) > 1 else ""
    return f"{actions[0]}{more}" if actions else "what is needed"


def control_policies_check(facts: Facts) -> Check:
    """Names the service control policies. They are not judged."""
    name, policies = "service control policies", facts.control_policies
    why = "This command does not judge them. They can deny what the role allows."
    if policies is None:
        return Check(name, Result.OK, "The account is in no organization, so none applies.")
    if isinstance(policies, Unread):
        reason = (
            f"Their names are not known, either: the credentials do not allow `{policies.action}`."
            if policies.is_denied
            else f"Their names are not known, either ({policies.message})."
        )
        return Check(name, Result.SKIPPED, f"{why} {reason}", sources=(_CONTROL_POLICIES,))
    rest = "" if policies.is_complete else " Those of its organizational units and of the root are not known."
    names = ", ".join(map(code, policies.names)) or "none"
    return Check(name, Result.SKIPPED, f"{why} Attached: {names}.{rest}", sources=(_CONTROL_POLICIES,))


def host_management_check(facts: Facts, uses: bool | None) -> Check:  # noqa: FBT001 - a fact, not a switch
    """Whether Default Host Management Configuration applies.

    Args:
        facts: The facts about the instance.
        uses: :func:`uses_host_management`.
    """
    name, default = "Default Host Management", facts.host_management
    if uses is False:
        return Check(name, Result.OK, NO_DEFAULT_HOST_MANAGEMENT, sources=(HOST_MANAGEMENT,))
    if isinstance(default, Unread):
        return unread(name, default)
    if default is None:
        return Check(name, Result.OK, "It is off in this region, so only an instance profile gives the agent a role.")
    is_on = f"It is on, with the role {_shown(default)}."
    if uses is None:
        text = f"{is_on} Whether it applies depends on whether the role of the instance allows the heartbeat."
        return Check(name, Result.UNKNOWN, text, sources=(HOST_MANAGEMENT,))
    text = (
        f"{is_on} It applies, because the instance has no role of its own that allows the heartbeat. It needs IMDSv2 "
        "and an agent of version 3.2.582.0 or later."
    )
    if isinstance(facts.registration, Registration) and facts.registration.is_online:
        return Check(name, Result.OK, text, sources=(HOST_MANAGEMENT,))
    text = f"{text} Whether this role exists and what it allows is not checked."
    return Check(name, Result.SKIPPED, text, sources=(HOST_MANAGEMENT,))


def _role_name(profile: Profile) -> str:
    return (profile.role_arn or "").rsplit("/", 1)[-1]


def _shown(default_role: str) -> str:
    return code(default_role.rsplit("/", 1)[-1])
