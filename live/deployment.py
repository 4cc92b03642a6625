"""Deploy the program of this repository to a real account, with the stock Pulumi CLI and the real AWS provider."""

import json
import runpy
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import yaml
from pulumi.automation import CommandError, LocalWorkspace, PulumiCommand, Stack

from sandbox.stoppable_command import StoppableCommand
from sandbox.workspace import ROOT


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
