"""``python -m benchmarks.registering WAY COUNT``: registers under mocks; prints seconds and peak memory as JSON.

With ``--no-collector`` Python's garbage collector is off. With ``--profile`` it prints how many calls of functions
there were, in which package, and no time.
"""

import asyncio
import cProfile
import gc
import json
import pstats
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pulumi

from ssm_profile import SsmInstanceProfile

from .by_hand import ByHand, resources
from .memory import peak_memory
from .results import BY_HAND, COMPONENT_BY_HAND, OURS

NO_COLLECTOR, PROFILE = "--no-collector", "--profile"

PROGRAMS: dict[str, Callable[[str], Any]] = {
    OURS: SsmInstanceProfile,
    COMPONENT_BY_HAND: ByHand,
    BY_HAND: resources,
}


class Mocks(pulumi.runtime.Mocks):
    """Answers every registration with its inputs."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Give the resource a name and an ARN."""
        return args.name, args.inputs | {"name": args.name, "arn": f"arn:aws:iam::123456789012:role/{args.name}"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        """Fail, since nothing here is looked up."""
        raise KeyError(args.token)


def main(way: str, count: int, *flags: str) -> None:
    """Register a number of profiles in one way."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(Mocks(), project="bench", stack="bench")

    @pulumi.runtime.test
    def program() -> None:
        for number in range(count):
            PROGRAMS[way](f"p{number}")

    if NO_COLLECTOR in flags:
        gc.disable()
    if PROFILE in flags:
        profile = cProfile.Profile()
        profile.runcall(program)
        print(json.dumps({"calls": calls_by_package(profile)}))
        return
    started = time.perf_counter()
    program()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}))


def calls_by_package(profile: cProfile.Profile) -> dict[str, int]:
    """How many calls there were of functions in this project, in Pulumi's packages, and in all others."""
    counts = Counter({"ssm_profile": 0, "pulumi": 0, "others": 0})
    for (file, *_), (_, calls, *_) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        parts = file.split("/")
        package = next((each for each in ("ssm_profile", "pulumi", "pulumi_aws") if each in parts), "others")
        counts["pulumi" if package == "pulumi_aws" else package] += calls
    return dict(counts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
