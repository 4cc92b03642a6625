"""Fixtures for the real engine against an emulated AWS. They use the same code as `make sandbox`."""

import fcntl
import json
import os
import shutil
import subprocess
import textwrap
from contextlib import suppress
from importlib import import_module

import pytest

from tests import IN_CI, require
from tests.engine.faults import FaultInjector
from tests.engine.languages.projects import Project
from tests.engine.stacks import PulumiCli, require_real_provider

# The CLI collects garbage less often, which saves a tenth of its time.
os.environ.setdefault("GOGC", "400")


def pytest_collection_modifyitems(config, items):
    real = config.getoption("provider") == "real"
    for item in items:
        if "engine" in item.path.parts:
            item.add_marker("engine")
        if real and item.get_closest_marker("fake_provider"):
            item.add_marker(pytest.mark.skip(reason="tests the messages or internals of the fake provider"))


@pytest.fixture(scope="session")
def pulumi_cli():
    """The Pulumi CLI that is already installed. `make test` installs one before it runs the tests."""
    require("moto")
    console = require("rich.console").Console(quiet=True)
    sandbox = import_module("sandbox")
    try:
        return import_module("sandbox.pulumi_cli").find_pulumi(console, install=False)
    except sandbox.SandboxError:
        if IN_CI:
            raise
        pytest.skip("requires the Pulumi CLI: `make cli` finds or installs it")


@pytest.fixture
def sandbox(pulumi_cli, loops_closed, request, monkeypatch):  # noqa: ARG001
    """An emulated AWS for this test only. The fake provider runs in this process, which saves its start."""
    real = request.config.getoption("provider") == "real"
    if real:
        require_real_provider()
    with import_module("sandbox.workspace").Sandbox(pulumi_cli, real_provider=real) as running:
        if real or request.node.get_closest_marker("provider_process"):
            yield running
            return
        for name, value in import_module("sandbox.aws").CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        with import_module("tests.engine.provider_server").served_provider(running):
            yield running


@pytest.fixture
def iam(sandbox):
    return sandbox.aws.client("iam")


@pytest.fixture
def cli(sandbox):
    """The Pulumi CLI as a person runs it."""
    return PulumiCli(sandbox)


@pytest.fixture
def fault_injector(sandbox):
    """Records the provider's calls to AWS and lets a test break them."""
    return FaultInjector(sandbox.aws)


@pytest.fixture
def dev(sandbox):
    """The deployed dev stack."""
    stack = sandbox.stack("dev")
    stack.up()
    return stack


@pytest.fixture
def project(tmp_path):
    """Creates a Pulumi project from the source of a program."""

    def create(program, **config):
        (tmp_path / "__main__.py").write_text(
            "import json\nimport pulumi\nimport pulumi_aws as aws\n" + textwrap.dedent(program)
        )
        (tmp_path / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        settings = {"config": {"aws:region": "eu-central-1"} | config}
        (tmp_path / "Pulumi.test.yaml").write_text(json.dumps(settings))
        return tmp_path

    return create


class SmallDisk:
    """A file system of a few kilobytes."""

    def __init__(self, path):
        self.path = path

    def fill(self):
        """Write until no space is left."""
        with suppress(OSError), (self.path / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b" " * 512)

    def empty(self):
        """Free the space that `fill` used."""
        (self.path / "filler").unlink()

    def remount(self, mode):
        """Make the file system read-only ("ro") or writable ("rw")."""
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.path)], check=True)


@pytest.fixture
def small_disk():
    """Mounts a small disk on a directory. Only root may do that."""
    mounted = []

    def mount(path, kilobytes):
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"requires root to mount a small disk: {getattr(error, 'stderr', error)}")
        mounted.append(path)
        return SmallDisk(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def needed(program, install):
    """Fail in CI, and skip elsewhere, because a program is missing."""
    reason = f"requires {program}: {install}"
    assert not IN_CI, reason
    pytest.skip(reason)


@pytest.fixture(scope="session")
def tools():
    """The directory with the tools that `make test` builds."""
    directory = require("tests.engine.languages.tools").tools_directory()
    if not directory.exists():
        needed("Pulumi's generators", "install Go, then run `make languages`")
    return directory


@pytest.fixture
def yaml_project(cli, sandbox, tools):
    """Creates a project in YAML. The language host is the one on PATH, or else the tests' own."""
    programs = sandbox.directory / "bin"
    if not shutil.which("pulumi-language-yaml") and programs.exists():
        shutil.copy(tools / "pulumi-language-yaml", programs)  # beside the CLI, where the engine looks for it
    return lambda folder: Project(cli, sandbox, folder)


@pytest.fixture(scope="session")
def build_once(tmp_path_factory):
    """Builds a folder once for all workers of pytest-xdist: `build_once("wheel", build)` calls `build(folder)`."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def build_or_reuse(name, build):
        folder, complete = root / name, root / f"{name}.complete"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                build(folder)
                complete.touch()
        return folder

    return build_or_reuse
