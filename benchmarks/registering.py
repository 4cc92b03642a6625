"""``python -m benchmarks.registering WAY COUNT``: registers under mocks; prints seconds and peak memory as JSON."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import pulumi

from ssm_profile import SsmInstanceProfile

from .by_hand import ByHand, resources

WAYS: dict[str, Callable[[str], Any]] = {
    "this component": SsmInstanceProfile,
    "a component by hand": ByHand,
    "no component, by hand": resources,
}


class Mocks(pulumi.runtime.Mocks):
    """Answers every registration with its inputs."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Give the resource a name and an ARN."""
        return args.name, args.inputs | {"name": args.name, "arn": f"arn:aws:iam::123456789012:role/{args.name}"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        """Fail, since nothing here is looked up."""
        raise KeyError(args.token)


def main(way: str, count: int) -> None:
    """Register a number of profiles in one way."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(Mocks(), project="bench", stack="bench")

    @pulumi.runtime.test
    def program() -> None:
        for number in range(count):
            WAYS[way](f"p{number}")

    started = time.perf_counter()
    program()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
