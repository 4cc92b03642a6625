"""What a person sees: the engine's steps, the outputs, the reasons, the verdict."""

import json
from collections.abc import Mapping
from typing import Any

from pulumi.automation.events import EngineEvent
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ssm_profile.policy import Options, grants

_DONE = {
    "create": "[green]+ created[/]",
    "update": "[yellow]~ updated[/]",
    "delete": "[red]- deleted[/]",
    "same": "  unchanged",
}
_PLANNED = {"create": "[green]+ to create[/]", "update": "[yellow]~ to update[/]", "delete": "[red]- to delete[/]"}
_FAILED: dict[str, str] = dict.fromkeys(("create", "update", "delete", "read"), "[red]x failed[/]")


class Steps:
    """A listener to the engine that prints each step as it happens, and once what goes wrong.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._said: set[str] = set()

    def on_event(self, event: EngineEvent) -> None:
        """Print one of the engine's structured events."""
        if event.resource_pre_event and event.resource_pre_event.planning:
            self._print_step(_PLANNED, event.resource_pre_event.metadata)
        elif event.res_outputs_event and not event.res_outputs_event.planning:
            self._print_step(_DONE, event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            self._print_step(_FAILED, event.res_op_failed_event.metadata)
        elif event.diagnostic_event and event.diagnostic_event.severity in ("error", "warning"):
            self._say(event.diagnostic_event.severity, event.diagnostic_event.message.replace("<{%reset%}>", ""))

    def on_error(self, line: str) -> None:
        """Print a line of the CLI's standard error that tells of an error."""
        severity, _, message = line.partition(": ")
        if severity == "error":
            self._say(severity, message)

    def say_if_nothing_was_said(self, error: Exception) -> None:
        """Print an error of the CLI for which it sent neither an event nor a line that tells of an error."""
        if not self._said:
            self._say("error", str(error))

    def _print_step(self, words: Mapping[str, str], metadata: Any) -> None:
        if word := words.get(metadata.op):
            self.console.print(f"  {word:<24} {metadata.type:<42} {escape(metadata.urn.split('::', 3)[3])}")

    def _say(self, severity: str, message: str) -> None:
        message = message.removeprefix("an unhandled error occurred: ").strip()  # said twice of inline programs
        if message not in self._said:
            self._said.add(message)
            self.console.print(f"  [red]{severity}:[/] {escape(message)}", soft_wrap=True)


def print_outputs(console: Console, outputs: Mapping[str, Any]) -> None:
    """The stack's outputs as a table."""
    table = Table(title="Outputs", title_justify="left", show_header=False)
    for name, value in sorted(outputs.items()):
        text = "\n".join(value) if isinstance(value, list) else str(value)
        table.add_row(name, escape(json.dumps(json.loads(text), indent=2) if name == "policyJson" else text))
    console.print(table)


def print_grants(console: Console, options: Options) -> None:
    """Each action that was granted, with the catalogue's reason."""
    table = Table("Action", "What for", title="Granted", title_justify="left")
    for grant in sorted(grants(options), key=lambda grant: grant.action):
        table.add_row(grant.action, grant.purpose)
    console.print(table)
