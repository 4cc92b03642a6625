"""The provider's functions that this project calls."""

from collections.abc import Callable, Mapping
from typing import Any

import botocore.session

Clients = Callable[[str], Any]
"""Gives the boto3 client of a service."""


def _partition(region: str, _: Clients) -> dict[str, Any]:
    partition = botocore.session.get_session().get_partition_for_region(region)
    suffixes = {"aws-cn": "amazonaws.com.cn"}
    suffix = suffixes.get(partition, "amazonaws.com")
    return {
        "id": partition,
        "partition": partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _region(region: str, _: Clients) -> dict[str, Any]:
    return {"id": region, "region": region, "name": region, "endpoint": f"ec2.{region}.amazonaws.com"}


def _caller_identity(_: str, client: Clients) -> dict[str, Any]:
    caller = client("sts").get_caller_identity()
    return {"id": caller["Account"], "accountId": caller["Account"], "arn": caller["Arn"], "userId": caller["UserId"]}


FUNCTIONS: Mapping[str, Callable[[str, Clients], dict[str, Any]]] = {
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
}
"""Each function by its token: the provider's region and clients in, the result out."""
