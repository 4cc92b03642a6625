"""The fake provider gives the same results as the real AWS provider on the same emulated AWS."""

import re
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

from tests import ROOT, require
from tests.engine.lifecycle import CONFIGS, PHASES, StackLifecycle
from tests.engine.stacks import create_managed_policy, require_real_provider, resource_changes

GENERATED_BY_AWS = ("createDate", "policyId", "uniqueId")

pytestmark = pytest.mark.usefixtures("loops_closed")


def comparable_value(key, value):
    """A property's value without the parts that differ in each run."""
    if key in GENERATED_BY_AWS:
        return bool(value)
    if isinstance(value, dict):
        return {name: comparable_value(name, entry) for name, entry in value.items()}
    if isinstance(value, list):
        return sorted((comparable_value("", entry) for entry in value), key=str)
    return re.sub(r"-[0-9a-f]{7}\b", "-SUFFIX", value) if isinstance(value, str) else value


def observed_lifecycle(cli, variant, *, real):
    """The changes and the state of each resource in each phase of a stack's lifecycle with a provider."""
    observations = {}
    with import_module("sandbox.workspace").Sandbox(cli, real_provider=real) as sandbox:
        create_managed_policy(sandbox.aws.client("iam"), "extra")
        stack = StackLifecycle(sandbox, variant, retries=3)
        for phase in PHASES:
            changes = resource_changes(stack.run(phase))
            resources = stack.stack.export_stack().deployment.get("resources", [])
            observations[phase] = {
                "changes": changes,
                **{
                    f"{resource['urn'].split('::')[-1]}.{key}": comparable_value(key, value)
                    for resource in resources
                    if resource["type"].startswith("aws:")
                    for key, value in resource.get("outputs", {}).items()
                    if not key.startswith("__")
                },
            }
    return observations


def differences(fake, real):
    """The values of the fake provider that the real one does not have. Properties of only the real one are ignored."""
    return [
        f"{phase}: {key}: fake provider {value!r}, real provider {real[phase].get(key)!r}"
        for phase, values in fake.items()
        for key, value in values.items()
        if (real[phase].get(key) or None) != (value or None)
    ]


@pytest.mark.proof
@pytest.mark.parametrize("variant", CONFIGS)
def test_real_provider_agrees(pulumi_cli, variant):
    """The real AWS provider gives the same results as the fake provider."""
    require_real_provider()

    fake, real = (observed_lifecycle(pulumi_cli, variant, real=real) for real in (False, True))

    assert differences(fake, real) == []


class TestComparison:
    """The comparison itself, with a copy of the fake provider that is installed as the real one."""

    PROVIDER = """#!/bin/sh
exec {python} -c '
import sys
sys.path.insert(0, "{root}")
from sandbox.provider import __main__, iam
{change}
__main__.main()
' "$@"
"""

    @pytest.fixture
    def install_provider(self, tmp_path, monkeypatch):
        """Installs a changed copy of the fake provider where the CLI looks for the real one."""

        def install(change):
            plugin = tmp_path / "plugins" / f"resource-aws-v{version('pulumi_aws')}" / "pulumi-resource-aws"
            plugin.parent.mkdir(parents=True)
            plugin.write_text(self.PROVIDER.format(python=sys.executable, root=ROOT, change=change))
            plugin.chmod(0o755)
            monkeypatch.setenv("PULUMI_HOME", str(tmp_path))

        return install

    @pytest.mark.proof
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            pytest.param("", [], id="unchanged"),
            pytest.param(
                'iam.Role.properties["description"] = iam.Property(replaces=True)',
                ["update: changes: fake provider {'update': 3}, real provider {'replace': 2, 'update': 1}"],
                id="changed",
            ),
        ],
    )
    def test_finds_difference(self, pulumi_cli, install_provider, change, expected):
        """The comparison of the fake and the real provider reports exactly their differences."""
        install_provider(change)

        fake, real = (observed_lifecycle(pulumi_cli, "inline", real=real) for real in (False, True))

        assert differences(fake, real) == expected


def test_missing_provider_names_install_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    real_provider, sandbox = require("sandbox.real_provider"), import_module("sandbox")

    with pytest.raises(sandbox.SandboxError, match=f"pulumi plugin install resource aws {version('pulumi_aws')}"):
        real_provider.find_real_provider()
