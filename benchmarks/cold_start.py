"""``python -m benchmarks.cold_start START``: the sandbox's `up` of the stack dev, from a new process to the outputs.

START is the time at which this process was started, in seconds since 1970. Prints the seconds as JSON: of all, until
everything is imported, and of each command of the Pulumi CLI. Nothing is previewed or destroyed.
"""

import json
import sys
import time

from rich.console import Console

import sandbox.command  # noqa: F401 - the imports of the command are part of its start
from sandbox.pulumi_cli import find_pulumi
from sandbox.workspace import Sandbox

from .commands import command_seconds

IMPORTED = time.time()


def main(start: float) -> None:
    """Deploy the stack dev."""
    with command_seconds() as commands, Sandbox(find_pulumi(Console(stderr=True))) as running:
        outputs = running.stack("dev").up().outputs
        seconds = time.time() - start
    if not outputs:
        raise RuntimeError("The stack has no outputs.")
    print(json.dumps({"seconds": seconds, "imports": IMPORTED - start, "commands": commands}))


if __name__ == "__main__":
    main(float(sys.argv[1]))
