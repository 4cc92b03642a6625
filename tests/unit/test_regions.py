"""AWS's partitions and regions."""

import json
import re
from datetime import date

import pytest

from generators.option_sets import EVERYTHING
from ssm_profile import policy
from ssm_profile.regions import (
    ACCOUNT_PATTERN,
    LOCATION_FIELDS,
    OTHER_DNS_SUFFIXES,
    PARTITION_PATTERN,
    PARTITIONS,
    PATCH_BUCKET_SUFFIXES,
    REGION_PATTERN,
    REGIONS,
    SHORTEST_LOCATION,
    SNAPSHOT_BUCKET_SUFFIXES,
    gateway_endpoint,
    interface_endpoint,
    partition_of,
)
from tests import ROOT, require
from tests.expected import LOCATION, MAPS

REGION_OF_EACH_PARTITION = {
    "eu-central-1": "aws",
    "us-east-1": "aws",
    "cn-north-1": "aws-cn",
    "us-gov-west-1": "aws-us-gov",
    "us-iso-east-1": "aws-iso",
    "us-isob-east-1": "aws-iso-b",
    "eu-isoe-west-1": "aws-iso-e",
    "us-isof-south-1": "aws-iso-f",
    "eusc-de-east-1": "aws-eusc",
}


@pytest.mark.parametrize(("region", "partition"), REGION_OF_EACH_PARTITION.items())
def test_partition_of_a_region(region, partition):
    assert partition_of(region) == partition


def test_every_partition_has_a_region():
    assert set(PARTITIONS) == set(REGION_OF_EACH_PARTITION.values()) == set(map(partition_of, REGIONS))


def test_regions_are_unique():
    assert list(REGIONS) == sorted(set(REGIONS))
    assert set(REGION_OF_EACH_PARTITION) <= set(REGIONS)


def test_partitions_are_those_of_botocore():
    """A region that botocore lists in a partition is in that partition here."""
    session = require("botocore.session").get_session()
    partitions = session.get_available_partitions()

    listed = {
        region: partition for partition in partitions for region in session.get_available_regions("ec2", partition)
    }

    assert set(partitions) <= set(PARTITIONS)
    assert {region: partition_of(region) for region in listed} == listed


def test_dns_suffixes_are_those_of_botocore():
    data = require("botocore.session").get_session().get_data("partitions")
    suffixes = {each["id"]: each["outputs"]["dnsSuffix"] for each in data["partitions"]}

    others = {name: suffix for name, suffix in suffixes.items() if not suffix.startswith("amazonaws.com")}

    assert others == {name: suffix for name, suffix in OTHER_DNS_SUFFIXES.items() if name in suffixes}


@pytest.mark.parametrize("region", REGIONS)
def test_region_pattern_matches_regions(region):
    assert re.fullmatch(REGION_PATTERN, region)


@pytest.mark.parametrize("text", ["", "*", "eu", "eu-central", "eu-central-*", "eu-central-1a", "EU-WEST-1"])
def test_region_pattern_matches_nothing_else(text):
    assert not re.fullmatch(REGION_PATTERN, text)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_partition_pattern_matches_partitions(partition):
    assert re.fullmatch(PARTITION_PATTERN, partition)


@pytest.mark.parametrize("text", ["", "*", "aws-", "aws-*", "awsx", "AWS", "aws-1"])
def test_partition_pattern_matches_nothing_else(text):
    assert not re.fullmatch(PARTITION_PATTERN, text)


def test_bucket_suffixes_are_of_known_regions():
    """AWS lists both kinds of buckets on one page, by region."""
    assert SNAPSHOT_BUCKET_SUFFIXES.keys() <= PATCH_BUCKET_SUFFIXES.keys()
    assert {partition_of(region) for region in PATCH_BUCKET_SUFFIXES} == {"aws"}
    assert all(re.fullmatch(r"[0-9a-f]{9}", suffix) for suffix in PATCH_BUCKET_SUFFIXES.values())
    assert len(set(PATCH_BUCKET_SUFFIXES.values())) == len(PATCH_BUCKET_SUFFIXES)
    assert all(re.fullmatch(r"-[0-9a-z]{8}", suffix) for suffix in SNAPSHOT_BUCKET_SUFFIXES.values())


@pytest.mark.parametrize(
    ("text", "is_account"),
    [("123456789012", True), ("012345678901", True), ("", False), ("12345678901", False), ("1234567890123", False)],
)
def test_account_pattern(text, is_account):
    assert bool(re.fullmatch(ACCOUNT_PATTERN, text)) is is_account


def test_location_has_these_fields():
    assert LOCATION.keys() == SHORTEST_LOCATION.keys() == set(LOCATION_FIELDS)


@pytest.mark.parametrize("region", PATCH_BUCKET_SUFFIXES)
def test_no_region_has_a_shorter_policy(region):
    """A policy that is too long at the shortest location can be refused before the location is known."""
    options = {**EVERYTHING, **MAPS}
    location = {"partition": partition_of(region), "region": region, "account": "123456789012"}

    shortest = policy.size(policy.policy_document(options, SHORTEST_LOCATION))

    assert shortest <= policy.size(policy.policy_document(options, location))


@pytest.mark.parametrize("path", sorted((ROOT / "ssm_profile" / "aws_data").iterdir()), ids=lambda path: path.stem)
def test_copies_name_their_source_and_date(path):
    """A reader of the copy sees how old it is."""
    copy = json.loads(path.read_text())

    assert list(copy)[:2] == ["source", "date"]
    assert re.fullmatch(r"[a-z-]+ \d+(\.\d+)+(, [a-z.]+)?|https://docs\.aws\.amazon\.com/\S+", copy["source"])
    assert date.fromisoformat(copy["date"])


@pytest.mark.parametrize("service", ["ssm", "ssmmessages", "kms", "logs", "secretsmanager"])
@pytest.mark.parametrize("region", REGIONS)
def test_usual_endpoints(region, service):
    assert interface_endpoint(service, region) == f"com.amazonaws.{region}.{service}"


@pytest.mark.parametrize(
    ("service", "others"),
    [
        (
            "ec2",
            {
                "cn.com.amazonaws": {"cn-north-1", "cn-northwest-1"},
                "gov.ic.c2s": {"us-iso-east-1", "us-iso-west-1"},
                "gov.sgov.sc2s": {"us-isob-east-1"},
            },
        ),
        ("monitoring", {"cn.com.amazonaws": {"cn-north-1", "cn-northwest-1"}, "gov.ic.c2s": {"us-iso-west-1"}}),
        ("s3", {"cn.com.amazonaws": {"cn-north-1", "cn-northwest-1"}}),
    ],
)
def test_other_endpoints(service, others):
    """The beginnings of the names are those of AWS CDK, in every region that has another one."""
    found = {}
    for region in REGIONS:
        beginning = interface_endpoint(service, region).removesuffix(f".{region}.{service}")
        found.setdefault(beginning, set()).add(region)

    assert found.pop("com.amazonaws") == set(REGIONS).difference(*others.values())
    assert found == others


@pytest.mark.parametrize("region", ["cn-north-1", "eu-central-1"])
def test_gateway_endpoint(region):
    """Gateway endpoints have the usual names in China, too."""
    assert gateway_endpoint("s3", region) == f"com.amazonaws.{region}.s3"
