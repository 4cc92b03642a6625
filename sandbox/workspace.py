"""One run of the sandbox: an emulated AWS, and a directory with a Pulumi home and state, deleted at the end."""

import json
import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pulumi.automation as auto
import yaml
from pulumi.automation._stack import StackInitMode  # pulumi.automation does not export it
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS

from ssm_profile.version import __version__

from .aws import AWS_FILES, CREDENTIALS, LOOPBACK, EmulatedAws, forget_real_aws
from .go_build import cache_directory
from .plugin import SANDBOX_PID, is_running
from .real_provider import find_real_provider, settings
from .stoppable_command import StoppableCommand

ROOT = Path(__file__).parent.parent
"""The repository."""

PASSPHRASE = "sandbox"  # noqa: S105 - of a state that is deleted at the end

_PROGRAMS = ("ssm_profile", "examples", "policies")
"""The directories of the repository with Pulumi programs, and what they import."""

_FAKE_VERSION = f"{version('pulumi_aws').split('.')[0]}.999.0"
"""The version under which the engine finds the fake provider: later than the SDK of any language."""

_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key with which Pulumi marks values such as secrets in a state


# gRPC remembers for two minutes that an address refused a connection, and fails each new connection to it meanwhile.
# A later engine can get the port of an earlier one, and its program would end: "Resource monitor has terminated".
_GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))


class _Workspace(auto.LocalWorkspace):
    """A workspace that creates stacks and reads outputs in the state's files. The CLI would take half a second each."""

    def select_stack(self, stack_name: str) -> None:
        state = self._state_file(stack_name)
        if not state.exists():
            state.parent.mkdir(parents=True, exist_ok=True)
            state.write_text('{"version": 3, "checkpoint": {}}')

    def _state_file(self, stack_name: str) -> Path:
        folder = Path(urlsplit(self.env_vars["PULUMI_BACKEND_URL"]).path) / ".pulumi" / "stacks"
        return folder / self._project_name / f"{stack_name}.json"

    @cached_property
    def _project_name(self) -> str:
        return self.project_settings().name

    def stack_outputs(self, stack_name: str) -> auto.OutputMap:
        state = json.loads(self._state_file(stack_name).read_text())
        resources = state["checkpoint"]["latest"].get("resources") or []
        stacks = (each for each in resources if each["type"] == "pulumi:pulumi:Stack")
        outputs = next(stacks, {}).get("outputs", {})
        if _SECRET in json.dumps(outputs):
            return super().stack_outputs(stack_name)
        return {name: auto.OutputValue(value, secret=False) for name, value in outputs.items()}


