"""``python -m benchmarks.registration WAY COUNT [no-collector]``: registers components under Pulumi's mocks.

Prints as JSON the seconds from the first registration to the last output, and the peak memory of the process in MB.
"""

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import pulumi

from .programs import PROGRAMS


class Mocks(pulumi.runtime.Mocks):
    """Answers every registration with its inputs."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Return the inputs with a name and an ARN."""
        return args.name, args.inputs | {"name": args.name, "arn": f"arn:aws:iam::123456789012:role/{args.name}"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        """Fail: the programs invoke no provider function."""
        raise KeyError(args.token)


def main(way: str, count: int, *flags: str) -> None:
    """Register a number of components in one way."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(Mocks(), project="benchmark", stack="benchmark")
    if "no-collector" in flags:
        gc.disable()

    @pulumi.runtime.test
    def program() -> None:
        for number in range(count):
            PROGRAMS[way](f"p{number}")

    start = time.perf_counter()
    program()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_memory()}))


def peak_memory() -> float:
    """Return the peak resident memory of this process in MB, as Linux counts it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
