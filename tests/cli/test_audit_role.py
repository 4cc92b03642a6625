"""``ssm-profile audit --role``, with an emulated IAM in this process."""

import json
import os
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from threading import Thread
from typing import ClassVar

import pytest

from ssm_profile.policy import policy_document
from tests import ROOT, require
from tests.cli.policies import INSTANCES, MINIMUM, SCOPED_MINIMUM, allow, document, working_features
from tests.expected import TRUST

boto3 = require("boto3")
moto = require("moto")
jsonschema = require("jsonschema")

SCHEMA = json.loads((ROOT / "docs" / "audit.schema.json").read_text())


@pytest.fixture
def iam(monkeypatch, request):
    """A client of the emulated IAM. Loading the policies of AWS takes a second, which few tests need."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with moto.mock_aws(
        config={"iam": {"load_aws_managed_policies": bool(request.node.get_closest_marker("policies_of_aws"))}}
    ):
        yield boto3.client("iam")


@pytest.fixture
def role(iam):
    """A role with an instance profile and without a policy."""
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST), Path="/ssm/")
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    return "web"


class TestPolicies:
    def test_inline_and_managed_together(self, iam, role, run):
        iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(SCOPED_MINIMUM[0]))
        managed = iam.create_policy(PolicyName="b", PolicyDocument=document(SCOPED_MINIMUM[1]))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=role, PolicyArn=managed)

        audited = run("audit", "--role", role, "--json")

        assert audited.code == 0
        assert audited.audit["name"] == "role web"
        assert working_features(audited.audit) == {"messaging", "heartbeat"}

    def test_default_version(self, iam, role, run):
        """The other versions of a policy do not count."""
        arn = iam.create_policy(PolicyName="b", PolicyDocument=document(*SCOPED_MINIMUM))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:*")), SetAsDefault=False)

        assert run("audit", "--role", role).code == 0

    @pytest.mark.policies_of_aws
    def test_deprecated_policy(self, iam, role, run):
        iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM")

        audited = run("audit", "--role", role)

        assert audited.code == 1
        assert [row["Policy"] for row in audited.tables["Policies to replace"]] == ["AmazonEC2RoleforSSM"]

    def test_no_policies(self, role, run):
        audited = run("audit", "--role", role)

        assert audited.code == 1
        assert audited.items[0] == "The role has no policies."


class TestBoundary:
    @pytest.fixture
    def bound_role(self, iam):
        """Makes a role with a statement and a boundary."""

        def create(boundary, *statements):
            arn = iam.create_policy(PolicyName="boundary", PolicyDocument=document(*boundary))["Policy"]["Arn"]
            iam.create_role(RoleName="bound", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=arn)
            iam.put_role_policy(RoleName="bound", PolicyName="a", PolicyDocument=document(*statements))
            return "bound"

        return create

    def test_limits_the_role(self, bound_role, run):
        audited = run("audit", "--role", bound_role([allow("ssmmessages:*")], allow("*")), "--json").audit

        assert working_features(audited) == {"messaging"}
        (heartbeat,) = [row for row in audited["capabilities"] if row["capability"] == "heartbeat"]
        assert [reason["kind"] for row in heartbeat["missing"] for reason in row["reasons"]] == ["permissions boundary"]
        assert audited["options"] is None  # no option lifts a boundary
        assert {action.split(":")[0] for row in audited["unneeded"] for action in row["actions"]} <= {"ssmmessages"}

    def test_is_named(self, bound_role, run):
        audited = run("audit", "--role", bound_role([allow("ssmmessages:*")], allow("*")))

        assert (
            "ssm:UpdateInstanceInformation: the permissions boundary policy boundary does not allow it. "
            "The instance does not appear in Systems Manager."
        ) in audited.items
        assert audited.items[-1] == "Next: let the permissions boundary allow it. No option can."

    def test_allows_the_role(self, bound_role, run):
        role = bound_role([allow(["ssm:*", "ssmmessages:*"], ["*", INSTANCES])], *SCOPED_MINIMUM)

        assert working_features(run("audit", "--role", role, "--json").audit) == {"messaging", "heartbeat"}

    @pytest.mark.parametrize(
        ("instances", "expected"),
        [
            ("arn:aws:ec2:eu-central-1:123456789012:instance/*", "works"),
            ("arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0", "works if"),
            ("arn:aws:ec2:eu-central-1:210987654321:instance/*", "partly"),  # instances of another account
            ("arn:aws:ssm:*:*:managed-instance/*", "missing"),
        ],
    )
    @pytest.mark.parametrize("statement", [allow("*"), allow(MINIMUM[4], INSTANCES)])
    def test_names_instances(self, bound_role, run, instances, statement, expected):
        """As in a policy, a boundary for one region works there, and one for an instance works if it is that one."""
        boundary = [allow("ssmmessages:*"), allow(MINIMUM[4], instances)]

        audited = run("audit", "--role", bound_role(boundary, allow("ssmmessages:*"), statement), "--json").audit

        assert audited["systemsManager"] == expected
        if expected == "works if":
            (heartbeat,) = [row for row in audited["capabilities"] if row["capability"] == "heartbeat"]
            assert [(each["policy"], each["dependsOn"]) for each in heartbeat["dependsOn"]] == [
                ("policy boundary", instances)
            ]

    def test_own_denies(self, bound_role, run):
        """Those of the boundary stay in it, also if the same policy is attached."""
        deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
        role = bound_role([allow("*"), deny], *SCOPED_MINIMUM, deny)

        audited = run("audit", "--role", role, "--json").audit
        shown = run("audit", "--role", role).items

        assert [(each["policy"], each["boundary"]) for each in audited["denies"]] == [
            ("policy a", False),
            ("policy boundary", True),
        ]
        assert audited["boundary"] == "policy boundary"
        assert shown[-2:] == [
            "The permissions boundary policy boundary, with what it denies. Keep it with permissionsBoundaryArn.",
            "Each statement that denies: statement 3 of policy a. Keep it in a policy of its own.",
        ]

    def test_option_that_denies(self, bound_role, run):
        """A statement of the boundary needs no option."""
        location = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}
        statements = policy_document({"require_imdsv2": True}, location)["Statement"]
        (deny,) = [each for each in statements if each["Effect"] == "Deny"]
        role = bound_role([allow("*"), deny], *SCOPED_MINIMUM)

        assert "require_imdsv2" not in run("audit", "--role", role, "--json").audit["options"]


class TestTrust:
    """A condition of the trust policy."""

    SOURCE: ClassVar = {"StringEquals": {"aws:SourceAccount": "123456789012"}}

    @pytest.fixture
    def audit_with(self, iam, role, run):
        def audit(*flags, statements=SCOPED_MINIMUM, **condition):
            statement = TRUST["Statement"][0] | {"Condition": condition or self.SOURCE}
            document_of_role = json.dumps(TRUST | {"Statement": [statement]})
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=document_of_role)
            iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(*statements))
            return run("audit", "--role", role, *flags)

        return audit

    def test_text(self, audit_with):
        audited = audit_with()

        condition = "StringEquals aws:SourceAccount 123456789012 holds (statement 1 of trust policy)"
        assert audited.out.startswith("Systems Manager may work with role web.\n")
        assert audited.items[:2] == [
            f"EC2 can assume the role if {condition}.",
            "Next: check that an instance gets credentials, or take the condition out of the trust policy.",
        ]
        assert "AWS does not document which condition keys EC2 sends." in audited.out

    def test_json(self, audit_with):
        audited = audit_with("--json").audit

        assert (audited["systemsManager"], audited["defaultHostManagement"]) == ("works if", None)
        assert [(each["kind"], each["statement"], each["dependsOn"]) for each in audited["trust"]] == [
            ("condition", 1, "StringEquals aws:SourceAccount 123456789012")
        ]
        jsonschema.Draft202012Validator(SCHEMA).validate({"schemaVersion": 1, "audits": [audited]})

    def test_long_condition(self, audit_with):
        """The summary refers to it."""
        arns = [f"arn:aws:ec2:eu-central-1:123456789012:instance/i-{number}" for number in range(9)]
        audited = audit_with(ArnLike={"aws:SourceArn": arns})

        assert audited.items[0] == "EC2 can assume the role under a condition (statement 1 of trust policy)."
        assert arns[-1] in audited.out

    def test_next_step(self, audit_with):
        """The condition does not hide what else is wrong."""
        risky = audit_with(statements=[*SCOPED_MINIMUM, allow("ssm:SendCommand")]).items
        broken = audit_with(statements=SCOPED_MINIMUM[:1]).items

        assert risky[2].endswith("take the condition out of the trust policy. Then use the options at the end.")
        assert broken[1].startswith("ssm:UpdateInstanceInformation: no statement allows it.")
        assert broken[2] == "Next: replace it with the options below. They grant what is missing."

    def test_condition_that_holds(self, audit_with):
        audited = audit_with("--json", Bool={"aws:PrincipalIsAWSService": "true"}).audit

        assert (audited["systemsManager"], audited["trust"]) == ("works", [])


def test_trust_policy_that_denies(iam, run):
    deny = TRUST["Statement"][0] | {"Effect": "Deny"}
    iam.create_role(
        RoleName="denied", AssumeRolePolicyDocument=json.dumps(TRUST | {"Statement": [*TRUST["Statement"], deny]})
    )
    iam.put_role_policy(RoleName="denied", PolicyName="a", PolicyDocument=document(*SCOPED_MINIMUM))

    assert "does not let ec2.amazonaws.com assume the role" in run("audit", "--role", "denied").items[1]


def test_role_that_no_instance_can_use(iam, run):
    trust = TRUST | {"Statement": [TRUST["Statement"][0] | {"Principal": {"Service": "lambda.amazonaws.com"}}]}
    iam.create_role(RoleName="alone", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="alone", PolicyName="a", PolicyDocument=document(*SCOPED_MINIMUM))

    audited = run("audit", "--role", "alone")

    assert audited.code == 1
    assert audited.out.startswith("Systems Manager does NOT work with role alone.")
    assert audited.items[:2] == [
        "No instance profile contains the role, so no instance can use it.",
        "The trust policy does not let ec2.amazonaws.com assume the role.",
    ]


def test_arn_of_a_role(iam, role, run):
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(allow(MINIMUM)))

    assert run("audit", "--role", iam.get_role(RoleName=role)["Role"]["Arn"], "--json").audit["name"] == "role web"


ROLE = "arn:aws:iam::123456789012:role/audit"
SSO = """
[default]
sso_session = nosuch
sso_account_id = 123456789012
sso_role_name = audit
[sso-session nosuch]
sso_region = eu-central-1
sso_start_url = https://example.com/start
"""


class TestErrors:
    @pytest.fixture
    def audit_with(self, run, monkeypatch, tmp_path):
        """Audits a role with a config file of AWS and some variables of the environment, and without credentials."""

        def audit(config, **variables):
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                monkeypatch.delenv(name)
            (tmp_path / "config").write_text(config)
            files = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
            settings = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
            for name, value in (files | settings | variables).items():
                monkeypatch.setenv(name, value)
            return run("audit", "--role", "web")

        return audit

    def test_unknown_role(self, iam, run):  # noqa: ARG002
        refused = run("audit", "--role", "nobody")

        assert refused.code == 2
        assert "--role: AWS does not find it (" in refused.error

    @pytest.mark.parametrize("arn", ["arn:aws:iam::999999999999:role/web", "arn:aws:iam::123456789012:role/team/web"])
    def test_arn_of_another_role(self, role, run, arn):  # noqa: ARG002
        """GetRole takes only a name. The role of that name in another account is another one."""
        refused = run("audit", "--role", arn)

        assert refused.code == 2
        assert f"--role: AWS does not find {arn}." in refused.error

    def test_no_permissions(self, iam, role, run, monkeypatch):
        """The message lists the permissions that the command requires."""
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
        monkeypatch.setattr(boto3, "Session", lambda: session)
        run_authorized = require("moto.core").set_initial_no_auth_action_count(0)(run)

        refused = run_authorized("audit", "--role", role)

        assert refused.code == 2
        assert "--role: AWS refused the request (AccessDenied: " in refused.error
        assert refused.error.endswith("iam:ListInstanceProfilesForRole, iam:ListRoles.\n")

    def test_no_credentials(self, audit_with):
        refused = audit_with("")

        assert refused.code == 2
        assert "There are no AWS credentials that can be used" in refused.error
        assert "Set them up as for the AWS CLI, for example with AWS_PROFILE, or sign in again." in refused.error

    @pytest.mark.parametrize(
        ("config", "variables", "reason"),
        [
            ("", {"AWS_PROFILE": "nosuch"}, "The config profile (nosuch) could not be found"),
            ("", {"AWS_ENDPOINT_URL": "nourl"}, "Invalid endpoint: nourl"),
            ("", {"AWS_MAX_ATTEMPTS": "x"}, "invalid literal for int() with base 10: 'x'"),
            ("", {"AWS_DEFAULT_REGION": "no where"}, "Provided region_name 'no where' doesn't match"),
            ("", {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nosuch"}, "No such file or directory"),
            ("region", {}, "Unable to parse config file"),
            ("[default]\ncredential_process = false", {}, "Error when retrieving credentials from custom-process"),
            ("[default]\ncredential_process = /nosuch", {}, "No such file or directory: '/nosuch'"),
            ("[default]\ncredential_process = echo []", {}, "'list' object has no attribute 'get'"),
            (f"[default]\nrole_arn = {ROLE}\nsource_profile = nosuch", {}, 'The source_profile "nosuch"'),
            (SSO, {}, "Error loading SSO Token"),
        ],
    )
    def test_wrong_settings(self, audit_with, config, variables, reason):
        """The AWS SDK has an error of another kind for each of them. None is a finding."""
        refused = audit_with(config, **variables)

        assert (refused.code, refused.out) == (2, "")
        assert refused.error.startswith("Error: ")
        assert reason in refused.error

    def test_answer_of_another_server(self, audit_with):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.wfile.write(b"HTTP/1.0 200 OK\n\n<html>Log in to this network.<br></html>")

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            refused = audit_with(
                "",
                AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
                AWS_MAX_ATTEMPTS="1",
                AWS_ACCESS_KEY_ID="testing",
                AWS_SECRET_ACCESS_KEY="testing",
            )
            server.shutdown()

        assert refused.code == 2
        assert refused.error == (
            "Error: --role: the answer does not come from AWS. Check AWS_ENDPOINT_URL and the settings of your proxy.\n"
        )


@pytest.mark.policies_of_aws
def test_only_read_actions(iam, role, run, monkeypatch):
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(*SCOPED_MINIMUM))
    calls = []

    def record(request, **_):
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        calls.extend(urllib.parse.parse_qs(body)["Action"])

    session = boto3.Session()
    session.events.register("before-send.iam.*", record)
    monkeypatch.setattr(boto3, "Session", lambda: session)
    run("audit", "--role", role)

    assert {f"iam:{action}" for action in calls} == set(import_module("ssm_profile.cli.iam_roles").READ_ACTIONS)


class TestSeveralRoles:
    @pytest.fixture
    def roles(self, iam, role):
        """Three roles: web, web-2 and db."""
        for name in ("web-2", "db"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        for name in (role, "web-2", "db"):
            iam.put_role_policy(RoleName=name, PolicyName="a", PolicyDocument=document(*SCOPED_MINIMUM))

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (["web", "db"], ["role web", "role db"]),
            (["web*"], ["role web", "role web-2"]),
            (["web*", "web-2"], ["role web", "role web-2"]),
        ],
    )
    def test_names_and_patterns(self, roles, run, names, expected):  # noqa: ARG002
        flags = [flag for name in names for flag in ("--role", name)]

        audits = run("audit", *flags, "--json").json["audits"]

        assert [audit["name"] for audit in audits] == expected

    def test_pattern_without_a_match(self, roles, run):  # noqa: ARG002
        refused = run("audit", "--role", "app-*")

        assert refused.code == 2
        assert "--role: no role of this account matches app-*." in refused.error


class TestInstance:
    @pytest.fixture
    def launch(self, role):  # noqa: ARG002
        """Launches an instance, with the instance profile of the role if asked."""
        ec2 = boto3.client("ec2", region_name="eu-central-1")

        def run_instance(**profile):
            launched = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, **profile)
            return launched["Instances"][0]["InstanceId"]

        return run_instance

    def test_role_of_an_instance(self, iam, role, launch, run):
        iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=document(*SCOPED_MINIMUM))
        (profile,) = iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
        instance = launch(IamInstanceProfile={"Name": profile["InstanceProfileName"]})

        audited = run("audit", "--instance", instance, "--json")

        assert (audited.code, audited.audit["name"]) == (0, "role web")

    def test_instance_without_a_profile(self, iam, launch, run):  # noqa: ARG002
        instance = launch()

        refused = run("audit", "--instance", instance)

        assert refused.code == 2
        assert refused.error == f"Error: --instance: {instance} has no instance profile, so it has no role.\n"

    def test_unknown_instance(self, iam, role, run):  # noqa: ARG002
        refused = run("audit", "--instance", "i-0123456789abcdef0")

        assert refused.code == 2
        assert "--instance: AWS does not find it" in refused.error