class _Stack(auto.Stack):
    """A stack whose results have no summary, which would require another run of the CLI. `stdout` has the counts."""

    def info(self, show_secrets: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        return object()


class Sandbox:
    """Run the real Pulumi engine with an emulated AWS. Use it in a ``with`` statement.

    Args:
        pulumi: The CLI to run.
        port: The emulated AWS's loopback port, or 0 for a free one.
        aws_policies: Whether to load AWS's managed policies, which takes one or two seconds.
        real_provider: Whether to use the real AWS provider, pulumi-resource-aws, rather than the fake provider.

    Raises:
        SandboxError: If the emulated AWS cannot be started, or the real provider is not installed.
    """

    def __init__(
        self, pulumi: auto.PulumiCommand, port: int = 0, *, aws_policies: bool = False, real_provider: bool = False
    ) -> None:
        real_plugin = find_real_provider() if real_provider else None
        forget_real_aws()
        self.pulumi = StoppableCommand(pulumi)
        self.aws = EmulatedAws(port, aws_policies=aws_policies)
        self.directory = _run_directory()
        self.home = self.directory / "home"
        state = self.directory / "state"
        (state / ".pulumi").mkdir(parents=True)
        (state / ".pulumi" / "meta.yaml").write_text("version: 1\n")  # each project has stacks of its own
        self.environment = CREDENTIALS | {
            SANDBOX_PID: str(os.getpid()),
            "AWS_ENDPOINT_URL": self.aws.url,
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if "PULUMI_CONFIG_PASSPHRASE" not in os.environ:  # the user's own one decrypts secrets in the stack's file
            self.environment["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
        plugins = self.home / "plugins"
        if real_plugin:
            provider = plugins / f"resource-aws-v{version('pulumi_aws')}" / "pulumi-resource-aws"
            provider.parent.mkdir(parents=True)
            provider.symlink_to(real_plugin)
        else:
            _write_script(plugins / f"resource-aws-v{_FAKE_VERSION}" / "pulumi-resource-aws", "sandbox.provider")
            # Each language's SDK asks for its own version. With this, the engine accepts any later one.
            self.environment["PULUMI_ENABLE_LEGACY_PLUGIN_SEARCH"] = "true"
        self.config = settings(self.aws.url) if real_plugin else {}
        component = plugins / f"resource-ssm-profile-v{__version__}" / "pulumi-resource-ssm-profile"
        _write_script(component, "ssm_profile")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.aws.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stack(self, name: str, project: Path = ROOT, config: Mapping[str, Any] | None = None) -> auto.Stack:
        """Create or select a stack of a project, with a copy of the project's config files.

        Args:
            name: The stack's name. ``Pulumi.<name>.yaml`` may be missing if *config* has every required key.
            project: The directory of the project.
            config: Config that is added to the file's, or replaces it, for example ``{"quietAgent": True}``.
        """
        copy = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))
        for file in project.glob("Pulumi*.yaml"):
            shutil.copy(file, copy)
        project_name = yaml.safe_load((copy / "Pulumi.yaml").read_text())["name"]
        added = {key if ":" in key else f"{project_name}:{key}": value for key, value in (config or {}).items()}
        _add_config(copy / f"Pulumi.{name}.yaml", self.config | added)

        def program() -> None:
            if str(project) not in sys.path:  # Python adds it when it runs a directory
                sys.path.insert(0, str(project))
            runpy.run_path(str(project / "__main__.py"), run_name="__main__")

        workspace = _Workspace(
            work_dir=str(copy), program=program, pulumi_command=self.pulumi, pulumi_home=str(self.home),
            env_vars=self.environment,
        )  # fmt: skip
        return _Stack(name, workspace, StackInitMode.SELECT)

    def unprotect(self, stack: auto.Stack) -> None:
        """Remove the protection from every resource in the stack."""
        command = ["state", "unprotect", "--all", "--yes", "--stack", stack.name]
        self.pulumi.run(command, stack.workspace.work_dir, self.environment)

    def cli_environment(self, python: str = sys.executable, modules: Path = ROOT) -> dict[str, str]:
        """Return the environment variables with which the Pulumi CLI, the AWS CLI and boto3 use this sandbox.

        Args:
            python: The Python that runs the programs.
            modules: The directory from which it imports this package.
        """
        environment = self.environment | _region("us-east-1")
        if programs := self._install_programs(python, modules):
            environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return environment

    def write_activate_script(self, region: str) -> Path:
        """Write a script that makes a terminal use this sandbox, and a copy of the project for it.

        bash and zsh can source it. It keeps the terminal's PATH and adds to it. Pulumi writes to the config files in
        the copy, so that no tracked file changes; every other file in the copy is a link to the original.

        Args:
            region: The AWS region for the AWS CLI and boto3.
        """
        project = self.directory / "project"
        _link_project(project)
        for file in project.rglob("Pulumi.*.yaml"):
            _add_config(file, self.config)
        variables = self.environment | _region(region) | dict.fromkeys(AWS_FILES, os.devnull)
        variables.pop("PULUMI_CONFIG_PASSPHRASE", None)
        lines = [
            "unset AWS_PROFILE $(env | sed -n 's/^\\(AWS_[A-Z0-9_]*\\)=.*/\\1/p')",
            *(f"export {name}={quote(value)}" for name, value in variables.items()),
            f'export PULUMI_CONFIG_PASSPHRASE="${{PULUMI_CONFIG_PASSPHRASE-{PASSPHRASE}}}"',
            *(f'export {name}="{LOOPBACK}${{{name}:+,${name}}}"' for name in ("NO_PROXY", "no_proxy")),
        ]
        if programs := self._install_programs():
            lines.append(f'export PATH={quote(str(programs))}:"$PATH"')
        script = self.directory / "activate"
        script.write_text("\n".join([*lines, f"cd {quote(str(project))}", ""]))
        return script

    def _install_programs(self, python: str = sys.executable, modules: Path = ROOT) -> Path | None:
        """Put the CLI and a language host into a directory for PATH, unless PATH has the CLI already."""
        if not Path(self.pulumi.command).is_absolute():
            return None
        programs = self.directory / "bin"
        _write_script(programs / "pulumi-language-python", "sandbox.language_host", python, modules)
        shutil.copy(self.pulumi.command, programs)  # the engine looks for the host in the directory of its own file
        return programs


def _region(region: str) -> dict[str, str]:
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def _add_config(file: Path, config: Mapping[str, Any]) -> None:
    """Add config to a stack's file, or create the file."""
    content: dict[str, Any] = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
    content["config"] = {**(content.get("config") or {}), **config}
    file.write_text(yaml.safe_dump(content))


def _link_project(directory: Path) -> None:
    """Create a copy of the repository's programs: links to the files, and copies of Pulumi's config files."""

    def link(source: str, target: str) -> None:
        if Path(source).match("Pulumi*.yaml"):
            shutil.copy(source, target)
        else:
            Path(target).symlink_to(source)

    directory.mkdir()
    for file in (file for file in ROOT.glob("[!.]*") if file.is_file()):
        link(str(file), str(directory / file.name))
    ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "sdks")
    for name in _PROGRAMS:
        shutil.copytree(ROOT / name, directory / name, ignore=ignored, copy_function=link)
    for project in {file.parent for file in directory.rglob("Pulumi*.yaml")}:
        (project / ".venv").symlink_to(sys.prefix)  # the virtual environment that Pulumi.yaml names


def _write_script(path: Path, module: str, python: str = sys.executable, modules: Path = ROOT) -> None:
    """Write an executable that runs a module of this repository."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nPYTHONPATH={quote(str(modules))} exec {quote(python)} -m {module} "$@"\n')
    path.chmod(0o755)


def delete_runs(process: int) -> list[Path]:
    """Delete the directories of the runs of a process, and return those that could not be deleted."""
    directories = list((cache_directory() / "runs").glob(f"{process}-*"))
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)
    return [directory for directory in directories if directory.exists()]


def _run_directory() -> Path:
    """Create a directory for this process, and delete those of processes that were killed."""
    runs = cache_directory() / "runs"
    runs.mkdir(exist_ok=True)
    for directory in runs.glob("[0-9]*-*"):
        if not is_running(int(directory.name.split("-")[0])):
            shutil.rmtree(directory, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=runs))
