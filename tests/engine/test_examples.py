"""The examples in the real engine. tests/engine/test_launch.py has the example launch."""

import ast
import json

import pytest
from pulumi.automation import CommandError

from generators.option_sets import LOCATION
from ssm_profile.policy import policy_document
from tests import ROOT, require
from tests.engine.stacks import (
    aws_resources,
    check_returned_properties,
    inline_documents,
    is_empty,
    output_values,
    resource_changes,
)
from tests.expected import web_policy

EXAMPLES = ROOT / "examples"
TWO_PROFILES = EXAMPLES / "two_profiles"
ACCOUNTS = EXAMPLES / "accounts"


def client_of_account(sandbox, account, service):
    """A client with the credentials of the role that a deployment assumes in an account."""
    credentials = sandbox.aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/deploy", RoleSessionName="test"
    )["Credentials"]
    return sandbox.aws.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_two_profiles(sandbox, iam):
    """Both profiles use the program's own provider, bucket and key."""
    stack = sandbox.stack("dev", TWO_PROFILES)

    outputs = output_values(stack.up().outputs)

    roles = {role["RoleName"].rsplit("-", 1)[0]: role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert roles.keys() == {"web-role", "batch-role"}
    kms = sandbox.aws.client("kms", region_name="eu-west-1")
    (key,) = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["Arn"] for each in kms.list_keys()["Keys"]]
    (bucket,) = [each["Name"] for each in sandbox.aws.client("s3").list_buckets()["Buckets"]]
    assert inline_documents(iam, roles["web-role"]) == [json.loads(outputs["webPolicy"])] == [web_policy(key, bucket)]
    assert inline_documents(iam, roles["batch-role"]) == [json.loads(outputs["batchPolicy"])]
    assert "arn:aws:ssm:eu-west-1:123456789012:parameter/batch/*" in outputs["batchPolicy"]  # the provider's region
    tags = {name: iam.list_role_tags(RoleName=role)["Tags"] for name, role in roles.items()}
    assert tags == {
        "web-role": [{"Key": "Team", "Value": "web"}],  # from the provider's default tags
        "batch-role": [{"Key": "Team", "Value": "batch"}],
    }
    assert resource_changes(stack.up()) == {}
    stack.destroy()
    assert iam.list_roles()["Roles"] == []


class TestAccounts:
    def test_each_account_has_a_profile(self, sandbox):
        stack = sandbox.stack("dev", ACCOUNTS)

        outputs = output_values(stack.up().outputs)

        assert {name: arn.split(":")[4] for name, arn in outputs.items()} == {
            "web-dev": "111111111111",
            "batch-dev": "222222222222",
        }
        for account, name in (("111111111111", "web-dev"), ("222222222222", "batch-dev")):
            iam = client_of_account(sandbox, account, "iam")
            (role,) = iam.list_roles()["Roles"]
            assert role["Arn"] == f"arn:aws:iam::{account}:role/ssm-instance"
            assert iam.list_role_tags(RoleName="ssm-instance")["Tags"] == [{"Key": "Account", "Value": name}]
        assert sandbox.aws.client("iam").list_roles()["Roles"] == []
        assert resource_changes(stack.up()) == {}
        stack.destroy()

    def test_new_account_changes_no_other(self, sandbox):
        accounts = {"web-dev": "111111111111"}
        stack = sandbox.stack("dev", ACCOUNTS, {"accounts": accounts})
        stack.up()

        extended = sandbox.stack("dev", ACCOUNTS, {"accounts": accounts | {"another": "555555555555"}})

        assert resource_changes(extended.up()) == {"create": 5}

    @pytest.mark.parametrize(
        ("accounts", "message"),
        [
            ({"first": "111111111111", "second": "111111111111"}, r"\baccounts\b.*\bfirst\b.*\bsecond\b"),
            ({"first": "1111"}, r"\baccounts\.first\b.*['\"]1111['\"]"),
            ({"first": 111111111111}, r"\baccounts\.first\b.*\b111111111111\b"),
        ],
        ids=["duplicate", "short", "number"],
    )
    def test_invalid_accounts_create_nothing(self, sandbox, accounts, message):
        """An error names the invalid account, and Pulumi creates no resource."""
        stack = sandbox.stack("dev", ACCOUNTS, {"accounts": accounts})

        with pytest.raises(CommandError, match=message) as error:
            stack.up()

        assert "Traceback" not in str(error.value)
        assert "providers" not in str(error.value)


@pytest.fixture
def client(sandbox):
    """Creates clients in the region of the examples."""
    return lambda service: sandbox.aws.client(service, region_name="eu-central-1")


def deploy(sandbox, example, config=None):
    """Deploy an example. A second update changes nothing. Returns the stack and its outputs."""
    stack = sandbox.stack("dev", EXAMPLES / example, config)
    outputs = output_values(stack.up().outputs)
    check_returned_properties(aws_resources(stack))
    assert resource_changes(stack.up()) == {}
    return stack, outputs


