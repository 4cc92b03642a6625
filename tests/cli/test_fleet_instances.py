"""What ``fleet --instances`` says of the instances of roles."""

import json

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role

jsonschema = require("jsonschema")
require("ijson")

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())


@pytest.fixture
def rows(run, monkeypatch):
    """The rows of the account of the credentials, valid by the schema."""
    reader = require("ssm_profile.cli.fleet.account_instances")
    members = require("ssm_profile.cli.fleet.members")
    answers = require("tests.cli.aws_answers")

    def rows_of(*groups, managed=(), regions="eu-central-1", ec2=None):
        found = list(members.roles_of_account([], [role("web")], "the account"))
        monkeypatch.setattr("ssm_profile.cli.fleet.account.read_account", lambda: iter(found))
        pages = [{"Reservations": list(groups)}]
        described = {
            "ec2": {"describe_instances": ec2 or pages},
            "ssm": {"describe_instance_information": [{"InstanceInformationList": list(managed)}]},
        }
        monkeypatch.setattr(
            reader, "clients", lambda service, names, _: [answers.Answers(service, **described[service]) for _ in names]
        )
        done = run("fleet", "--json", "--instances", "--regions", regions, "--fail-on", "never")
        listed = [json.loads(line) for line in done.out.splitlines()]
        for row in listed:
            jsonschema.Draft202012Validator(SCHEMA).validate(row)
        return listed

    return rows_of


def group(*instances):
    return {"OwnerId": ACCOUNT, "Instances": list(instances)}


def instance(name, profile="profile", state="running"):
    arn = {"IamInstanceProfile": {"Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/path/{profile}"}} if profile else {}
    return {"InstanceId": name, "State": {"Name": state}, **arn}


def test_instances_of_a_role(rows):
    managed = {"InstanceId": "i-1", "PingStatus": "Online", "AgentVersion": "3.3.40.0"}
    (row,) = rows(group(instance("i-1"), instance("i-2", state="stopped")), managed=[managed])

    assert row["instances"] == [
        {
            "instance": "i-1",
            "region": "eu-central-1",
            "state": "running",
            "pingStatus": "Online",
            "agentVersion": "3.3.40.0",
        },
        {"instance": "i-2", "region": "eu-central-1", "state": "stopped", "pingStatus": None, "agentVersion": None},
    ]


def test_role_without_instances(rows):
    assert rows()[0]["instances"] == []


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (None, "It has no instance profile."),
        ("other", "Its instance profile other contains no role of the list."),
    ],
)
def test_instance_without_a_role(rows, profile, reason):
    row = rows(group(instance("i-1", profile)))[-1]

    assert (row["kind"], row["instance"], row["instanceProfile"], row["reason"]) == ("instance", "i-1", profile, reason)


def test_managed_instance_without_a_profile(rows):
    managed = {"InstanceId": "i-1", "PingStatus": "Online"}

    assert "Default Host Management" in rows(group(instance("i-1", None)), managed=[managed])[-1]["reason"]


def test_each_region(rows):
    found = rows(group(instance("i-1")), regions="eu-central-1,us-east-1")

    assert [each["region"] for each in found[0]["instances"]] == ["eu-central-1", "us-east-1"]


def test_region_that_cannot_be_read(rows):
    refusal = require("tests.cli.aws_answers").refusal("UnauthorizedOperation", "DescribeInstances")
    row = rows(ec2=[refusal])[-1]

    assert (row["kind"], row["place"]) == ("problem", "eu-central-1")
    assert "ec2:DescribeInstances" in row["reason"]


def test_regions_of_the_account(run, monkeypatch):
    """Without --regions, they are those that it has enabled."""
    reader = require("ssm_profile.cli.fleet.account_instances")
    asked = []
    monkeypatch.setattr("ssm_profile.cli.fleet.account.read_account", lambda: iter(()))
    monkeypatch.setattr(reader, "enabled_regions", lambda _: frozenset({"eu-west-1"}))
    monkeypatch.setattr(reader, "clients", lambda _service, names, _: asked.append(names) or [])
    run("fleet", "--instances")

    assert asked == [["eu-west-1"], ["eu-west-1"]]


def test_other_sources(run, tmp_path):
    (tmp_path / "account.json").write_text(json.dumps(details(role("web"))))
    done = run("fleet", str(tmp_path / "account.json"), "--instances")

    assert done.code == 2
    assert "--instances reads the account of your AWS" in done.error
