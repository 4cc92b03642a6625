"""The provider functions that this project calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session

from .resource import State, to_aws


@dataclass(frozen=True)
class Settings:
    """The settings of the provider that answers."""

    region: str
    default_tags: State
    client: Callable[[str], Any]
    """Returns the boto3 client of a service, such as "iam"."""


def _partition(_: State, provider: Settings) -> State:
    partition = botocore.session.get_session().get_partition_for_region(provider.region)
    suffixes = {"aws-cn": "amazonaws.com.cn"}
    suffix = suffixes.get(partition, "amazonaws.com")
    return {
        "id": partition,
        "partition": partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _region(_: State, provider: Settings) -> State:
    region = provider.region
    return {"id": region, "region": region, "name": region, "endpoint": f"ec2.{region}.amazonaws.com"}


def _default_tags(_: State, provider: Settings) -> State:
    return {"id": "", "tags": provider.default_tags}


def _caller_identity(_: State, provider: Settings) -> State:
    caller = provider.client("sts").get_caller_identity()
    return {"id": caller["Account"], "accountId": caller["Account"], "arn": caller["Arn"], "userId": caller["UserId"]}


def _role(args: State, provider: Settings) -> State:
    role = provider.client("iam").get_role(RoleName=args["name"])["Role"]
    return {"id": role["RoleName"], "name": role["RoleName"], "arn": role["Arn"], "path": role["Path"]}


def _instance_profile(args: State, provider: Settings) -> State:
    profile = provider.client("iam").get_instance_profile(InstanceProfileName=args["name"])["InstanceProfile"]
    roles = [{"roleArn": role["Arn"], "roleName": role["RoleName"]} for role in profile["Roles"]]
    return {
        "id": profile["InstanceProfileId"],
        "name": profile["InstanceProfileName"],
        "arn": profile["Arn"],
        "path": profile["Path"],
    } | (roles[0] if roles else {"roleArn": "", "roleName": ""})


def _parameter(args: State, provider: Settings) -> State:
    parameter = provider.client("ssm").get_parameter(Name=args["name"])["Parameter"]
    return {
        "id": parameter["Name"],
        "arn": parameter["ARN"],
        "insecureValue": parameter["Value"],
        "name": parameter["Name"],
        "type": parameter["Type"],
        "value": parameter["Value"],
        "version": parameter["Version"],
    }


def _subnets(args: State, provider: Settings) -> State:
    filters = to_aws(args.get("filters") or [])
    found = provider.client("ec2").describe_subnets(Filters=filters)["Subnets"]
    return {"id": provider.region, "ids": [subnet["SubnetId"] for subnet in found]}


FUNCTIONS: Mapping[str, Callable[[State, Settings], State]] = {
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getDefaultTags:getDefaultTags": _default_tags,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:iam/getRole:getRole": _role,
    "aws:iam/getInstanceProfile:getInstanceProfile": _instance_profile,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ssm/getParameter:getParameter": _parameter,
}
"""Each function by its token."""