def test_session_logging(sandbox, iam, client):
    stack, outputs = deploy(sandbox, "session_logging")

    s3, bucket = client("s3"), {"Bucket": outputs["bucket"]}
    assert set(s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_versioning(**bucket)["Status"] == "Enabled"
    (encryption,) = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    (group,) = client("logs").describe_log_groups()["logGroups"]
    log_key = group["kmsKeyId"]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": log_key}
    assert log_key != outputs["sessionKey"]
    (rule,) = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    assert (rule["Filter"], rule["Expiration"]) == ({"Prefix": "sessions/"}, {"Days": 365})
    (denied,) = json.loads(s3.get_bucket_policy(**bucket)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    document = client("ssm").get_document(Name="SSM-SessionManagerRunShell")
    preferences = json.loads(document["Content"])["inputs"]
    assert preferences["s3BucketName"] == outputs["bucket"]
    assert preferences["cloudWatchLogGroupName"] == group["logGroupName"] == outputs["logGroup"]
    assert preferences["kmsKeyId"] == outputs["sessionKey"]
    stack.destroy()
    assert is_empty(iam)
    assert s3.list_buckets()["Buckets"] == client("logs").describe_log_groups()["logGroups"] == []
    keys = [client("kms").describe_key(KeyId=key["KeyId"]) for key in client("kms").list_keys()["Keys"]]
    assert {key["KeyMetadata"]["KeyState"] for key in keys} == {"PendingDeletion"}
    owned = client("ssm").list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])
    assert owned["DocumentIdentifiers"] == []


def test_private_subnet(sandbox, iam, client):
    """The subnet has no route to the internet, and the endpoints are where the instance looks for them."""
    ec2 = client("ec2")
    networks = len(ec2.describe_vpcs()["Vpcs"])

    stack, outputs = deploy(sandbox, "private_subnet")

    response = ec2.describe_instances(InstanceIds=[outputs["instanceId"]])
    instance = response["Reservations"][0]["Instances"][0]
    of_vpc = {"Filters": [{"Name": "vpc-id", "Values": [instance["VpcId"]]}]}
    (table,) = ec2.describe_route_tables(**of_vpc)["RouteTables"]
    endpoints = {each["ServiceName"]: each for each in ec2.describe_vpc_endpoints(**of_vpc)["VpcEndpoints"]}
    gateway = endpoints.pop("com.amazonaws.eu-central-1.s3")
    assert [route["GatewayId"] for route in table["Routes"]] == ["local", gateway["VpcEndpointId"]]
    assert {name.rsplit(".", 1)[-1] for name in endpoints} == {"ssm", "ssmmessages"}
    assert all(each["PrivateDnsEnabled"] for each in endpoints.values())
    assert {subnet for each in endpoints.values() for subnet in each["SubnetIds"]} == {instance["SubnetId"]}
    assert (
        ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [instance["VpcId"]]}])[
            "InternetGateways"
        ]
        == []
    )
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        found = ec2.describe_vpc_attribute(VpcId=instance["VpcId"], Attribute=attribute)
        assert found[attribute[0].upper() + attribute[1:]] == {"Value": True}
    stack.destroy()
    assert is_empty(iam)
    assert len(ec2.describe_vpcs()["Vpcs"]) == networks


def test_auto_scaling(sandbox, iam, client):
    stack, outputs = deploy(sandbox, "auto_scaling")

    groups, ec2 = client("autoscaling"), client("ec2")
    (group,) = groups.describe_auto_scaling_groups(AutoScalingGroupNames=[outputs["autoScalingGroup"]])[
        "AutoScalingGroups"
    ]
    assert (group["MinSize"], group["MaxSize"], len(group["Instances"])) == (2, 4, 2)
    template = group["LaunchTemplate"]
    (version,) = ec2.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=[template["Version"]]
    )["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    assert data["IamInstanceProfile"]["Arn"].endswith(f"instance-profile/{outputs['instanceProfileName']}")
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    stack.destroy()
    assert is_empty(iam)
    assert groups.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []


class TestOrganization:
    @pytest.fixture
    def unit(self, sandbox):
        """An organizational unit with an account."""
        organizations = sandbox.aws.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        (root,) = (each["Id"] for each in organizations.list_roots()["Roots"])
        created = organizations.create_organizational_unit(ParentId=root, Name="web")
        unit = created["OrganizationalUnit"]["Id"]
        account = organizations.create_account(AccountName="web", Email="web@example.com")
        account = account["CreateAccountStatus"]["AccountId"]
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
        return unit, account

    def test_accounts_of_the_unit_have_the_profile(self, sandbox, client, unit):
        """CloudFormation in moto deploys the template, and the linter of CloudFormation finds nothing in it."""
        unit, account = unit

        stack, outputs = deploy(sandbox, "organization", {"organizationalUnits": [unit]})

        iam = client_of_account(sandbox, account, "iam")
        (profile,) = iam.list_instance_profiles()["InstanceProfiles"]
        assert profile["InstanceProfileName"] == profile["Roles"][0]["RoleName"] == "ssm-instance"
        (document,) = inline_documents(iam, "ssm-instance")
        options = {"ec2_describe": False, "scope_heartbeat": True, "require_imdsv2": True}
        assert ast.literal_eval(document) == policy_document(options, LOCATION)  # moto has it as Python's text
        found = client("cloudformation").describe_stack_set(StackSetName=outputs["stackSet"])["StackSet"]
        assert found["PermissionModel"] == "SERVICE_MANAGED"
        assert require("cfnlint.api").lint(found["TemplateBody"]) == []
        stack.destroy()
        assert iam.list_instance_profiles()["InstanceProfiles"] == []
        # AWS Organizations creates this role with an account.
        assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["OrganizationAccountAccessRole"]
