"""The fake provider beside the real AWS provider, on the same emulated AWS: both give the same."""

import os
import re
from importlib import import_module
from importlib.metadata import version

import pytest

from tests import require
from tests.engine.conftest import changes, own_policy, require_real_provider
from tests.engine.lives import LIVES, PHASES, Life

PROVIDERS = {"fake": False, "real": True}
CHOSEN_BY_AWS = ("createDate", "policyId", "uniqueId")


def comparable(key, value):
    """A property's value without what is another one in each run."""
    if key in CHOSEN_BY_AWS:
        return bool(value)
    if isinstance(value, dict):
        return {name: comparable(name, entry) for name, entry in value.items()}
    if isinstance(value, list):
        return sorted((comparable("", entry) for entry in value), key=str)
    return re.sub(r"-[0-9a-f]{7}\b", "-SUFFIX", value) if isinstance(value, str) else value


def observed(cli, life, *, real):
    """What a stack's life looks like with a provider: the changes, and the state of each resource, phase by phase."""
    found = {}
    with import_module("sandbox.workspace").Sandbox(cli, real_provider=real) as sandbox:
        own_policy(sandbox.aws.client("iam"), "extra")
        stack = Life(sandbox, life, retries=3)
        for phase in PHASES:
            done = changes(stack.go(phase))
            resources = stack.stack.export_stack().deployment.get("resources", [])
            found[phase] = {
                "changes": done,
                **{
                    f"{resource['urn'].split('::')[-1]}.{key}": comparable(key, value)
                    for resource in resources
                    if resource["type"].startswith("aws:")
                    for key, value in resource.get("outputs", {}).items()
                    if not key.startswith("__")
                },
            }
    return found


def differences(fake_provider, real):
    """What the fake provider gives and the real provider does not. What only the real one knows is none."""
    return [
        f"{phase}: {key}: the fake provider has {value!r}, the real provider {real[phase].get(key)!r}"
        for phase, found in fake_provider.items()
        for key, value in found.items()
        if (real[phase].get(key) or None) != (value or None)
    ]


pytestmark = pytest.mark.usefixtures("loops_closed")


@pytest.mark.proof
@pytest.mark.parametrize("life", LIVES)
def test_the_real_provider_gives_what_the_fake_provider_gives(pulumi_cli, life):
    require_real_provider()

    found = {name: observed(pulumi_cli, life, real=real) for name, real in PROVIDERS.items()}

    assert differences(found["fake"], found["real"]) == []


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a program as the real provider, where the CLI would look for it."""

    def install(program):
        plugin = tmp_path / "plugins" / f"resource-aws-v{version('pulumi_aws')}" / "pulumi-resource-aws"
        plugin.parent.mkdir(parents=True)
        plugin.write_text(program)
        plugin.chmod(0o755)
        monkeypatch.setenv("PULUMI_HOME", str(tmp_path))

    return install


OTHER = """#!/bin/sh
exec {python} -c '
import sys
sys.path.insert(0, "{root}")
from sandbox.provider import __main__, iam
{change}
__main__.main()
' "$@"
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param("", [], marks=pytest.mark.proof),
        (
            'iam.Role.properties["description"] = iam.Property(replaces=True)',
            ["update: changes: the fake provider has {'update': 3}, the real provider {'replace': 2, 'update': 1}"],
        ),
    ],
)
def test_another_provider_is_run_in_place_of_the_fake_provider_and_its_differences_are_found(
    pulumi_cli, installed, change, expected
):
    root, python = import_module("sandbox.workspace").ROOT, import_module("sys").executable
    installed(OTHER.format(python=python, root=root, change=change))

    told = differences(observed(pulumi_cli, "inline", real=False), observed(pulumi_cli, "inline", real=True))

    assert told == expected


def test_a_provider_that_is_not_installed_is_said_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    real_provider, sandbox = require("sandbox.real_provider"), import_module("sandbox")

    with pytest.raises(sandbox.SandboxError) as error:
        real_provider.find_real_provider()

    wanted = version("pulumi_aws")
    assert str(error.value) == (
        f"The real AWS provider {wanted} is not installed. "
        f"Install it with `pulumi plugin install resource aws {wanted}`."
    )
    assert "AWS_ENDPOINT_URL" not in os.environ
