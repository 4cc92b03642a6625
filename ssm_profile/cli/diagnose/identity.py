"""Checks of the credentials of an instance: profile, role, trust policy, policies."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ssm_profile.catalogue import DEFAULT_HOST_MANAGEMENT, NO_DEFAULT_HOST_MANAGEMENT
from ssm_profile.cli.audit import REQUIRED_FEATURES, audit_role
from ssm_profile.cli.audit_report import next_step, reasons
from ssm_profile.cli.report import code
from ssm_profile.cli.roles import Role
from ssm_profile.cli.verdicts import Verdict
from ssm_profile.errors import InputError
from ssm_profile.iam.trust import EC2, is_for_ec2

from .checks import EC2_GUIDE, HOST_MANAGEMENT, IAM_GUIDE, REQUIREMENTS, Check, Result, unread
from .facts import Facts, Instance, Profile, Unread

_PROFILES = f"{IAM_GUIDE}/id_roles_use_switch-role-ec2_instance-profiles.html"
_EVALUATION = f"{IAM_GUIDE}/reference_policies_evaluation-logic.html"
_CONTROL_POLICIES = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"
_ATTACH = "Attach an instance profile of this component: `aws ec2 associate-iam-instance-profile`."
_REPLACE = "Attach an instance profile in its place: `aws ec2 replace-iam-instance-profile-association`."

Audit = Mapping[str, Any]


def audit_of(facts: Facts) -> Audit | None:
    """The audit of the role. None if there is no role, or if it could not be read."""
    role = facts.profile.role if isinstance(facts.profile, Profile) else None
    return _audited(role) if isinstance(role, Role) else None


@lru_cache(maxsize=1000)
def _audited(role: Role) -> Audit:
    """The audit of a role. Many instances of a fleet have the same one."""
    return audit_role(role)


def uses_host_management(facts: Facts, audit: Audit | None) -> bool | None:
    """Whether the agent requests the account's default role: it does so if it has no role that allows the heartbeat.

    None if this is not known.
    """
    if isinstance(facts.instance, Unread) or isinstance(facts.profile, Unread):
        return None
    if facts.profile is None or facts.profile.role is None:
        return True
    return audit["defaultHostManagement"] if audit else None


def profile_check(facts: Facts) -> Check:
    """Whether the instance has an instance profile with a role, or the account's default role instead."""
    name = "instance profile"
    for fact in (facts.instance, facts.profile):
        if isinstance(fact, Unread):
            return unread(name, fact)
    problem = _profile_problem(facts)
    if problem is None:
        return Check(name, Result.OK, f"The instance has the profile {_profile_name(facts)}, which contains a role.")
    default = facts.host_management
    if isinstance(default, Unread):
        text = f"{problem.finding}. Whether the account's default role is there instead could not be read."
        return Check(name, Result.UNKNOWN, text, permission=default.action if default.is_denied else "")
    if default:
        text = f"{problem.finding}. The account's default role {code(default)} is there instead."
        return Check(name, Result.OK, text, sources=(HOST_MANAGEMENT,))
    return replace(problem, finding=f"{problem.finding}, and Default Host Management Configuration is off.")


def _profile_problem(facts: Facts) -> Check | None:
    """Why the instance gets no role from its instance profile. The finding ends without a period."""
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
    return Check("instance profile", Result.WRONG, finding, cause=cause, fix=fix, sources=sources)


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
        is_trusted = is_for_ec2(profile.trust, "The trust policy")
    except InputError as error:
        return Check(name, Result.UNKNOWN, str(error))
    if is_trusted:
        return Check(name, Result.OK, "EC2 can assume the role.")
    return Check(
        name,
        Result.WRONG,
        f"The trust policy does not let `{EC2}` assume the role, so the instance gets no credentials.",
        cause="EC2 cannot assume its role",
        fix=f"Let `{EC2}` assume {code(_role_name(profile))}. `ssm-profile policy --trust` prints such a policy.",
        sources=(f"{EC2_GUIDE}/iam-roles-for-amazon-ec2.html",),
    )


def policies_check(facts: Facts, audit: Audit | None) -> Check | None:
    """Whether the policies of the role, with its permissions boundary, allow what Systems Manager needs."""
    name, profile = "policies", facts.profile
    if isinstance(profile, Profile) and isinstance(profile.role, Unread):
        return unread(name, profile.role)
    if audit is None or not isinstance(profile, Profile):
        return None
    why, verdict = " ".join(reasons(audit)), audit["systemsManager"]
    if verdict == Verdict.WORKS.value:
        return Check(name, Result.OK, "The policies of the role and its permissions boundary allow what is needed.")
    if verdict == Verdict.WORKS_IF.value:
        return Check(name, Result.UNKNOWN, why, sources=(_EVALUATION,))
    if audit["defaultHostManagement"] and isinstance(facts.host_management, str):
        default = code(facts.host_management)
        text = f"The role does not allow the heartbeat, so the agent uses the account's default role {default}."
        return Check(name, Result.OK, text, sources=(HOST_MANAGEMENT,))
    role = _role_name(profile)
    grants = f"This component always grants what is missing. `ssm-profile audit --role {role}` prints the options."
    return Check(
        name,
        Result.WRONG,
        why,
        cause=f"the role {role} does not allow {_missing_actions(audit)}",
        fix=next_step(audit) or grants,
        sources=(_EVALUATION,),
    )


def _missing_actions(audit: Audit) -> str:
    required = [each for each in audit["capabilities"] if each["capability"] in REQUIRED_FEATURES]
    actions = [row["action"] for each in required for row in each["missing"]]
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
    if uses is None:
        text = (
            f"It is on, with the role {code(default)}. Whether it applies depends on whether the role of the instance "
        )
        return Check(name, Result.UNKNOWN, f"{text}allows `ssm:UpdateInstanceInformation`.", sources=(HOST_MANAGEMENT,))
    has_role = isinstance(facts.profile, Profile) and facts.profile.role is not None
    text = DEFAULT_HOST_MANAGEMENT if has_role else "It applies, because the instance has no role of its own."
    needs = "It needs IMDSv2 and an agent of version 3.2.582.0 or later."
    return Check(name, Result.OK, f"{text} The role is {code(default)}. {needs}", sources=(HOST_MANAGEMENT,))


def _role_name(profile: Profile) -> str:
    return (profile.role_arn or "").rsplit("/", 1)[-1]
