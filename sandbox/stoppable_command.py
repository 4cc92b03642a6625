"""Run the Pulumi CLI so that any exception, such as that of Ctrl-C, stops it."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import IO, Any, cast

from pulumi.automation import PulumiCommand
from pulumi.automation._cmd import CommandResult  # pulumi.automation does not export it
from pulumi.automation.errors import create_command_error

STOP_SECONDS = 60
"""How long the CLI gets to end the operations that it has begun, before it is killed."""

OnOutput = Callable[[str], Any]


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
            environment["PATH"] = os.pathsep.join([str(command.parent), environment.get("PATH", os.defpath)])
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            output = _Reader(cast("IO[str]", process.stdout), on_output)
            errors = _Reader(cast("IO[str]", process.stderr), on_error)
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
