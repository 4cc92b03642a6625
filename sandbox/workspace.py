"""One run of the sandbox: an emulated AWS, a Pulumi home and a state of its own, all of it gone afterwards."""

import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Any, Self

import pulumi.automation as auto
import yaml

from ssm_profile.version import __version__

from .aws import CREDENTIALS, EmulatedAws, forget_real_aws
from .plugin import SANDBOX, is_running
from .pulumi_cli import cache_directory
from .real_provider import find_real_provider, settings

ROOT = Path(__file__).parent.parent
"""The repository: the program that `up` runs, and what the plugin is imported from."""


class Sandbox:
    """A place where the real Pulumi engine deploys to an emulated AWS; use it in a ``with`` statement.

    Args:
        pulumi: The CLI to run.
        port: The emulated AWS's loopback port, or 0 for a free one.
        aws_policies: Whether AWS's own managed policies are there, which takes a second or two.
        real_provider: Whether the real pulumi-resource-aws is used in place of the fake provider.

    Raises:
        SandboxError: If the emulated AWS cannot be started, or there is no real provider.
    """

    def __init__(
        self, pulumi: auto.PulumiCommand, port: int = 0, *, aws_policies: bool = False, real_provider: bool = False
    ) -> None:
        plugin = find_real_provider() if real_provider else None
        forget_real_aws()
        self.pulumi = pulumi
        self.aws = EmulatedAws(port, aws_policies=aws_policies)
        self.directory = _run_directory()
        self.home = self.directory / "home"
        state = self.directory / "state"
        state.mkdir()
        self.environment = CREDENTIALS | {
            SANDBOX: str(os.getpid()),
            "AWS_ENDPOINT_URL": self.aws.url,
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if "PULUMI_CONFIG_PASSPHRASE" not in os.environ:  # else it is that of the secrets in the stack's file
            self.environment["PULUMI_CONFIG_PASSPHRASE"] = "sandbox"  # noqa: S105 - of a state that is soon gone
        plugins = self.home / "plugins"
        provider = plugins / f"resource-aws-v{version('pulumi_aws')}" / "pulumi-resource-aws"
        if plugin:
            provider.parent.mkdir(parents=True)
            provider.symlink_to(plugin)
        else:
            _write_script(provider, "sandbox.provider")
        self.config = settings(self.aws.url) if plugin else {}
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
        """A stack of a project, run by the real engine, with a copy of its config files.

        Args:
            name: The stack's name; its ``Pulumi.<name>.yaml`` need not exist if *config* holds all that it needs.
            project: The directory of the project.
            config: Settings beside those of the file, or in place of them: ``{"quietAgent": True}``.
        """
        copy = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))
        for each in project.glob("Pulumi*.yaml"):
            shutil.copy(each, copy)
        project_name = yaml.safe_load((copy / "Pulumi.yaml").read_text())["name"]
        file = copy / f"Pulumi.{name}.yaml"
        settings_of_stack = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
        given = {key if ":" in key else f"{project_name}:{key}": value for key, value in (config or {}).items()}
        settings_of_stack["config"] = (settings_of_stack.get("config") or {}) | self.config | given
        file.write_text(yaml.safe_dump(settings_of_stack))

        def program() -> None:
            if str(project) not in sys.path:  # as it is when Python runs the program's directory
                sys.path.insert(0, str(project))
            runpy.run_path(str(project / "__main__.py"), run_name="__main__")

        options = auto.LocalWorkspaceOptions(
            work_dir=str(copy), pulumi_command=self.pulumi, pulumi_home=str(self.home), env_vars=self.environment
        )
        try:  # not `create_or_select_stack`, which runs the CLI once more to find that most stacks are new
            return auto.create_stack(name, project_name, program, opts=options)
        except auto.StackAlreadyExistsError:
            return auto.select_stack(name, project_name, program, opts=options)

    def unprotect(self, stack: auto.Stack) -> None:
        """Lift the protection of every resource in the stack, as a person would who means to destroy it."""
        command = ["state", "unprotect", "--all", "--yes", "--stack", stack.name]
        self.pulumi.run(command, stack.workspace.work_dir, self.environment)

    def by_hand(self, python: str = sys.executable, modules: Path = ROOT) -> dict[str, str]:
        """The environment in which a person can use ``pulumi``, ``aws`` and boto3 with this sandbox.

        Args:
            python: What runs the programs.
            modules: Where it finds this package.
        """
        environment = self.environment | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
        if Path(self.pulumi.command).is_absolute():  # not on PATH, but got by the sandbox
            programs = self.directory / "bin"
            _write_script(programs / "pulumi-language-python", "sandbox.language_host", python, modules)
            shutil.copy(self.pulumi.command, programs)  # the engine looks for the host beside its own file
            environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return environment


def _write_script(path: Path, module: str, python: str = sys.executable, modules: Path = ROOT) -> None:
    """An executable that runs a module of this repository."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nPYTHONPATH={quote(str(modules))} exec {quote(python)} -m {module} "$@"\n')
    path.chmod(0o755)


def _run_directory() -> Path:
    """A directory for this process, after clearing away those of processes that were killed."""
    runs = cache_directory() / "runs"
    runs.mkdir(exist_ok=True)
    for left in runs.glob("[0-9]*-*"):
        if not is_running(int(left.name.split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=runs))
