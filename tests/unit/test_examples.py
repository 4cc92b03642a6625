"""The examples under mocks."""

import json
import re
import runpy

import pulumi
import pytest

from generators.option_sets import EVERYTHING, LOCATION
from ssm_profile import OptionsError, SsmInstanceProfile
from ssm_profile.policy import vpc_endpoints
from tests import ROOT
from tests.agent_calls import is_allowed
from tests.expected import web_policy

EXAMPLES = ROOT / "examples"


def test_two_profiles(cloud, run_example):
    outputs = run_example("two_profiles")

    key = "arn:aws:kms:eu-central-1:123456789012:key/sessions-1234567"  # as the mocks have it
    (web,) = [
        each.inputs["policy"]
        for each in cloud.registered
        if each.type == "aws:iam/rolePolicy:RolePolicy" and each.name == "web-policy"
    ]
    assert json.loads(web) == web_policy(key, "session-logs-1234567")
    assert outputs.keys() == {"web", "webPolicy", "batch", "batchPolicy"}
    providers = {each.provider.split("::")[-2] for each in cloud.registered if each.type.startswith("aws:")}
    assert providers == {"ireland"}


def test_each_account_has_a_provider(cloud, run_example):
    run_example("accounts")

    providers = {each.name: each.inputs for each in cloud.registered if each.type == "pulumi:providers:aws"}
    assert providers.keys() == {"web-dev", "batch-dev"}
    assert json.loads(providers["web-dev"]["assumeRoles"]) == [
        {"roleArn": "arn:aws:iam::111111111111:role/deploy", "sessionName": "ssm-profile"}
    ]
    assert json.loads(providers["web-dev"]["allowedAccountIds"]) == ["111111111111"]
    roles = {each.name: each.provider for each in cloud.registered if each.type == "aws:iam/role:Role"}
    assert {name: provider.split("::")[-2] for name, provider in roles.items()} == {
        "web-dev-role": "web-dev",
        "batch-dev-role": "batch-dev",
    }


@pytest.mark.parametrize(
    "accounts", [[], {}, "111111111111", {"a": "1"}, {"a": "111111111111", "b": "111111111111"}, {"a": None}]
)
def test_invalid_accounts_are_refused(cloud, run_example, accounts):
    with pytest.raises(pulumi.RunError, match=r"[Nn]othing was changed"):
        run_example("accounts", accounts=accounts)

    assert cloud.registered == []


def inputs_of(cloud, type_name):
    """The inputs of each resource of a type."""
    return [each.inputs for each in cloud.registered if each.type == type_name]


