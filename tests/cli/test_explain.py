"""``ssm-profile explain``."""

import re

import pytest

from ssm_profile import policy
from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.regions import BUCKETS_DATE
from tests import ROOT
from tests.cli.test_policy import TAG, flags_of
from tests.expected import DEFAULT, KEY, PROD

DEFAULT_ACTIONS = DEFAULT["Statement"][0]["Action"]


class TestPermissions:
    def test_columns(self, run):
        """Each action has the purpose, symptom and sources of the catalogue."""
        explained = run("explain")

        assert explained.code == 0
        rows = explained.tables["Permissions"]
        assert [row["Action"] for row in rows] == DEFAULT_ACTIONS
        catalogue = {grant.action: grant for capability in CAPABILITIES for grant in capability.grants}
        sources = {row["Number"]: row["URL"] for row in explained.tables["Sources"]}
        for row in rows:
            grant = catalogue[row["Action"]]
            assert row["Purpose"] == grant.purpose
            assert row["Symptom when missing"] == grant.symptom
            assert (row["Resource"], row["Condition"]) == ("*", "")
            assert [sources[number] for number in row["Sources"].split()] == list(grant.sources)
        assert [row["Option"] for row in rows] == ["always"] * 5 + ["ec2_describe"]

    def test_condition(self, run):
        rows = run("explain", "--cloudwatch-agent").tables["Permissions"]

        (row,) = [row for row in rows if row["Action"] == "cloudwatch:PutMetricData"]
        assert row["Condition"] == "StringEquals cloudwatch:namespace CWAgent"

    def test_unknown_location(self, run):
        """The parts of an ARN that are not known are placeholders."""
        rows = run("explain", "--documents", "--json").json["actions"]

        (row,) = [row for row in rows if row["action"] == "ssm:GetDocument"]
        assert row["Resource"] == [
            "arn:<partition>:ssm:<region>::document/*",
            "arn:<partition>:ssm:<region>:<account>:document/*",
        ]

    @pytest.mark.parametrize(
        ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
    )
    def test_partition_of_the_region(self, run, region, partition):
        explained = run("explain", "--scope-heartbeat", "--region", region, "--json").json

        assert explained["policy"]["Statement"][1]["Resource"] == f"arn:{partition}:ec2:*:*:instance/*"

    def test_markdown(self, run):
        text = run("explain", "--markdown").out

        assert "### Permissions" in text
        assert "| `ssm:UpdateInstanceInformation` | `*` |  | always |" in text
        assert "\t" not in text


class TestSummary:
    def test_default(self, run):
        explained = run("explain", "--json").json

        assert run("explain").out.startswith(
            f"The default policy grants 6 actions ({explained['expandedCount']} with wildcards expanded). "
            f"It has {policy.size(DEFAULT)} of the 10,240 characters that IAM allows.\n"
        )

    def test_stack(self, run):
        explained = run("explain", "--stack", "prod", "-C", str(ROOT), "--json").json

        assert explained["name"] == "stack prod"
        assert explained["policy"] == PROD
        assert [deny["option"] for deny in explained["explicitDenies"]] == ["require_imdsv2"]
        assert explained["size"] == policy.size(PROD)
        assert explained["limit"] == 10_240

    def test_default_host_management(self, run):
        assert "Default Host Management Configuration does not apply" in run("explain").out
        assert run("explain", "--json").json["defaultHostManagement"] is False


class TestWildcards:
    def test_expansion(self, run):
        explained = run("explain", "--json").json

        members = explained["expanded"]["ec2:Describe*"]
        assert 150 < len(members) < 300
        assert {"ec2:DescribeInstances", "ec2:DescribeTags"} <= set(members)
        assert explained["expandedCount"] == len(members) + 5
        assert explained["count"] == 6
        (row,) = run("explain").tables[f"Wildcards (AWS actions as of {explained['dataOf']})"]
        assert row["Stands for"] == f"{len(members)} actions"
        assert "ec2_describe_actions" in row["Use instead"]
        assert "ec2_describe: false" in row["Use instead"]

    def test_policy_without_wildcards(self, run):
        explained = run("explain", "--no-ec2-describe")

        assert "Wildcards" not in explained.out
        assert explained.out.startswith("The policy of these flags grants 5 actions. ")


@pytest.mark.parametrize(
    ("flags", "endpoints"),
    [
        (["--no-ec2-describe"], {"ssm", "ssmmessages"}),
        ([], {"ssm", "ssmmessages", "ec2"}),
        (["--legacy-messaging"], {"ssm", "ssmmessages", "ec2", "ec2messages"}),
        (["--no-ec2-describe", "--patching"], {"ssm", "ssmmessages", "s3"}),
        (["--no-ec2-describe", "--session-kms-key-arn", KEY], {"ssm", "ssmmessages", "kms"}),
        # Parameter Store and S3 call KMS themselves.
        (
            ["--no-ec2-describe", "--parameters-paths", "/app", "--parameters-kms-key-arn", KEY],
            {"ssm", "ssmmessages"},
        ),
        (["--no-ec2-describe", "--session-logs-log-group", "/ssm"], {"ssm", "ssmmessages", "logs"}),
        (["--no-ec2-describe", "--cloudwatch-agent"], {"ssm", "ssmmessages", "ec2", "monitoring"}),
        (
            ["--no-ec2-describe", "--domain-join-directory-id", "d-1234567890"],
            {"ssm", "ssmmessages", "ds", "secretsmanager"},
        ),
    ],
)
def test_vpc_endpoints(run, flags, endpoints):
    """The endpoints are those that a private subnet needs."""
    explained = run("explain", "--json", "--region", "eu-central-1", *flags).json

    assert {row["name"] for row in explained["endpoints"]} == {
        f"com.amazonaws.eu-central-1.{name}" for name in endpoints
    }


def test_vpc_endpoints_in_china(run):
    """Some names begin in another way. The report says how old the list of names is."""
    explained = run("explain", "--cloudwatch-agent", "--patching", "--region", "cn-north-1")

    (title,) = [each for each in explained.tables if each.startswith("VPC endpoints")]
    assert re.search(r"\(aws-cdk-lib [\d.]+, \d{4}-\d\d-\d\d\)$", title)
    assert [row["Endpoint"] for row in explained.tables[title]] == [
        "com.amazonaws.cn-north-1.ssm",
        "com.amazonaws.cn-north-1.ssmmessages",
        "cn.com.amazonaws.cn-north-1.ec2",
        "com.amazonaws.cn-north-1.s3",
        "cn.com.amazonaws.cn-north-1.monitoring",
    ]


def test_tag(run):
    """The bucket of a patch policy asks for a tag on the role, which no document can contain."""
    options = {"patch_policy": {"account_id": "123456789012", "configuration_id": "q4bkg"}}
    flags = ["--state-manager", "--patching", *flags_of(options)]

    assert TAG in run("explain", *flags).out
    assert "needs the tag `QSConfigId-q4bkg` with the value `q4bkg`" in run("explain", *flags, "--markdown").out
    assert run("explain", *flags, "--json").json["tags"] == {"QSConfigId-q4bkg": "q4bkg"}
    assert run("explain", "--json").json["tags"] == {}
    assert "tag" not in run("explain").out.split()


def test_age_of_bucket_names(run):
    with_buckets = run("explain", "--managed-buckets", "--region", "eu-central-1")
    without = run("explain", "--region", "eu-central-1")

    sentence = f"The names of AWS's buckets are those of AWS's page as of {BUCKETS_DATE}."
    assert sentence in with_buckets.out
    assert sentence not in without.out
