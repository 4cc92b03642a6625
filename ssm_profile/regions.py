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


_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""The prefixes of region names in every partition except aws, and the partition of each."""

PARTITIONS = ("aws", *_PARTITIONS.values())
"""Every partition of AWS."""

OTHER_DNS_SUFFIXES = {
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}
"""The DNS suffix of each partition in which it does not begin with ``amazonaws.com``."""

BUCKETS_DATE = "2026-11-26"
"""The date on which the names of AWS's buckets were those of AWS's page."""

PATCH_BUCKET_SUFFIXES = {
    "us-east-1": "1970c647d",
    "us-east-2": "552881074",
    "us-west-1": "8badb4304",
    "us-west-2": "34d7f99f8",
    "af-south-1": "bdd5f65a9",
    "ap-east-1": "632356271",
    "ap-south-1": "cb7c62ff9",
    "ap-south-2": "32f4b4128",
    "ap-southeast-1": "7fdfd9ef7",
    "ap-southeast-2": "17283a275",
    "ap-southeast-3": "aa48fc462",
    "ap-southeast-4": "01e2c40d3",
    "ap-northeast-1": "4849fa78f",
    "ap-northeast-2": "10467995c",
    "ap-northeast-3": "67373598a",
    "ca-central-1": "3148e69e3",
    "ca-west-1": "9e3a4b2f9",
    "eu-central-1": "9163fdaaf",
    "eu-central-2": "184ce43c8",
    "eu-west-1": "5522fb710",
    "eu-west-2": "902a2bc74",
    "eu-west-3": "29bf85721",
    "eu-south-1": "c52f3f594",
    "eu-south-2": "a4cf248b1",
    "eu-north-1": "795879e9b",
    "il-central-1": "e221cb57b",
    "me-south-1": "a53fc9dce",
    "me-central-1": "2932f2f80",
    "sa-east-1": "ddf4b6a09",
}
"""The suffix of the names of AWS's buckets with patch documents, in each region that AWS lists.

S3 bucket names are global, so a wildcard instead of the suffix could match a bucket of another account."""

SNAPSHOT_BUCKET_SUFFIXES = {
    "af-south-1": "-tbxdb5b9",
    "ap-south-2": "-50209442",
    "ap-southeast-3": "-be0a3174",
    "ap-southeast-4": "-dc6f76ce",
    "eu-south-2": "-df2c9d70",
    "me-south-1": "-uduvl7q8",
}
"""The suffix of the name of AWS's bucket with patch snapshots. In other regions the name has no suffix."""

_OTHER_REGIONS = (
    "ap-east-2",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "mx-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "eu-isoe-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "eusc-de-east-1",
)

REGIONS = tuple(sorted((*PATCH_BUCKET_SUFFIXES, *_OTHER_REGIONS)))
"""The regions that a shell completes. A region that is not one of them is accepted as well."""


def partition_of(region: str) -> str:
    """The partition of a region, from the region's name."""
    return next((partition for prefix, partition in _PARTITIONS.items() if region.startswith(prefix)), "aws")


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
