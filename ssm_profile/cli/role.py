"""A role and its policies, read from IAM with read-only calls."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.evaluator import Policy
from ssm_profile.policy import EC2

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


@dataclass(frozen=True)
class Role:
    """A role as IAM has it."""

    policy: Policy
    """All its policies together, with its permissions boundary."""
    arn: str
    attached: list[str]
    """The names of the AWS managed policies that are attached to it."""
    notes: list[str]
    """The reasons why an instance cannot use it, a sentence for each."""


def read_role(name: str) -> Role:
    """Read a role with its policies, its permissions boundary and its instance profiles.

    Args:
        name: The role's name, or its ARN.

    Raises:
        InputError: If the role does not exist or cannot be read.
    """
    role_name = name.rsplit("/", 1)[-1]
    try:
        # IAM is the same in all regions of a partition.
        region = boto3.Session().region_name or "us-east-1"
        return _read(boto3.client("iam", region_name=region), role_name)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "NoSuchEntity":
            raise InputError(
                f'--role: the role "{role_name}" does not exist in this account ({message}). Check the name, and that '
                "the credentials are those of the role's account."
            ) from None
        raise InputError(
            f"--role: IAM refused the request ({code}: {message}). Use credentials with these permissions: "
            f"{', '.join(READ_ACTIONS)}."
        ) from None
    except BotoCoreError as error:
        raise InputError(
            f"--role: the request to IAM failed ({error}). Set up credentials as for the AWS CLI, for example with "
            "AWS_PROFILE."
        ) from None


def _read(iam: Any, name: str) -> Role:
    role = iam.get_role(RoleName=name)["Role"]
    inline = _all(iam, "list_role_policies", "PolicyNames", RoleName=name)
    attached = list(_all(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name))
    statements = [
        statement
        for policy in inline
        for statement in statements_of(
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"], f"policy {policy} of the role"
        )
    ]
    statements += [statement for policy in attached for statement in _managed(iam, policy["PolicyArn"])]
    boundary = role.get("PermissionsBoundary")
    profiles = list(_all(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name))
    return Role(
        policy=Policy(
            f"role {name}",
            tuple(statements),
            _managed(iam, boundary["PermissionsBoundaryArn"]) if boundary else None,
        ),
        arn=role["Arn"],
        attached=[policy["PolicyName"] for policy in attached if policy["PolicyArn"].split(":")[4] == "aws"],
        notes=list(_notes(role, statements, profiles)),
    )


def _managed(iam: Any, arn: str) -> tuple[Statement, ...]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return statements_of(document, f"policy {arn}")


def _notes(role: Mapping[str, Any], statements: list[Statement], profiles: list[Any]) -> Iterable[str]:
    if not statements:
        yield "The role has no policies."
    if not profiles:
        yield "No instance profile contains the role, so no instance can use it."
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    if not any(_trusts_ec2(statement) for statement in (trust if isinstance(trust, list) else [trust])):
        yield f"The trust policy of the role does not name {EC2}, so no instance can use the role."


def _trusts_ec2(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    services: Any = principal.get("Service", []) if isinstance(principal, Mapping) else []
    named = services if isinstance(services, list) else [services]
    return statement.get("Effect") == "Allow" and any(service in (EC2, f"{EC2}.cn") for service in named)


def _all(iam: Any, operation: str, key: str, **arguments: str) -> Iterable[Any]:
    pages: Callable[..., Iterable[Mapping[str, Any]]] = iam.get_paginator(operation).paginate
    for page in pages(**arguments):
        yield from page[key]
