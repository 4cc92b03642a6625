"""The examples under mocks."""

import json
import runpy

import pulumi
import pytest
import yaml

from tests import ROOT
from tests.conftest import config_text
from tests.expected import web_policy

EXAMPLES = ROOT / "examples"


@pytest.fixture
def run_example(deploy):
    """Runs an example with a stack's config, completed by the defaults of its Pulumi.yaml."""

    def run(name, stack="dev", **config):
        declared = yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text()).get("config", {})
        settings = yaml.safe_load((EXAMPLES / name / f"Pulumi.{stack}.yaml").read_text()).get("config", {})
        complete = {f"{name}:{key}": known["default"] for key, known in declared.items() if "default" in known}
        complete |= settings | {f"{name}:{key}": value for key, value in config.items()}
        # The project is ssm-profile under these mocks, so the keys are as well.
        texts = {key.replace(f"{name}:", "ssm-profile:"): config_text(value) for key, value in complete.items()}
        pulumi.runtime.set_all_config(texts)
        return deploy(lambda: runpy.run_path(str(EXAMPLES / name / "__main__.py"), run_name="__main__"))

    return run


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


def test_accounts_have_a_provider_each(cloud, run_example):
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
def test_accounts_that_cannot_be_used_are_refused(cloud, run_example, accounts):
    with pytest.raises(pulumi.RunError, match="nothing was changed"):
        run_example("accounts", accounts=accounts)

    assert cloud.registered == []


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_every_example_is_in_the_readme(example):
    assert f"examples/{example}" in (ROOT / "README.md").read_text()
