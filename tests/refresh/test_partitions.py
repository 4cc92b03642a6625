"""Partitions and regions from botocore."""

import json
from pathlib import Path

import pytest

from refresh import partitions
from refresh.source import Package, SourceError
from ssm_profile.regions import PARTITIONS, partition_of
from tests import ROOT, require

from .conftest import TODAY, botocore


def update(project, recorded, edit):
    recorded.packages["botocore"] = botocore(edit)
    return partitions.update(recorded, project)


def add(name, *regions):
    """Adds regions to a partition, which may be new."""

    def edit(listed):
        new = {"id": name, "outputs": {"dnsSuffix": "z.gov"}, "regionRegex": r"^xy\-isoz\-\w+\-\d+$", "regions": {}}
        entry = listed.setdefault(name, new)
        entry["regions"] |= {region: {} for region in regions}

    return edit


def test_same_regions_change_nothing(project, recorded):
    """A newer botocore with the same regions leaves the copy with its version and date."""
    assert update(project, recorded, lambda _: None).files == {}


def test_new_regions_are_written(project, recorded):
    before = json.loads(project.read(partitions.FILE))["partitions"]

    change = update(project, recorded, add("aws-cn", "cn-south-2", "cn-east-1"))

    assert {path: json.loads(text) for path, text in change.files.items()} == {
        partitions.FILE: {
            "source": "botocore 9.2.0, partitions.json",
            "date": TODAY,
            "partitions": before
            | {
                "aws-cn": {
                    "prefix": "cn-",
                    "dns_suffix": "amazonaws.com.cn",
                    "regions": ["cn-east-1", "cn-north-1", "cn-northwest-1", "cn-south-2"],
                }
            },
        }
    }
    assert change.changes == ("The partition `aws-cn` has the new regions `cn-east-1`, `cn-south-2`.",)


def test_new_partition_is_the_last(project, recorded):
    """The order of the others, which messages show, stays."""
    change = update(project, recorded, add("aws-iso-z", "xy-isoz-north-1"))

    content = json.loads(change.files[partitions.FILE])["partitions"]
    assert list(content) == [*PARTITIONS, "aws-iso-z"]
    assert content["aws-iso-z"] == {
        "prefix": "xy-isoz-",
        "dns_suffix": "z.gov",
        "regions": ["xy-isoz-north-1"],
    }


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda listed: listed.pop("aws-iso-f"),
            (
                "botocore 9.2.0: the list of partitions lacks aws-iso-f. If AWS has removed this, remove it from "
                "ssm_profile/aws_data/partitions.json by hand, and run again."
            ),
        ),
        (
            lambda listed: listed["aws"]["regions"].pop("us-east-1"),
            (
                "botocore 9.2.0: the partition aws lacks us-east-1. If AWS has removed this, remove it from "
                "ssm_profile/aws_data/partitions.json by hand, and run again."
            ),
        ),
        (
            lambda listed: listed["aws-cn"].update(regions={}),
            "botocore 9.2.0: the partition 'aws-cn' has the regions [].",
        ),
        (
            lambda listed: listed["aws-cn"]["regions"].update({"cn-*": {}}),
            "botocore 9.2.0: the partition 'aws-cn' has the regions ['cn-*'].",
        ),
        (
            lambda listed: listed["aws-cn"].update(id="aws_cn"),
            "botocore 9.2.0: the partition 'aws_cn' has the regions ['aws-cn-global'].",
        ),
        (
            lambda listed: listed["aws-cn"].update(regionRegex=r"^(cn|hk)\-\w+\-\d+$"),
            (
                "botocore 9.2.0: regions of aws-cn begin with '', and began with 'cn-'. Look at the new form, and "
                "adapt refresh/partitions.py."
            ),
        ),
        (
            lambda listed: listed["aws-cn"].update(outputs={"dnsSuffix": "amazonaws.cn"}),
            (
                "botocore 9.2.0: the DNS suffix of aws-cn is amazonaws.cn, and was amazonaws.com.cn. Look at the new "
                "form, and adapt refresh/partitions.py."
            ),
        ),
        # Without a prefix, the partition of a region is not known from its name.
        (
            lambda listed: (
                add("aws-iso-z", "xy-isoz-north-1")(listed) or listed["aws-iso-z"].update(regionRegex="^.*$")
            ),
            (
                "botocore 9.2.0: regions of aws-iso-z begin with '', which is not a prefix of their own. Look at the "
                "new form, and adapt refresh/partitions.py."
            ),
        ),
    ],
)
def test_broken_list_is_refused(project, recorded, edit, message):
    with pytest.raises(SourceError) as raised:
        update(project, recorded, edit)

    assert str(raised.value) == message


def test_installed_botocore_has_this_form():
    """The recordings have the form of a real release, and the prefixes those of this project."""
    lock = (ROOT / "requirements-dev.lock").read_text()
    if f"botocore=={require('botocore').__version__} " not in lock:
        pytest.skip("the refresh reads new releases, and `make test-oldest` installs an old one")
    path = Path(require("botocore").__file__).parent.parent / partitions.PATH
    published = partitions.published_partitions(Package("botocore", "", {partitions.PATH: path.read_text()}))

    listed = {region: name for name, each in published.items() for region in each["regions"]}
    assert {region: partition_of(region) for region in listed} == listed
    assert len(listed) >= 40
    assert all(region.startswith(each["prefix"]) for each in published.values() for region in each["regions"])
