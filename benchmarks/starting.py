"""``python -m benchmarks.starting WHEN``: the sandbox's ``up`` of the stack dev from a cold start to its outputs.

WHEN is the time at which this process was started, in seconds since 1970. Prints as JSON where the time went. There is
no preview, and nothing is destroyed.
"""

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

import sandbox.__main__  # noqa: F401 - what the command imports is part of its start
from sandbox.pulumi_cli import find_pulumi
from sandbox.workspace import Sandbox

from .marks import MARKS, mark, read_marks

IMPORTED = time.time()


def main(started: float) -> None:
    """Deploy the stack dev, and print the phases, the calls and the commands."""
    from .watching import mark_provider, watched  # noqa: PLC0415 - it imports moto, which the sandbox does only now

    run_path = runpy.run_path

    def run_path_marked(*arguments: Any, **named: Any) -> Any:
        mark("program")
        return run_path(*arguments, **named)

    own = time.time()
    with watched() as watch, patch.object(runpy, "run_path", run_path_marked):
        pulumi = find_pulumi(Console(stderr=True))
        cli_found = time.time()
        with Sandbox(pulumi) as running:
            mark_provider(running)
            aws_served = time.time()
            stack = running.stack("dev")
            stack_made = time.time()
            outputs = stack.up().outputs
            done = time.time()
            marks = {each["event"]: each["at"] for each in reversed(read_marks(Path(os.environ[MARKS])))}
    if not outputs:
        raise RuntimeError("the stack has put nothing out")
    up = watch.command("up")
    calls = [call for call in watch.calls if call.until <= up.until]
    ends = {
        "Python and the sandbox's imports": IMPORTED,
        "moto": own,
        "the CLI is found": cli_found,
        "the emulated AWS is served": aws_served,
        "the stack is made": stack_made,
        "the engine starts": marks["program"],
        "the program registers": marks["spawned"],
        "the provider plugin starts": marks["serving"],
        "the resources are made": calls[-1].until,
        "the engine ends": up.until,
        "the outputs are read": done,
    }
    moments = [started, *ends.values()]
    phases = {name: end - begin for (name, end), begin in zip(ends.items(), moments, strict=False)}
    result = {
        "seconds": done - started,
        "phases": phases,
        "calls": [call.seconds for call in calls],
        "commands": [{"name": each.name, "seconds": each.seconds, "cpu": each.cpu} for each in watch.commands],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(float(sys.argv[1]))
