"""The package as pip installs it: built, installed into an empty environment, and used there."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests import IN_CI, ROOT

EXAMPLE = ROOT / "examples" / "two_profiles"
UNDER_MOCKS = """
import json, pathlib, runpy, pulumi, ssm_profile
assert pathlib.Path(ssm_profile.__file__).is_relative_to({environment!r}), ssm_profile.__file__

class Mocks(pulumi.runtime.Mocks):
    policies = {{}}
    def new_resource(self, args):
        if args.typ == "aws:iam/rolePolicy:RolePolicy":
            self.policies[args.name] = json.loads(args.inputs["policy"])
        place = "kms:eu-west-1" if args.typ == "aws:kms/key:Key" else "iam:"
        arn = "arn:aws:" + place + ":123456789012:key/" + args.name
        return args.name, args.inputs | {{"name": args.name, "bucket": args.name, "arn": arn}}
    def call(self, args):
        known = {{"getPartition": {{"partition": "aws"}}, "getRegion": {{"region": "eu-west-1"}}}}
        return known.get(args.token.split(":")[-1], {{"accountId": "123456789012"}})

pulumi.runtime.set_mocks(Mocks())
pulumi.runtime.test(lambda: runpy.run_path({example!r}, run_name="__main__") and None)()
print(json.dumps(Mocks.policies))
"""


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this repository."""
    folder = tmp_path_factory.mktemp("dist")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment with nothing but the wheel, and what it asks for, in the versions that are tested here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    versions = [f"{library}=={version(library)}" for library in ("pulumi", "pulumi-aws")]
    pip(folder / "bin" / "python", "install", str(wheel), *versions)
    return folder


def pip(python, *arguments):
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and not IN_CI and "No matching distribution" in done.stderr:
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr


def test_the_wheel_has_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].split("-")[0] for name in names} == {"ssm_profile"}
    assert {"ssm_profile/py.typed", "ssm_profile/PulumiPlugin.yaml", "ssm_profile/requirements.txt"} <= set(names)
    assert "ssm_profile/cli/aws_policies/AmazonSSMManagedInstanceCore.json" in names
    assert not [name for name in names if "sandbox" in name or "test" in name]


def test_it_asks_for_pulumi_and_pulumi_aws_alone(environment):
    requires = run(environment / "bin" / "pip", "show", "ssm-profile").split("Requires: ")[1].split("\n")[0]

    assert requires == "pulumi, pulumi-aws"


def test_the_example_runs_under_mocks(environment, tmp_path):
    program = UNDER_MOCKS.format(environment=str(environment), example=str(EXAMPLE / "__main__.py"))

    policies = json.loads(run(environment / "bin" / "python", "-c", program, cwd=tmp_path))

    assert policies.keys() == {"web-policy", "batch-policy"}
    assert "arn:aws:ssm:eu-west-1:123456789012:parameter/batch" in json.dumps(policies["batch-policy"])


def test_the_command_says_what_is_missing(environment, tmp_path):
    command = [environment / "bin" / "ssm-profile", "explain"]

    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)

    assert refused.returncode == 2
    assert "pip install 'ssm-profile[cli]'" in refused.stderr


def test_the_example_is_deployed_by_the_environment_s_python(environment, sandbox, tmp_path, iam):
    modules = tmp_path / "modules"  # the sandbox's language host alone, and not this repository's package
    shutil.copytree(ROOT / "sandbox", modules / "sandbox")
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    settings = (project / "Pulumi.yaml").read_text()
    (project / "Pulumi.yaml").write_text(settings.replace("virtualenv: .venv", f"virtualenv: {environment}"))
    by_hand = os.environ | sandbox.cli_environment(str(environment / "bin" / "python"), modules)
    pulumi = Path(sandbox.pulumi.command).name

    run(pulumi, "stack", "init", "dev", cwd=project, env=by_hand)
    run(pulumi, "up", "--yes", "--skip-preview", "--stack", "dev", cwd=project, env=by_hand)

    assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 2
    run(pulumi, "destroy", "--yes", "--skip-preview", "--stack", "dev", cwd=project, env=by_hand)
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
