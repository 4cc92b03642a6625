"""Facts about AWS's partitions and regions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Location = Mapping[str, str]
"""The location of a deployment: values for all or some :data:`LOCATION_FIELDS`, such as ``{"partition": "aws"}``."""

LOCATION_FIELDS = ("partition", "region", "account")

ACCOUNT_PATTERN = r"\d{12}"
"""A regular expression for the ID of an account."""

SHORTEST_LOCATION: Location = {"partition": "aws", "region": "us-east-1", "account": "123456789012"}
"""The location with the shortest policies. A policy that is too long here is too long everywhere."""

PARTITION_PATTERN = "aws(?:-[a-z]+)*"
"""A regular expression for the partition in an ARN."""

REGION_PATTERN = r"[a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2}"
"""A regular expression for the name of a region."""

_DATA = Path(__file__).parent / "aws_data"


def _data(name: str) -> Any:
    """A copy of AWS's data, with its source and the date of the copy."""
    return json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))


_PARTITIONS: dict[str, Any] = _data("partitions")["partitions"]

PARTITIONS = tuple(_PARTITIONS)
"""Every partition of AWS."""

OTHER_DNS_SUFFIXES: dict[str, str] = {
    name: each["dns_suffix"] for name, each in _PARTITIONS.items() if "amazonaws.com" not in each["dns_suffix"]
}
"""The DNS suffix of each partition in which it does not begin with ``amazonaws.com``."""

_PREFIXES = {each["prefix"]: name for name, each in _PARTITIONS.items() if each["prefix"]}
"""The prefixes of region names in every partition except aws, and the partition of each."""

REGIONS = tuple(sorted(region for partition in _PARTITIONS.values() for region in partition["regions"]))
"""The regions that a shell completes. A region that is not one of them is accepted as well."""

_PATCH_BUCKETS = _data("patch_buckets")

BUCKETS_DATE: str = _PATCH_BUCKETS["date"]
"""The date on which the names of AWS's buckets were those of AWS's page."""

PATCH_BUCKET_SUFFIXES: dict[str, str] = _PATCH_BUCKETS["patch_suffixes"]
"""The suffix of the names of AWS's buckets with patch documents, in each region that AWS lists.

S3 bucket names are global, so a wildcard instead of the suffix could match a bucket of another account."""

SNAPSHOT_BUCKET_SUFFIXES: dict[str, str] = _PATCH_BUCKETS["snapshot_suffixes"]
"""The suffix of the name of AWS's bucket with patch snapshots. In other regions the name has no suffix."""


def partition_of(region: str) -> str:
    """The partition of a region, from the region's name."""
    return next((partition for prefix, partition in _PREFIXES.items() if region.startswith(prefix)), "aws")


_VPC_ENDPOINTS = _data("vpc_endpoints")

VPC_ENDPOINTS_COPY = f"{_VPC_ENDPOINTS['source']}, {_VPC_ENDPOINTS['date']}"
"""The source and the date of the names of VPC endpoints. AWS CDK has them in ``aws-ec2/lib/vpc-endpoint.ts``."""


def interface_endpoint(service: str, region: str) -> str:
    """The name of the interface VPC endpoint of a service, such as ``com.amazonaws.eu-central-1.ssm``."""
    others = _VPC_ENDPOINTS["interface_endpoints"].get(region, {"services": ()})
    return f"{others['prefix'] if service in others['services'] else _USUAL_ENDPOINTS}.{region}.{service}"


def gateway_endpoint(service: str, region: str) -> str:
    """The name of the gateway VPC endpoint of a service, such as ``com.amazonaws.eu-central-1.s3``."""
    return f"{_USUAL_ENDPOINTS}.{region}.{service}"


_USUAL_ENDPOINTS = "com.amazonaws"
