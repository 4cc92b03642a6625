"""Roles and their policies, read from IAM with read-only calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.evaluator import Policy

from .aws_client import client, readable_errors
from .roles import Role, is_pattern, role_notes, trust_reasons

READ_ACTIONS = (
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListInstanceProfilesForRole",
)
"""The permissions that reading a role requires."""

LIST_ACTION = "iam:ListRoles"
"""The permission that a pattern of names requires in addition."""

INSTANCE_ACTIONS = ("ec2:DescribeInstances", "iam:GetInstanceProfile")
"""The permissions that finding the role of an instance requires in addition."""


def read_roles_by_name(names: Sequence[str]) -> list[Role]:
    """Read roles with their policies, their permissions boundaries and their instance profiles.

    Args:
        names: Names or ARNs of roles, or patterns of names such as ``web-*``.

    Raises:
        InputError: If a role does not exist or cannot be read.
    """
    with readable_errors("--role", (*READ_ACTIONS, LIST_ACTION)):
        iam = client("iam")
        found = [each for name in names for each in _names(iam, name)]
        roles = {name: read_role(iam, name) for name in dict.fromkeys(found)}
    for name in names:
        role = roles.get(name.rsplit("/", 1)[-1])
        if name.startswith("arn:") and role and role.arn != name:
            raise InputError(
                f"--role: AWS does not find {name}. The credentials are for the account of {role.arn}, which has the "
                "same name."
            )
    return list(roles.values())


def read_role_of_instance(instance: str) -> Role:
    """Read the role that an instance has by its instance profile.

    Args:
        instance: The ID of the instance.

    Raises:
        InputError: If there is no such instance, or if it has no role, or if they cannot be read.
    """
    with readable_errors("--instance", (*INSTANCE_ACTIONS, *READ_ACTIONS)):
        pages = client("ec2").get_paginator("describe_instances").paginate(InstanceIds=[instance])
        found = [each for page in pages for group in page["Reservations"] for each in group["Instances"]]
        if not found:
            raise InputError(f"--instance: AWS does not find {instance}. Check the region.")
        profile = found[0].get("IamInstanceProfile")
        if not profile:
            raise InputError(f"--instance: {instance} has no instance profile, so it has no role.")
        iam = client("iam")
        name = profile["Arn"].rsplit("/", 1)[-1]
        roles = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
        if not roles:
            raise InputError(f"--instance: the instance profile {name} of {instance} contains no role.")
        return read_role(iam, roles[0]["RoleName"])


def _names(iam: Any, name: str) -> list[str]:
    """The names of the roles that a name, an ARN or a pattern stands for."""
    role = name.rsplit("/", 1)[-1]
    if not is_pattern(role):
        return [role]
    matching = [each["RoleName"] for each in _all(iam, "list_roles", "Roles") if fnmatchcase(each["RoleName"], role)]
    if not matching:
        raise InputError(f"--role: no role of this account matches {role}.")
    return sorted(matching)


def managed_statements(iam: Any, arn: str) -> tuple[Statement, ...]:
    """Read the statements of a managed policy.

    Args:
        iam: A client of IAM.
        arn: The ARN of the policy.
    """
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return statements_of(document, f"policy {arn.split(':policy/', 1)[-1]}")


def read_role(
    iam: Any,
    name: str,
    *,
    found: Mapping[str, Any] | None = None,
    managed: Callable[[Any, str], tuple[Statement, ...]] = managed_statements,
) -> Role:
    """Read a role with its policies, its permissions boundary and its instance profiles.

    Args:
        iam: A client of IAM.
        name: The name of the role.
        found: The role of an instance profile, as GetRole gives it. Then its instance profiles are not read.
        managed: Reads the statements of a managed policy.
    """
    role = found or iam.get_role(RoleName=name)["Role"]
    inline = _all(iam, "list_role_policies", "PolicyNames", RoleName=name)
    attached = list(_all(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name))
    statements = [
        statement
        for policy in inline
        for statement in statements_of(
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"], f"policy {policy}"
        )
    ]
    statements += [statement for policy in attached for statement in managed(iam, policy["PolicyArn"])]
    boundary = role.get("PermissionsBoundary")
    profiles = None if found else list(_all(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name))
    trust = role["AssumeRolePolicyDocument"]
    return Role(
        policy=Policy(
            f"role {name}",
            tuple(statements),
            managed(iam, boundary["PermissionsBoundaryArn"]) if boundary else None,
        ),
        arn=role["Arn"],
        attached=tuple(policy["PolicyName"] for policy in attached if policy["PolicyArn"].split(":")[4] == "aws"),
        policy_arns=tuple(policy["PolicyArn"] for policy in attached),
        notes=tuple(role_notes(f"role {name}", statements, trust, profiles)),
        trust_policy=trust,
        trust=trust_reasons(f"role {name}", trust),
    )


def _all(iam: Any, operation: str, key: str, **arguments: str) -> Iterable[Any]:
    pages: Callable[..., Iterable[Mapping[str, Any]]] = iam.get_paginator(operation).paginate
    for page in pages(**arguments):
        yield from page[key]