class TestSessionLogging:
    """The session preferences name exactly what the role may use."""

    @pytest.fixture
    def preferences(self, cloud, run_example):
        run_example("session_logging")
        document = cloud.of_type("aws:ssm/document:Document").inputs
        assert (document["name"], document["documentType"]) == ("SSM-SessionManagerRunShell", "Session")
        return json.loads(document["content"])["inputs"]

    @pytest.fixture
    def calls(self, cloud, preferences):
        """What the agent calls for an encrypted and logged session with these preferences."""
        bucket = f"arn:aws:s3:::{preferences['s3BucketName']}"
        log = f"{bucket}/{preferences['s3KeyPrefix']}/session-0123.log"
        stream = "arn:aws:logs:eu-central-1:123456789012:log-group:{}:log-stream:session-0123"
        stream = stream.format(preferences["cloudWatchLogGroupName"])
        (encryption,) = inputs_of(
            cloud, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
        )
        log_key = encryption["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]
        session = {
            "kms:EncryptionContext:aws:ssm:SessionId": "web-0123",
            "kms:EncryptionContext:aws:ssm:TargetId": "i-1",
        }
        through_s3 = {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
        return [
            {"action": action, "resource": resource, "context": context}
            for action, resource, context in (
                ("kms:Decrypt", preferences["kmsKeyId"], session),
                ("s3:GetEncryptionConfiguration", bucket, {}),
                ("s3:PutObject", log, {}),
                ("s3:PutObjectAcl", log, {"s3:x-amz-acl": "bucket-owner-full-control"}),
                ("kms:GenerateDataKey", log_key, through_s3),
                ("kms:Decrypt", log_key, through_s3),
                ("logs:DescribeLogGroups", "*", {}),
                ("logs:CreateLogStream", stream, {}),
                ("logs:DescribeLogStreams", stream, {}),
                ("logs:PutLogEvents", stream, {}),
            )
        ]

    def test_role_may_do_what_they_ask_for(self, cloud, calls):
        assert [call for call in calls if not is_allowed(call, cloud.policy)] == []

    def test_sessions_without_encrypted_logs_end(self, preferences):
        assert preferences["s3EncryptionEnabled"] is True
        assert preferences["cloudWatchEncryptionEnabled"] is True

    def test_role_may_do_nothing_beside_it(self, cloud, preferences):
        others = [
            ("s3:PutObject", f"arn:aws:s3:::{preferences['s3BucketName']}/other/session-0123.log"),
            ("s3:GetObject", f"arn:aws:s3:::{preferences['s3BucketName']}/{preferences['s3KeyPrefix']}/a.log"),
            ("logs:PutLogEvents", "arn:aws:logs:eu-central-1:123456789012:log-group:/other:log-stream:a"),
            ("kms:Decrypt", preferences["kmsKeyId"]),  # without the encryption context of a session
        ]

        for action, resource in others:
            assert not is_allowed({"action": action, "resource": resource}, cloud.policy), (action, resource)

    def test_cloudwatch_logs_may_use_the_key(self, cloud, preferences):
        """The log group has the key of the bucket, whose policy lets CloudWatch Logs use it for this group only."""
        log_group = cloud.of_type("aws:cloudwatch/logGroup:LogGroup").inputs
        (policy,) = [key["policy"] for key in inputs_of(cloud, "aws:kms/key:Key") if "policy" in key]
        (statement,) = [each for each in json.loads(policy)["Statement"] if "Service" in each["Principal"]]
        group_arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/ssm/sessions"

        assert log_group["name"] == preferences["cloudWatchLogGroupName"]
        assert log_group["kmsKeyId"].endswith("key/session-logs-1234567")
        assert statement == {
            "Sid": "CloudWatchLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group_arn}},
        }


def test_private_subnet_has_the_endpoints(cloud, run_example):
    """Those that explain names, and nothing opens more than HTTPS within the subnet."""
    run_example("private_subnet")

    endpoints = {
        each["serviceName"]: each["vpcEndpointType"] for each in inputs_of(cloud, "aws:ec2/vpcEndpoint:VpcEndpoint")
    }
    options = {"ec2_describe": False, "patching": True}
    assert endpoints.keys() == {each.name("eu-central-1") for each in vpc_endpoints(options)}
    assert endpoints == {
        "com.amazonaws.eu-central-1.ssm": "Interface",
        "com.amazonaws.eu-central-1.ssmmessages": "Interface",
        "com.amazonaws.eu-central-1.s3": "Gateway",
    }
    rules = [
        rule
        for group in inputs_of(cloud, "aws:ec2/securityGroup:SecurityGroup")
        for direction in ("ingress", "egress")
        for rule in group.get(direction, ())
    ]
    assert {(rule["fromPort"], rule["toPort"], *rule["cidrBlocks"]) for rule in rules} == {(443, 443, "10.0.0.0/24")}
    assert any(statement["Effect"] == "Deny" for statement in cloud.policy["Statement"])  # vpc_endpoints_only


def test_launch_template_version_starts_a_refresh(cloud, run_example):
    """A group with "$Latest" as the version would not change with the template."""
    cloud.computed["aws:ec2/launchTemplate:LaunchTemplate"] = {"latestVersion": 7}

    run_example("auto_scaling")

    group = cloud.of_type("aws:autoscaling/group:Group").inputs
    assert group["launchTemplate"]["version"] == "7"
    assert group["instanceRefresh"]["strategy"] == "Rolling"
    assert group["vpcZoneIdentifiers"] == ["subnet-1", "subnet-2"]


class TestOrganization:
    @pytest.fixture
    def template(self, cloud, deploy):  # noqa: ARG002
        """The function that makes the template."""
        found = {}
        pulumi.runtime.set_all_config({"ssm-profile:organizationalUnits": '["r-abcd"]', "ssm-profile:roleName": "web"})
        deploy(lambda: found.update(runpy.run_path(str(EXAMPLES / "organization" / "__main__.py"))))
        return found["template"]

    @staticmethod
    def fill(value):
        """A value as CloudFormation fills it in the account of the tests."""
        if isinstance(value, dict):
            if value.keys() == {"Fn::Sub"}:
                names = {"Partition": "partition", "Region": "region", "AccountId": "account"}
                return re.sub(r"\$\{AWS::(\w+)\}", lambda name: LOCATION[names[name[1]]], value["Fn::Sub"])
            return {key: TestOrganization.fill(entry) for key, entry in value.items()}
        return [TestOrganization.fill(entry) for entry in value] if isinstance(value, list) else value

    def test_policy_is_that_of_the_component(self, cloud, deploy, template):
        """With every option that the template can have."""
        options = {key: value for key, value in EVERYTHING.items() if key not in ("managed_buckets", "patch_policy")}
        role = template(options, "web")["Resources"]["Role"]["Properties"]
        cloud.registered.clear()
        deploy(lambda: SsmInstanceProfile("web", options))

        (policy,) = role["Policies"]
        assert self.fill(policy["PolicyDocument"]) == cloud.policy
        trust = cloud.of_type("aws:iam/role:Role").inputs["assumeRolePolicy"]
        assert role["AssumeRolePolicyDocument"] == json.loads(trust)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inventory": True}, "`inventory` requires"),
            ({"managed_buckets": True}, "`managed_buckets` cannot be true"),
            ({"path": "/ssm/"}, "`path` cannot be used in this stack set"),
            (
                {key: EVERYTHING[key] for key in ("state_manager", "patching", "patch_policy")},
                "`patch_policy` cannot be used in this stack set",
            ),
        ],
    )
    def test_wrong_options_are_refused(self, template, options, message):
        with pytest.raises(OptionsError, match=message):
            template(options, "web")


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_documents_link_every_example(example):
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]

    assert any(f"examples/{example}/" in page.read_text() for page in pages)
