"""Print the engine's steps, a stack's outputs, the granted actions and the results of checks.

Every value is printed in one piece, whatever the terminal's width: only sentences are wrapped, at words.
"""

import json
import re
import signal
import textwrap
import threading
from collections.abc import Mapping
from typing import Any

from pulumi.automation import CommandError
from pulumi.automation.events import EngineEvent
from rich.console import Console
from rich.markup import escape

from ssm_profile.policy import Options, grants

_DONE = {
    "create": ("green", "+ created"),
    "update": ("yellow", "~ updated"),
    "delete": ("red", "- deleted"),
    "same": ("default", "  unchanged"),
}
_PLANNED = {"create": ("green", "+ create"), "update": ("yellow", "~ update"), "delete": ("red", "- delete")}
_FAILED: dict[str, tuple[str, str]] = dict.fromkeys(("create", "update", "delete", "read"), ("red", "x failed"))
_NARROWEST_SENTENCE = 30  # characters a line


class OutputError(Exception):
    """The output cannot be written: the reader of a pipe is gone, or the disk is full."""


class OutputConsole(Console):
    """A console that reports when it cannot print. Rich ends the thread when the reader of a pipe is gone."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print.

        Raises:
            OutputError: If this is not possible.
        """
        try:
            super().print(*objects, **settings)
        except OSError as error:
            raise OutputError(f"cannot write the output: {error.strerror}") from error

    def on_broken_pipe(self) -> None:
        """Raise the error that is being handled."""
        raise  # noqa: PLE0704


class StepPrinter:
    """Print each step of the engine as it happens, and each of its messages once.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._messages: set[str] = set()
        self._error_lines: list[str] = []

    def on_event(self, event: EngineEvent) -> None:
        """Print one of the engine's structured events. If this is not possible, stop as `kill` does.

        The Automation API calls this in a thread of its own, where an exception would stop nothing.
        """
        try:
            self._print_event(event)
        except OutputError:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def _print_event(self, event: EngineEvent) -> None:
        if event.resource_pre_event and event.resource_pre_event.planning:
            self._print_step(_PLANNED, event.resource_pre_event.metadata)
        elif event.res_outputs_event and not event.res_outputs_event.planning:
            self._print_step(_DONE, event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            self._print_step(_FAILED, event.res_op_failed_event.metadata)
        elif event.diagnostic_event and event.diagnostic_event.severity in ("error", "warning"):
            self._print_message(event.diagnostic_event.severity, event.diagnostic_event.message)

    def on_error(self, line: str) -> None:
        """Keep a line of the CLI's standard error for :meth:`print_error`."""
        if self._error_lines or line.startswith("error: "):
            self._error_lines.append(line)

    def print_error(self, error: CommandError) -> None:
        """Print the reason why the CLI failed, unless an event had it."""
        if self._error_lines:
            self._print_message("error", "\n".join(self._error_lines).removeprefix("error: "))
        elif not self._messages:
            self._print_message("error", str(error))

    def _print_step(self, steps: Mapping[str, tuple[str, str]], metadata: Any) -> None:
        if metadata.op in steps:
            color, step = steps[metadata.op]
            name = escape(metadata.urn.split("::", 3)[3])
            self.console.print(f"  [{color}]{step:<11}[/]  {metadata.type:<39}  {name}", soft_wrap=True)

    def _print_message(self, severity: str, message: str) -> None:
        # The engine sends an error of an inline program twice: as it is, and with this prefix.
        message = message.replace("<{%reset%}>", "").removeprefix("an unhandled error occurred: ")
        # A failed call of a provider's function comes with a traceback through Pulumi's SDK, which repeats the message.
        message = re.sub(r"\nTraceback \(most recent.*\nException: invoke of .*", "", message, flags=re.DOTALL).strip()
        if message not in self._messages:
            self._messages.add(message)
            self.console.print(f"  [red]{severity}:[/] {escape(message)}", soft_wrap=True)


def print_heading(console: Console, heading: str) -> None:
    """Print a heading, after an empty line."""
    console.print(f"\n[bold]{escape(heading)}[/]", soft_wrap=True)


def print_outputs(console: Console, outputs: Mapping[str, Any]) -> None:
    """Print a stack's outputs: each entry of a list in a line of its own, a policy as indented JSON."""
    print_heading(console, "Outputs")
    width = max(map(len, outputs))
    for name, value in sorted(outputs.items()):
        if name == "policyJson":
            document = json.dumps(json.loads(value), indent=2)
            text = f"  {name}\n{textwrap.indent(document, '    ')}"
        else:
            entries = value if isinstance(value, list) else [str(value)]
            text = f"  {name:<{width}}  " + f"\n    {'':<{width}}".join(entries)
        console.print(text, soft_wrap=True, markup=False)


def print_grants(console: Console, options: Options) -> None:
    """Print each granted action with the catalogue's reason."""
    print_heading(console, "Granted actions")
    granted = sorted(grants(options), key=lambda grant: grant.action)
    indent = max(len(grant.action) for grant in granted) + 4
    for grant in granted:
        sentence = textwrap.fill(
            grant.purpose,
            max(console.width, indent + _NARROWEST_SENTENCE),
            initial_indent=f"  {grant.action}".ljust(indent),
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        console.print(sentence, soft_wrap=True, markup=False)


def print_checks(console: Console, checks: Mapping[str, bool]) -> None:
    """Print each check with its result."""
    for check, passed in checks.items():
        console.print(f"  {'[green]yes[/]' if passed else '[red]NO [/]'}  {check}", soft_wrap=True)
