"""The real engine against an emulated AWS, through the same code as `make sandbox`."""

import json
import os
import subprocess
import textwrap
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from pulumi.automation import ConfigValue

from tests import IN_CI, require

# Of a program that failed, Pulumi leaves coroutines that were never awaited.
program_fails = pytest.mark.filterwarnings(
    "ignore:coroutine:RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def pytest_collection_modifyitems(config, items):
    real = config.getoption("provider") == "real"
    for item in items:
        if "engine" in item.path.parts:
            item.add_marker("engine")
        if real and item.get_closest_marker("fake_provider"):
            item.add_marker(pytest.mark.skip(reason="is about the fake provider's own words or workings"))


@pytest.fixture(scope="session")
def pulumi_cli():
    """The Pulumi CLI that is here already; `make test` gets one beforehand."""
    require("moto")
    console = require("rich.console").Console(quiet=True)
    sandbox = import_module("sandbox")
    try:
        return import_module("sandbox.pulumi_cli").find_pulumi(console, install=False)
    except sandbox.SandboxError:
        if IN_CI:
            raise
        pytest.skip("there is no Pulumi CLI: `make cli` finds or gets one")


@pytest.fixture
def sandbox(pulumi_cli, loops_closed, request):  # noqa: ARG001
    """An emulated AWS of the test's own."""
    real = request.config.getoption("provider") == "real"
    if real:
        require_real_provider()
    with import_module("sandbox.workspace").Sandbox(pulumi_cli, real_provider=real) as running:
        yield running


def require_real_provider():
    """Skip the test, with the reason, where the real AWS provider is not installed."""
    try:
        import_module("sandbox.real_provider").find_real_provider()
    except import_module("sandbox").SandboxError as error:
        pytest.skip(str(error))


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


class SmallDisk:
    """A file system of a few kilobytes."""

    def __init__(self, path):
        self.path = path

    def fill(self):
        """Write until there is no space left."""
        with suppress(OSError), (self.path / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b" " * 512)

    def empty(self):
        """Free what `fill` took."""
        (self.path / "filler").unlink()

    def remount(self, how):
        """Make it "ro", read-only, or "rw" again."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.path)], check=True)


@pytest.fixture
def small_disk():
    """Mounts a small disk on a directory, which only root may."""
    mounted = []

    def mount(path, kilobytes):
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"needs root, to mount a small disk: {getattr(error, 'stderr', error)}")
        mounted.append(path)
        return SmallDisk(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def changes(result):
    """How many resources an operation touched, by what it did to them."""
    return {kind: count for kind, count in result.summary.resource_changes.items() if kind != "same"}


def switch(stack, **options):
    for name, value in options.items():
        stack.set_config(name, ConfigValue(json.dumps(value) if not isinstance(value, str) else value))


def state_files(sandbox, folder, pattern):
    """The files of one kind in the sandbox's state, the newest last."""
    return sorted((sandbox.directory / "state" / ".pulumi" / folder).rglob(pattern))


def import_by_hand(sandbox, stack, *what):
    """`pulumi import`, as a person runs it."""
    command = [Path(sandbox.pulumi.command).name, "import", *what, "--protect=false", "--generate-code=false"]
    done = subprocess.run(
        [*command, "--yes", "--stack", stack.name],
        cwd=stack.workspace.work_dir,
        env=os.environ | sandbox.cli_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def documents(iam, role):
    """Every inline policy of a role, as IAM has them."""
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def policies_of(iam, role):
    """The documents of a role's inline policies and of those managed ones that this project makes."""
    found = documents(iam, role)
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        if attached["PolicyName"].startswith("ssm-profile-"):
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
            found.append(policy["PolicyVersion"]["Document"])
    return found


def own_policy(iam, name):
    """The ARN of a managed policy of the account's own."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]


def is_empty(iam):
    return not iam.list_roles()["Roles"] and not iam.list_instance_profiles()["InstanceProfiles"]
