"""The names of VPC endpoints from AWS CDK."""

import json

import pytest

from refresh import vpc_endpoints
from refresh.source import SourceError
from tests import ROOT

from .conftest import TODAY, aws_cdk

FILE = "ssm_profile/aws_data/vpc_endpoints.json"


def update(project, recorded, edit, *replacement):
    recorded.packages["aws-cdk-lib"] = aws_cdk(edit, *replacement)
    return vpc_endpoints.update(recorded, project)


def test_same_names_change_nothing(project, recorded):
    """A newer AWS CDK with the same names leaves the copy with its version and date."""
    assert update(project, recorded, lambda _: None).files == {}


def test_new_names_are_written(project, recorded):
    """A service of a known region, and a region."""
    before = json.loads(project.read(FILE))["interface_endpoints"]
    in_spain = {"prefix": "es.amazonaws", "services": ["ec2", "kms"]}
    in_iso_b = {"prefix": "gov.sgov.sc2s", "services": sorted([*before["us-isob-east-1"]["services"], "kms"])}

    def edit(endpoints):
        endpoints["us-isob-east-1"]["services"].insert(0, "kms")
        endpoints["eu-south-2"] = {"prefix": "es.amazonaws", "services": ["kms", "ec2"]}

    change = update(project, recorded, edit)

    assert {path: json.loads(text) for path, text in change.files.items()} == {
        FILE: {
            "source": "aws-cdk-lib 9.3.0",
            "date": TODAY,
            "interface_endpoints": before | {"us-isob-east-1": in_iso_b, "eu-south-2": in_spain},
        }
    }
    assert change.changes == (
        "In `eu-south-2` the names of `ec2`, `kms` begin with `es.amazonaws`.",
        "In `us-isob-east-1` the names of `kms` begin with `gov.sgov.sc2s`.",
    )


REGIONS = json.loads((ROOT / FILE).read_text())["interface_endpoints"]
BY_HAND = f"If AWS has removed this, remove it from {FILE} by hand, and run again."


@pytest.mark.parametrize(
    ("edit", "replacement", "message"),
    [
        (lambda endpoints: endpoints.pop("cn-north-1"), (), f"the list of regions lacks cn-north-1. {BY_HAND}"),
        (dict.clear, (), f"the list of regions lacks {', '.join(sorted(REGIONS))}. {BY_HAND}"),
        (
            lambda endpoints: endpoints["cn-north-1"]["services"].remove("ec2"),
            (),
            f"cn-north-1 lacks ec2. {BY_HAND}",
        ),
        (
            lambda endpoints: endpoints["cn-north-1"].update(prefix="com.amazonaws.cn"),
            (),
            (
                "names in cn-north-1 begin with com.amazonaws.cn, and began with cn.com.amazonaws. Find out which "
                f"is right, and change {FILE} by hand."
            ),
        ),
        # A service that the catalogue names and that has no endpoint in AWS CDK.
        (
            lambda _: None,
            ('AwsService("ssmmessages")', 'AwsService("messages")'),
            (
                "the list of services lacks ssmmessages. If AWS has removed this, remove it from the catalogue by "
                "hand, and run again."
            ),
        ),
        (
            lambda _: None,
            ('case"cn-north-1":', 'case"cn-north-9":'),
            f"cn-north-1, cn-north-9 has services or a prefix, and not both. Read {vpc_endpoints.PATH}.",
        ),
    ],
)
def test_broken_table_is_refused(project, recorded, edit, replacement, message):
    with pytest.raises(SourceError) as raised:
        update(project, recorded, edit, *replacement)

    assert str(raised.value) == f"aws-cdk-lib 9.3.0: {message}"


def test_other_form_is_refused(project, recorded):
    with pytest.raises(SourceError) as raised:
        update(project, recorded, lambda _: None, "getDefaultEndpointPrefix", "prefixOf")

    assert str(raised.value) == (
        f"aws-cdk-lib 9.3.0 has another form of {vpc_endpoints.PATH}. Adapt refresh/vpc_endpoints.py."
    )
