"""``ssm-profile audit --role``, against an IAM in this process."""

import json
import urllib.parse
from importlib import import_module

import pytest

from tests import require
from tests.cli.conftest import BASE, allow
from tests.cli.test_audit import INSTANCES, TIGHT, working
from tests.expected import TRUST

boto3 = require("boto3")
moto = require("moto")


@pytest.fixture
def iam(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with moto.mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        yield boto3.client("iam")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def role(iam):
    """A role with an instance profile, and no policy."""
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST), Path="/ssm/")
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    return "web"


def test_all_policies_of_the_role_count_together(iam, role, run):
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(TIGHT[0]))
    own = iam.create_policy(PolicyName="b", PolicyDocument=document(TIGHT[1]))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=own)

    audited = run("audit", "--role", role, "--json")

    assert audited.code == 0
    assert audited.json["name"] == "role web"
    assert working(audited.json) == {"messaging", "heartbeat"}


def test_the_default_version_of_a_policy_counts(iam, role, run):
    arn = iam.create_policy(PolicyName="b", PolicyDocument=document(*TIGHT))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")), SetAsDefault=False)

    assert run("audit", "--role", role).code == 0


def test_a_deprecated_policy_that_is_attached_is_named(iam, role, run):
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM")

    audited = run("audit", "--role", role)

    assert audited.code == 1
    assert [row["Policy"] for row in audited.tables["Policies to replace"]] == ["AmazonEC2RoleforSSM"]


def test_a_boundary_takes_away_what_it_does_not_allow(iam, run):
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("ssmmessages:*")))["Policy"][
        "Arn"
    ]
    iam.create_role(RoleName="bound", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="bound", PolicyName="a", PolicyDocument=document(allow("*")))

    found = run("audit", "--role", "bound", "--json").json

    assert working(found) == {"messaging"}
    assert {action.split(":")[0] for row in found["unneeded"] for action in row["actions"]} <= {"ssmmessages"}


def test_a_boundary_that_allows_it_leaves_it(iam, run):
    statement = allow(["ssm:*", "ssmmessages:*"], ["*", INSTANCES])
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document(statement))["Policy"]["Arn"]
    iam.create_role(RoleName="bound", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="bound", PolicyName="a", PolicyDocument=document(*TIGHT))

    assert working(run("audit", "--role", "bound", "--json").json) == {"messaging", "heartbeat"}


def test_what_keeps_an_instance_from_using_the_role_is_noticed(iam, run):
    trust = TRUST | {"Statement": [TRUST["Statement"][0] | {"Principal": {"Service": "lambda.amazonaws.com"}}]}
    iam.create_role(RoleName="alone", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="alone", PolicyName="a", PolicyDocument=document(*TIGHT))

    audited = run("audit", "--role", "alone")

    assert audited.code == 1
    assert [row["What"] for row in audited.tables["Noticed"]] == [
        "No instance profile holds the role, so no instance can have it.",
        "The role's trust policy does not name ec2.amazonaws.com, so EC2 cannot give it to an instance.",
    ]


def test_a_role_without_a_policy(role, run):
    audited = run("audit", "--role", role)

    assert audited.code == 1
    assert "The role has no policy at all." in audited.out


def test_a_role_is_found_by_its_arn_too(iam, role, run):
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(allow(BASE)))

    assert run("audit", "--role", iam.get_role(RoleName=role)["Role"]["Arn"], "--json").json["name"] == "role web"


def test_a_role_that_is_not_there(iam, run):  # noqa: ARG001
    refused = run("audit", "--role", "nobody")

    assert refused.code == 2
    assert "--role: found no role 'nobody' in the account" in refused.error


def test_no_credentials(run, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    refused = run("audit", "--role", "web")

    assert refused.code == 2
    assert "credentials as for the AWS CLI, such as AWS_PROFILE" in refused.error


def test_it_only_reads(iam, role, run):
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(*TIGHT))
    called = []

    def record(request, **_):
        called.extend(
            urllib.parse.parse_qs(request.body.decode() if isinstance(request.body, bytes) else request.body)["Action"]
        )

    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register("before-send.iam.*", record)
    try:
        run("audit", "--role", role)
    finally:
        boto3.DEFAULT_SESSION.events.unregister("before-send.iam.*", record)

    assert {f"iam:{action}" for action in called} == set(import_module("ssm_profile.cli.role").READ_ACTIONS)
