"""The examples under mocks."""

import json

import pulumi
import pytest

from tests import ROOT
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


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_documents_link_every_example(example):
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]

    assert any(f"examples/{example}/" in page.read_text() for page in pages)
