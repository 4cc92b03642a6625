"""What happens in the sandbox's own process during a run: the calls that moto answers, and the CLI's commands."""

import asyncio
import os
import resource
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any
from unittest.mock import patch

from moto.moto_server import werkzeug_app
from pulumi.automation import PulumiCommand

from sandbox.workspace import Sandbox

from .marks import MARKS


@dataclass(frozen=True)
class Call:
    """A call that moto answered."""

    at: float
    """When it came, in seconds since 1970."""
    seconds: float
    cpu: float
    """Seconds of processor time within moto's application."""

    @property
    def until(self) -> float:
        """When it was answered, in seconds since 1970."""
        return self.at + self.seconds


@dataclass(frozen=True)
class Command:
    """A command of the Pulumi CLI."""

    name: str
    """Its words before the first option, and whether it shows secrets: ``stack output --show-secrets``."""
    at: float
    """When it was started, in seconds since 1970."""
    seconds: float
    cpu: float
    """Seconds of processor time of the CLI, and of the plugins that it started."""
    own_cpu: float
    """Seconds of processor time of this process meanwhile: the program, and moto."""

    @property
    def until(self) -> float:
        """When it ended, in seconds since 1970."""
        return self.at + self.seconds


@dataclass
class Watch:
    """What was seen, in its order."""

    calls: list[Call] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    waited_for: int = 0
    """How many futures Pulumi's SDK for Python has waited for, each counted as often as it did."""

    def command(self, name: str) -> Command:
        """The last command of this name."""
        return next(command for command in reversed(self.commands) if command.name == name)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch what is run within; sandboxes have to be made within, too."""
    watch = Watch()
    run = PulumiCommand.run

    class Application(werkzeug_app.DomainDispatcherApplication):
        def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Any:
            at, started, cpu = time.time(), time.perf_counter(), time.thread_time()
            answer = super().__call__(environ, start_response)
            watch.calls.append(Call(at, time.perf_counter() - started, time.thread_time() - cpu))
            return answer

    def run_watched(self: PulumiCommand, args: list[str], *rest: Any, **named: Any) -> Any:
        secrets = [each for each in args if each == "--show-secrets"]
        name = " ".join([*takewhile(lambda each: not each.startswith("-"), args), *secrets])
        at, started, cpu, own = time.time(), time.perf_counter(), cpu_of_children(), time.process_time()
        try:
            return run(self, args, *rest, **named)
        finally:
            seconds = time.perf_counter() - started
            used, own_used = cpu_of_children() - cpu, time.process_time() - own
            watch.commands.append(Command(name, at, seconds, used, own_used))

    wait = asyncio.wait  # nothing else in the process calls it

    def wait_watched(futures: Collection[asyncio.Task[Any]], **named: Any) -> Any:
        watch.waited_for += len(futures)
        return wait(futures, **named)

    with (
        patch.object(asyncio, "wait", wait_watched),
        patch.object(werkzeug_app, "DomainDispatcherApplication", Application),
        patch.object(PulumiCommand, "run", run_watched),
    ):
        yield watch


def mark_provider(sandbox: Sandbox) -> None:
    """Have this process and a sandbox's provider plugin keep marks, from when the engine starts the plugin."""
    os.environ[MARKS] = str(sandbox.directory / "marks")
    script = next(sandbox.home.glob("plugins/resource-aws-*/pulumi-resource-aws"))
    started = f"""printf '{{"event": "spawned", "at": %s}}\\n' "$(date +%s.%N)" >> "${MARKS}"\n"""
    shell, command = script.read_text().split("\n", 1)
    script.write_text(f"{shell}\n{started}{command.replace('-m sandbox.provider', '-m benchmarks.provider')}")


def cpu_of_children() -> float:
    """Seconds of processor time of all processes that this one started, and theirs, as far as they have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
