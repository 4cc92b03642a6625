"""Roles and their policies, read from IAM with read-only calls."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ssm_profile.errors import InputError
from ssm_profile.iam.documents import Statement, statements_of
from ssm_profile.iam.evaluator import Policy
from ssm_profile.regions import partition_of

from .roles import Role, role_notes

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


def client(service: str, region: str | None = None, config: Config | None = None) -> Any:
    """A client of AWS's API, with the settings and credentials of the AWS SDK.

    Args:
        service: The name of the service in botocore.
        region: The region. The default is that of the settings.
        config: Settings of the client.

    Raises:
        InputError: If the settings of the SDK cannot be used.
    """
    session = boto3.Session()
    try:
        if credentials := session.get_credentials():
            credentials.get_frozen_credentials()  # some sources are read only now
        # IAM is the same in all regions of a partition.
        return session.client(service, region_name=region or default_region() or "us-east-1", config=config)
    except (BotoCoreError, ClientError):
        raise
    except Exception as error:  # noqa: BLE001 - botocore has no common base for wrong settings
        raise InputError(
            f"The settings of the AWS SDK cannot be used ({error}). Correct the environment variables that begin with "
            "AWS_, ~/.aws/config or ~/.aws/credentials."
        ) from None


def default_region() -> str | None:
    """The region of the settings, which is that of the AWS CLI. boto3 does not read AWS_REGION.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    """
    return os.environ.get("AWS_REGION") or boto3.Session().region_name


def has_regions(service: str, region: str) -> bool:
    """Whether the AWS SDK knows regions with a service in the partition of a region."""
    return bool(boto3.Session().get_available_regions(service, partition_of(region)))


@contextmanager
def readable_errors(flag: str, actions: Iterable[str]) -> Iterator[None]:
    """Turn errors of AWS's API into errors of input.

    Args:
        flag: The flag that the messages name.
        actions: The permissions that the calls require.

    Raises:
        InputError: If a call fails.
    """
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in ("NoSuchEntity", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"):
            raise InputError(
                f"{flag}: AWS does not find it ({message}). Check the name, the region, and that the credentials are "
                "those of its account."
            ) from None
        raise InputError(
            f"{flag}: AWS refused the request ({code}: {message}). Use credentials with these permissions: "
            f"{', '.join(actions)}."
        ) from None
    except BotoCoreError as error:
        raise InputError(
            f"{flag}: the request to AWS failed ({error}). Set up credentials as for the AWS CLI, for example with "
            "AWS_PROFILE."
        ) from None
    except (ResponseParserError, KeyError):  # a page of a proxy, as an answer without what the call returns
        raise InputError(
            f"{flag}: the answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy."
        ) from None


def _names(iam: Any, name: str) -> list[str]:
    """The names of the roles that a name, an ARN or a pattern stands for."""
    role = name.rsplit("/", 1)[-1]
    if not set(role) & set("*?["):
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
    return Role(
        policy=Policy(
            f"role {name}",
            tuple(statements),
            managed(iam, boundary["PermissionsBoundaryArn"]) if boundary else None,
        ),
        arn=role["Arn"],
        attached=tuple(policy["PolicyName"] for policy in attached if policy["PolicyArn"].split(":")[4] == "aws"),
        notes=tuple(role_notes(f"role {name}", statements, role["AssumeRolePolicyDocument"], profiles)),
    )


def _all(iam: Any, operation: str, key: str, **arguments: str) -> Iterable[Any]:
    pages: Callable[..., Iterable[Mapping[str, Any]]] = iam.get_paginator(operation).paginate
    for page in pages(**arguments):
        yield from page[key]
