"""Synthetic accounts: the roles of a fleet, in the form of ``aws iam get-account-authorization-details``."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from random import Random
from typing import IO, Any

from ssm_profile.cli.sources import aws_policies

Json = dict[str, Any]

FIRST_ACCOUNT = 111_122_223_333
MOST_ROLES = 5_000
"""How many roles an account has. IAM's quota is of this size."""

CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
AGENT = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
DEFAULT_HOST = "arn:aws:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy"
OLD = "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM"

CHANNELS = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
HEARTBEAT = "ssm:UpdateInstanceInformation"
"""With :data:`CHANNELS`, what Systems Manager needs."""

_DATE = "2025-03-01T09:30:00+00:00"
_OTHER_SERVICES = ("lambda", "ecs-tasks", "codebuild", "states", "glue")
_REGIONS = ["eu-central-1", "eu-west-1"]


@dataclass(frozen=True)
class Policies:
    """What a role has, and what is known to be wrong with it."""

    inline: tuple[Json, ...] = ()
    """The documents of the inline policies."""
    attached: tuple[str, ...] = ()
    """The ARNs of managed policies. ``own/NAME`` is a policy of the account."""
    own: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The documents of the policies of the account, by name."""
    boundary: str = ""
    """The ARN of the permissions boundary, as in :attr:`attached`."""
    findings: frozenset[str] = frozenset()
    """What a reader of the policies finds, in the words of :mod:`benchmarks.faults`."""


def allow(actions: object, resources: object = "*", **more: Any) -> Json:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: object, resources: object = "*", **more: Any) -> Json:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **more}


def document(*statements: Json) -> Json:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


MINIMUM = allow([*CHANNELS, HEARTBEAT])
_BOUNDARY = document(allow(["ssm:*", "ssmmessages:*", "ec2messages:*", "s3:*", "logs:*", "cloudwatch:*"]))
_CORE_FINDINGS = frozenset({"AmazonSSMManagedInstanceCore", "read_all_parameters"})
_OLD_FINDINGS = frozenset({"AmazonEC2RoleforSSM", "read_all_parameters", "read_all_buckets", "write_all_buckets"})

_SHARED = (
    Policies(attached=(CORE,), findings=_CORE_FINDINGS),
    Policies(attached=(CORE, AGENT), findings=_CORE_FINDINGS),
    Policies(attached=(OLD,), findings=_OLD_FINDINGS),
    Policies(inline=(document(MINIMUM),)),
    Policies(attached=("own/minimum",), own={"minimum": document(MINIMUM, allow("ec2messages:*"))}),
    Policies(attached=(OLD, CORE), findings=_OLD_FINDINGS | _CORE_FINDINGS),
    Policies(attached=(DEFAULT_HOST,), findings=frozenset({"AmazonSSMManagedEC2InstanceDefaultPolicy"})),
    Policies(inline=(document(MINIMUM),), boundary="own/workloads", own={"workloads": _BOUNDARY}),
)
"""The sets of policies that many roles have."""


def distinct_policies(number: int) -> Policies:
    """The set of policies with a number. Two numbers have different policies."""
    if number < len(_SHARED):
        return _SHARED[number]
    name = f"app-{number}"
    bucket, objects = f"arn:aws:s3:::{name}-artifacts", f"arn:aws:s3:::{name}-artifacts/*"
    reads = document(allow("s3:GetObject", objects), allow("s3:ListBucket", bucket))
    in_regions = {"StringEquals": {"aws:RequestedRegion": _REGIONS}}
    outside = {"StringNotEquals": {"aws:RequestedRegion": _REGIONS}}
    shapes = (
        lambda: Policies((reads,), (CORE,), findings=_CORE_FINDINGS),
        lambda: Policies((_parameters(name),), (CORE, AGENT), findings=_CORE_FINDINGS),
        lambda: Policies((reads,), (OLD,), findings=_OLD_FINDINGS),
        lambda: Policies((document(MINIMUM), reads)),
        lambda: Policies((document(MINIMUM | {"Condition": in_regions}), _parameters(name))),
        lambda: Policies(attached=(f"own/{name}",), own={name: document(MINIMUM, _logs(name))}),
        lambda: Policies((document(MINIMUM, allow("s3:*", objects)),), (), {"workloads": _BOUNDARY}, "own/workloads"),
        lambda: Policies(
            (reads, document(_except(["iam:*", "sts:*", "support:*"], outside))),
            (DEFAULT_HOST,),
            findings=frozenset({"AmazonSSMManagedEC2InstanceDefaultPolicy"}),
        ),
        lambda: Policies((document(MINIMUM, allow(["s3:Get*", "s3:Put*", "s3:List*"], objects), _logs(name)),)),
        lambda: Policies((document(MINIMUM, _secrets(name), deny("s3:*", f"{objects[:-1]}private/*")),)),
    )
    return shapes[number % len(shapes)]()


def _parameters(name: str) -> Json:
    key = {"StringLike": {"kms:ViaService": "ssm.*.amazonaws.com"}}
    return document(
        allow(["ssm:GetParameter", "ssm:GetParametersByPath"], f"arn:aws:ssm:*:*:parameter/{name}/*"),
        allow("kms:Decrypt", "arn:aws:kms:*:*:key/*", Condition=key),
    )


def _logs(name: str) -> Json:
    return allow(["logs:Create*", "logs:PutLogEvents"], f"arn:aws:logs:*:*:log-group:/{name}/*")


def _secrets(name: str) -> Json:
    return allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:*:secret:{name}/*")


def _except(actions: list[str], condition: Json) -> Json:
    return {"Effect": "Deny", "NotAction": actions, "Resource": "*", "Condition": condition}


def trust(principal: object = None, action: object = "sts:AssumeRole", **more: Any) -> Json:
    """A trust policy. Without a principal, it is one for EC2."""
    statement = {"Effect": "Allow", "Principal": principal or {"Service": "ec2.amazonaws.com"}, "Action": action}
    return document(statement | more)


def role(name: str, number: int, policies: Policies, *, has_profile: bool = True, **changes: Any) -> Json:
    """A role, in an instance profile of its own.

    Args:
        name: Its name.
        number: Its number, which says its account.
        policies: Its policies.
        has_profile: Whether it is in an instance profile.
        changes: Other values of keys.
    """
    account = account_of(number)
    details: Json = {
        "Path": "/",
        "RoleName": name,
        "RoleId": f"AROA{number:017d}",
        "Arn": f"arn:aws:iam::{account}:role/{name}",
        "CreateDate": _DATE,
        "AssumeRolePolicyDocument": trust(),
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": f"inline-{index}", "PolicyDocument": each} for index, each in enumerate(policies.inline)
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn_in(arn, account)} for arn in policies.attached
        ],
        "Tags": [{"Key": "team", "Value": f"team-{number % 40}"}],
        "RoleLastUsed": {"LastUsedDate": _DATE, "Region": _REGIONS[0]},
    }
    if policies.boundary:
        arn = arn_in(policies.boundary, account)
        details["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    details |= changes
    if has_profile:
        of_profile = {key: details[key] for key in ("Path", "RoleName", "RoleId", "Arn", "CreateDate")}
        details["InstanceProfileList"] = [
            {
                "Path": "/",
                "InstanceProfileName": name,
                "InstanceProfileId": f"AIPA{number:017d}",
                "Arn": f"arn:aws:iam::{account}:instance-profile/{name}",
                "CreateDate": _DATE,
                "Roles": [of_profile | {"AssumeRolePolicyDocument": details["AssumeRolePolicyDocument"]}],
            }
        ]
    return details


def other_role(number: int) -> Json:
    """A role of another service, which is in no instance profile."""
    service = _OTHER_SERVICES[number % len(_OTHER_SERVICES)]
    policies = Policies((document(allow("logs:*"), allow("s3:GetObject", f"arn:aws:s3:::{service}-{number}/*")),))
    principal = {"Service": f"{service}.amazonaws.com"}
    details = role(f"{service}-{number}", number, policies, has_profile=False)
    return details | {"RoleId": f"AROB{number:017d}", "AssumeRolePolicyDocument": trust(principal)}


def managed_policy(arn: str, *documents: Json, number: int = 0) -> Json:
    """A managed policy, the last of whose documents is that of the default version."""
    path, name = arn.split(":policy")[1].rsplit("/", 1)
    return {
        "PolicyName": name,
        "PolicyId": f"ANPA{number:017d}",
        "Arn": arn,
        "Path": f"{path}/",
        "DefaultVersionId": f"v{len(documents)}",
        "AttachmentCount": 1,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": _DATE,
        "UpdateDate": _DATE,
        "PolicyVersionList": [
            {
                "Document": each,
                "VersionId": f"v{version}",
                "IsDefaultVersion": version == len(documents),
                "CreateDate": _DATE,
            }
            for version, each in reversed(list(enumerate(documents, 1)))
        ],
    }


def account_of(number: int) -> str:
    """The account of the role with a number."""
    return str(FIRST_ACCOUNT + number // MOST_ROLES)


def arn_in(arn: str, account: str) -> str:
    """The ARN of a managed policy in an account."""
    return f"arn:aws:iam::{account}:policy/{arn.removeprefix('own/')}" if arn.startswith("own/") else arn


def aws_managed_policies() -> Iterator[Json]:
    """The AWS managed policies that :data:`CORE` and the others name."""
    documents = {name: each.document for name, each in aws_policies().items()}
    for number, arn in enumerate((CORE, AGENT, DEFAULT_HOST, OLD)):
        yield managed_policy(arn, dict(documents[arn.rsplit("/", 1)[-1]]), number=number)


def write_fleet(file: IO[str], roles: int, distinct: int, seed: int = 0) -> None:
    """Write accounts, one after another, each as a page. Nothing is kept in memory but a page's policies.

    Args:
        file: The file.
        roles: How many roles of EC2 there are. To ten of them there is one of another service.
        distinct: How many distinct sets of policies they have, at most as many as there are roles.
        seed: Which roles have which set.
    """
    random = Random(seed)  # noqa: S311 - not for secrets
    for start in range(0, roles, MOST_ROLES):
        own = dict[str, Json]()
        numbers = range(start, min(start + MOST_ROLES, roles))
        write_page(file, _roles(numbers, distinct, random, own), _own_policies(own))
        file.write("\n")


def _roles(numbers: Iterable[int], distinct: int, random: Random, own: dict[str, Json]) -> Iterator[Json]:
    for number in numbers:
        chosen = number if number < distinct else random.randrange(min(distinct, random.choice((8, distinct))))
        policies = distinct_policies(chosen)
        own |= {arn_in(f"own/{name}", account_of(number)): each for name, each in policies.own.items()}
        yield role(f"app-{chosen}-{number}", number, policies)
        if number % 10 == 0:
            yield other_role(number)


def _own_policies(own: Mapping[str, Json]) -> Iterator[Json]:
    """The policies. It is read after the roles, with which *own* grows."""
    for number, (arn, each) in enumerate(own.items(), 100):
        yield managed_policy(arn, document(allow("*")), each, number=number)


def write_page(file: IO[str], roles: Iterable[Json], policies: Iterable[Json]) -> None:
    """Write the output of ``aws iam get-account-authorization-details``, one entry after another."""
    file.write('{"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [')
    _write_entries(file, roles)
    file.write('],\n"Policies": [')
    _write_entries(file, chain(aws_managed_policies(), policies))
    file.write("]}")


def _write_entries(file: IO[str], entries: Iterable[Json]) -> None:
    for number, each in enumerate(entries):
        file.write(",\n" if number else "\n")
        json.dump(each, file)
