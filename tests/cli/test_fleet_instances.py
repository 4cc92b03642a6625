"""What ``fleet --instances`` says of the instances of roles."""

import json
from types import SimpleNamespace

import pytest

from tests import ROOT, require
from tests.cli.accounts import ACCOUNT, details, role

jsonschema = require("jsonschema")
require("ijson")

SCHEMA = json.loads((ROOT / "docs" / "fleet.schema.json").read_text())


@pytest.fixture
def ask(run, monkeypatch):
    """Runs the command with the account of the credentials, whose answers a test gives for each service."""
    reader = require("ssm_profile.cli.fleet.account_instances")
    assumed_roles = require("ssm_profile.cli.fleet.assumed_roles")
    members = require("ssm_profile.cli.fleet.members")
    answers = require("tests.cli.aws_answers")

    def ask_account(*arguments, **described):
        clients = {service: answers.Answers(service, **operations) for service, operations in described.items()}
        asked = []

        class Session(assumed_roles.Session):
            def client(self, service, region=None):
                asked.append((service, region))
                return clients[service]

        session = Session(ACCOUNT, "The identity of your credentials", None, None, {})
        found = list(members.roles_of_account([], [role("web")], "the account"))
        monkeypatch.setattr("ssm_profile.cli.fleet.account.read_account", lambda: iter(found))
        monkeypatch.setattr(reader, "Caller", lambda: SimpleNamespace(session=lambda: session))
        done = run("fleet", "--json", "--instances", "--fail-on", "never", *arguments)
        return asked, [json.loads(line) for line in done.out.splitlines()]

    return ask_account


@pytest.fixture
def rows(ask):
    """The rows of the account of the credentials, valid by the schema."""

    def rows_of(*groups, managed=(), regions="eu-central-1", ec2=None):
        _, listed = ask(
            *("--regions", regions),
            ec2={"describe_instances": ec2 or [{"Reservations": list(groups)}]},
            ssm={"describe_instance_information": [{"InstanceInformationList": list(managed)}]},
        )
        for row in listed:
            jsonschema.Draft202012Validator(SCHEMA).validate(row)
        return listed

    return rows_of


def group(*instances):
    return {"OwnerId": ACCOUNT, "Instances": list(instances)}


def instance(name, profile: str | None = "profile", state="running"):
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
    found, row = rows(ec2=[refusal])

    assert found["instances"] is None
    assert (row["kind"], row["place"]) == ("problem", ACCOUNT)
    assert "instances in eu-central-1" in row["reason"]
    assert "ec2:DescribeInstances" in row["reason"]


def test_regions_of_the_account(ask):
    """Without --regions, they are those that it has enabled."""
    regions = [{"Regions": [{"RegionName": name} for name in ("eu-west-1", "eu-north-1")]}]
    asked, _ = ask(ec2={"describe_regions": regions, "describe_instances": [{"Reservations": []}]})

    assert sorted(asked[1:]) == [("ec2", "eu-north-1"), ("ec2", "eu-west-1")]


def test_other_sources(run, tmp_path):
    (tmp_path / "account.json").write_text(json.dumps(details(role("web"))))
    done = run("fleet", str(tmp_path / "account.json"), "--instances")

    assert done.code == 2
    assert "--instances cannot be combined with a SOURCE" in done.error
