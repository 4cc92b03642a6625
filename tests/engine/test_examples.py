"""The other examples in the real engine."""

import json

import pytest
from pulumi.automation import CommandError

from tests import ROOT
from tests.engine.conftest import changes, documents
from tests.unit.test_examples import WEB_POLICY

TWO_PROFILES = ROOT / "examples" / "two_profiles"
ACCOUNTS = ROOT / "examples" / "accounts"


def test_two_profiles_with_a_provider_a_bucket_and_a_key_of_the_program_s_own(sandbox, iam):
    stack = sandbox.stack("dev", TWO_PROFILES)

    outputs = {name: output.value for name, output in stack.up().outputs.items()}

    roles = {role["RoleName"].rsplit("-", 1)[0]: role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert roles.keys() == {"web-role", "batch-role"}
    kms = sandbox.aws.client("kms", region_name="eu-west-1")
    (key,) = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["Arn"] for each in kms.list_keys()["Keys"]]
    (bucket,) = [each["Name"] for each in sandbox.aws.client("s3").list_buckets()["Buckets"]]
    assert documents(iam, roles["web-role"]) == [json.loads(outputs["webPolicy"])] == [WEB_POLICY(key, bucket)]
    assert documents(iam, roles["batch-role"]) == [json.loads(outputs["batchPolicy"])]
    assert "arn:aws:ssm:eu-west-1:123456789012:parameter/batch/*" in outputs["batchPolicy"]  # the provider's region
    tags = {name: iam.list_role_tags(RoleName=role)["Tags"] for name, role in roles.items()}
    assert tags == {
        "web-role": [{"Key": "Team", "Value": "web"}],  # the provider's
        "batch-role": [{"Key": "Team", "Value": "batch"}],
    }
    assert changes(stack.up()) == {}
    stack.destroy()
    assert iam.list_roles()["Roles"] == []


def test_many_accounts_have_a_profile_each(sandbox):
    stack = sandbox.stack("dev", ACCOUNTS)

    outputs = {name: output.value for name, output in stack.up().outputs.items()}

    assert {name: arn.split(":")[4] for name, arn in outputs.items()} == {
        "web-dev": "111111111111",
        "batch-dev": "222222222222",
    }
    for account, name in (("111111111111", "web-dev"), ("222222222222", "batch-dev")):
        assumed = sandbox.aws.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/deploy", RoleSessionName="test"
        )["Credentials"]
        iam = sandbox.aws.client(
            "iam",
            aws_access_key_id=assumed["AccessKeyId"],
            aws_secret_access_key=assumed["SecretAccessKey"],
            aws_session_token=assumed["SessionToken"],
        )
        (role,) = iam.list_roles()["Roles"]
        assert role["Arn"] == f"arn:aws:iam::{account}:role/ssm-instance"
        assert iam.list_role_tags(RoleName="ssm-instance")["Tags"] == [{"Key": "Account", "Value": name}]
    assert sandbox.aws.client("iam").list_roles()["Roles"] == []
    assert changes(stack.up()) == {}
    stack.destroy()


def test_an_account_that_comes_to_the_list_touches_no_other(sandbox):
    accounts = {"web-dev": "111111111111"}
    stack = sandbox.stack("dev", ACCOUNTS, {"accounts": accounts})
    stack.up()

    more = sandbox.stack("dev", ACCOUNTS, {"accounts": accounts | {"another": "555555555555"}})

    assert changes(more.up()) == {"create": 5}


@pytest.mark.parametrize(
    ("accounts", "told"),
    [
        ({"a": "111111111111", "b": "111111111111"}, "accounts: found the same account as a, b; allowed: each once"),
        ({"a": "1111"}, "accounts.a: found '1111'; allowed: an account ID of 12 digits, in quotes"),
        ({"a": 111111111111}, "accounts.a: found 111111111111; allowed: an account ID of 12 digits, in quotes"),
    ],
)
def test_accounts_that_cannot_be_used_are_refused_before_anything_is_made(sandbox, accounts, told):
    stack = sandbox.stack("dev", ACCOUNTS, {"accounts": accounts})

    with pytest.raises(CommandError) as error:
        stack.up()

    assert told in str(error.value)
    assert "Traceback" not in str(error.value)
    assert "providers" not in str(error.value)
