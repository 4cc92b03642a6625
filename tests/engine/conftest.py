"""The real engine against an emulated AWS, through the same code as `make sandbox`."""

import json
import textwrap
from importlib import import_module

import pytest
from pulumi.automation import ConfigValue

from tests import IN_CI, require


def pytest_collection_modifyitems(items):
    for item in items:
        if "engine" in item.path.parts:
            item.add_marker("engine")


@pytest.fixture(scope="session")
def pulumi_cli():
    """The Pulumi CLI that is here already; `make test` gets one beforehand."""
    require("moto")
    console = require("rich.console").Console(quiet=True)
    sandbox = import_module("sandbox")
    try:
        return import_module("sandbox.pulumi_cli").find_pulumi(console, get=False)
    except sandbox.SandboxError:
        if IN_CI:
            raise
        pytest.skip("there is no Pulumi CLI: `make cli` finds or gets one")


@pytest.fixture
def sandbox(pulumi_cli, loops_closed):  # noqa: ARG001
    """An emulated AWS of the test's own."""
    with import_module("sandbox.workspace").Sandbox(pulumi_cli) as running:
        yield running


@pytest.fixture
def iam(sandbox):
    return sandbox.aws.client("iam")


@pytest.fixture
def dev(sandbox):
    """The dev stack, deployed."""
    stack = sandbox.stack("dev")
    stack.up()
    return stack


@pytest.fixture
def project(tmp_path):
    """Makes a Pulumi project of a program's text."""

    def make(program, **config):
        (tmp_path / "__main__.py").write_text(
            "import json\nimport pulumi\nimport pulumi_aws as aws\n" + textwrap.dedent(program)
        )
        (tmp_path / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        settings = {"config": {"aws:region": "eu-central-1"} | config}
        (tmp_path / "Pulumi.test.yaml").write_text(json.dumps(settings))
        return tmp_path

    return make


def changes(result):
    """How many resources an operation touched, by what it did to them."""
    return {kind: count for kind, count in result.summary.resource_changes.items() if kind != "same"}


def switch(stack, **options):
    for name, value in options.items():
        stack.set_config(name, ConfigValue(json.dumps(value) if not isinstance(value, str) else value))


def documents(iam, role):
    """Every inline policy of a role, as IAM has them."""
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def own_policy(iam, name):
    """The ARN of a managed policy of the account's own."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]


def is_empty(iam):
    return not iam.list_roles()["Roles"] and not iam.list_instance_profiles()["InstanceProfiles"]
