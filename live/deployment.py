"""Deploy the program of this repository to a real account, with the stock Pulumi CLI and the real AWS provider."""

import json
import os
import runpy
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any, Protocol, cast

import yaml
from pulumi.automation import CommandError, LocalWorkspace, PulumiCommand, Stack
from pulumi.automation._cmd import CommandResult  # pulumi.automation does not export it
from pulumi.automation.errors import create_command_error

from sandbox.workspace import ROOT

STOP_SECONDS = 60
"""How long the CLI gets to end the operations that it has begun, before it is killed."""

OnOutput = Callable[[str], Any]


class Deployment(Protocol):
    """Deploys stacks. The tests have one of their own, which needs no engine."""

    def deploy(self, stack: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Deploy a stack, and return its outputs.

        Args:
            stack: The name of the stack.
            config: Config that is added to that of the stack's file, or replaces it.
        """
        ...

    def destroy(self) -> None:
        """Destroy every stack that was deployed, also in part."""
        ...


class StoppableCommand(PulumiCommand):
    """A CLI that any exception stops as Ctrl-C does: the operations that have begun are still recorded in the state.

    The signals of the terminal do not reach it. A second SIGINT would end it in the middle of an operation.

    Args:
        pulumi: The CLI.
    """

    def __init__(self, pulumi: PulumiCommand) -> None:
        self.command, self.version = pulumi.command, pulumi.version

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run a command.

        Raises:
            CommandError: If it fails.
        """
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        if (command := Path(self.command)).is_absolute():  # its plugins are beside it
            environment["PATH"] = os.pathsep.join([str(command.parent), environment["PATH"]])
        process = subprocess.Popen(  # noqa: S603 - the Automation API defines the command
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            encoding="utf-8",
            start_new_session=True,
        )
        output = _Reader(cast("IO[str]", process.stdout), on_output)
        errors = _Reader(cast("IO[str]", process.stderr), on_error)
        try:
            process.wait()
        except BaseException:
            _stop(process)
            raise
        result = CommandResult(stdout=output.text(), stderr=errors.text(), code=process.returncode)
        if result.code:
            raise create_command_error(result)
        return result


class _Reader(Thread):
    """Reads what a process prints, so that it never waits for a reader."""

    def __init__(self, stream: IO[str], on_line: OnOutput | None) -> None:
        super().__init__(daemon=True)
        self._stream, self._on_line, self._lines = stream, on_line, list[str]()
        self.start()

    def run(self) -> None:
        """Read to the end."""
        with self._stream:
            for line in self._stream:
                self._lines.append(line.rstrip())
                if self._on_line:
                    self._on_line(line.rstrip())

    def text(self) -> str:
        """Everything, at the end."""
        self.join()
        return "\n".join(self._lines)


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except BaseException:  # noqa: BLE001 - also at a second Ctrl-C it must not go on beside the deletion
        os.killpg(process.pid, signal.SIGKILL)  # with its plugins
        process.wait()


class PulumiDeployment:
    """Deploys stacks with the Automation API.

    Args:
        pulumi: The CLI.
        directory: An empty directory for the state and the config.
        report: Gets each line that the CLI prints.
        environment: Environment variables in addition to those of this process.
    """

    def __init__(
        self,
        pulumi: PulumiCommand,
        directory: Path,
        report: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._pulumi, self._directory, self._report = StoppableCommand(pulumi), directory, report
        self._stacks = list[Stack]()
        state = directory / "state"
        state.mkdir()
        self._environment = {
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "live",  # of a state that is deleted at the end and has no secrets
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **(environment or {}),
        }

    def deploy(self, stack: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Deploy a stack, and return its outputs."""
        folder = self._directory / stack
        folder.mkdir()
        for file in ROOT.glob("Pulumi*.yaml"):
            shutil.copy(file, folder)
        settings = folder / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(settings.read_text()) if settings.exists() else {"config": {}}
        content["config"] |= config
        # JSON is YAML with quoted strings. PyYAML leaves strings such as 012345678901 bare, and Pulumi reads numbers.
        settings.write_text(json.dumps(content))
        workspace = LocalWorkspace(
            work_dir=str(folder), program=_program, pulumi_command=self._pulumi, env_vars=self._environment
        )
        created = Stack.create(stack, workspace)
        self._stacks.append(created)
        outputs = created.up(on_output=self._report).outputs
        return {name: output.value for name, output in outputs.items()}

    def destroy(self) -> None:
        """Destroy every stack that was deployed, also in part."""
        while self._stacks:
            stack = self._stacks.pop()
            with suppress(CommandError):  # an interrupted operation leaves a lock; without one this fails
                stack.cancel()
            stack.destroy(on_output=self._report)


def _program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
