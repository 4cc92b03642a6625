"""The examples two_profiles and accounts in the real engine."""

import json

import pytest
from pulumi.automation import CommandError

from tests import ROOT
from tests.engine.stacks import inline_documents, output_values, resource_changes
from tests.expected import web_policy

TWO_PROFILES = ROOT / "examples" / "two_profiles"
ACCOUNTS = ROOT / "examples" / "accounts"


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
            credentials = sandbox.aws.client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/deploy", RoleSessionName="test"
            )["Credentials"]
            iam = sandbox.aws.client(
                "iam",
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
            )
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
