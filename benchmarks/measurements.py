"""The measurements. Each one can run alone; each round of it is a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.workspace import ROOT

from .results import Mode, Round, Way

Log = Callable[[str], None]
"""Prints what is being measured."""
Command = Sequence[str]
"""A module of this package and its arguments."""

MOST_IN_ENGINE = 300
"""More would take too long: the time of `up` grows faster than the number of components."""

FLEETS = (
    (1_000, 100, 3),
    (2_000, 100, 3),
    (5_000, 100, 3),
    (10_000, 100, 3),
    (10_000, 1_000, 3),
    (10_000, 5_000, 1),
    (100_000, 1_000, 1),
)
"""The numbers of roles and of distinct sets of policies, and how often each is measured at most."""

TRAIL_MB = 100
"""The size of the CloudTrail files, with gzip."""


def measure_mocks(rounds: int, log: Log) -> dict[str, Any]:
    """Measure the registration under Pulumi's mocks."""
    run("registration", Way.COMPONENT, "1")  # so that all files are in the page cache
    series = []
    for count in (1, 10, 100, 1000):
        log(f"{count:,} components")
        keys = [(Mode.MOCKS, way, count) for way in Way] + [(Mode.NO_COLLECTOR, Way.COMPONENT, count)]
        series += _measure_series("registration", keys, rounds)
    return {"series": series}


def measure_up(rounds: int, log: Log) -> dict[str, Any]:
    """Measure `pulumi up` in the sandbox: the largest number once, and only in the ways that create a component."""
    with_component = (Way.COMPONENT, Way.WRITTEN_COMPONENT)
    series = []
    for count in (1, 10, 100, MOST_IN_ENGINE):
        log(f"{count:,} components")
        largest = count == MOST_IN_ENGINE
        keys = [(Mode.UP, way, count) for way in (with_component if largest else Way)]
        keys += [(Mode.NO_CHECKPOINTS, way, count) for way in with_component]
        series += _measure_series("deployment", keys, 1 if largest else rounds)
    return {"series": series}


def measure_cold_start(rounds: int, log: Log) -> dict[str, Any]:
    """Measure the sandbox's `up` from a new process."""
    log("the stack dev")
    run("cold_start", str(time.time()))  # so that all files are in the page cache
    return {"rounds": [run("cold_start", str(time.time())) for _ in range(rounds)]}


def measure_terraform(rounds: int, log: Log) -> dict[str, Any]:
    """Measure Terraform and Pulumi in turn; return nothing if Terraform cannot run here."""
    log("`terraform apply` and `pulumi up`")
    if reason := run("terraform").get("skipped"):
        log(f"not measured, the earlier results are kept: {reason}")
        return {}
    ways = (Way.COMPONENT, Way.WRITTEN_RESOURCES)
    commands = [("terraform",), *(("deployment", way, "1") for way in ways)]
    return {"rounds": dict(zip(("Terraform", *ways), alternate(commands, rounds), strict=True))}


def measure_fleet(rounds: int, log: Log) -> dict[str, Any]:
    """Measure `ssm-profile fleet` alone, side by side with cloudsplaining, and with the files of a trail."""
    runs = []
    for roles, distinct, times in FLEETS:
        log(f"{roles:,} roles with {distinct:,} distinct sets of policies")
        measured = [run("fleet", str(roles), str(distinct)) for _ in range(min(rounds, times))]
        runs.append({"roles": roles, "distinct": distinct, "rounds": measured})
    log("cloudsplaining on the same account")
    compared = run("side_by_side")
    log(f"a trail of {TRAIL_MB} MB")
    return {"runs": runs, "side_by_side": compared, "trail": run("trail", str(TRAIL_MB))}


MEASUREMENTS: dict[str, Callable[[int, Log], dict[str, Any]]] = {
    "mocks": measure_mocks,
    "up": measure_up,
    "terraform": measure_terraform,
    "cold-start": measure_cold_start,
    "fleet": measure_fleet,
}


def alternate(commands: Sequence[Command], rounds: int) -> list[list[Round]]:
    """Run the commands in turn, so that other work on the machine slows all of them alike.

    Args:
        commands: The commands. Each round begins with another one.
        rounds: How often each command runs.

    Returns:
        The rounds of each command, in the order of *commands*.
    """
    results: list[list[Round]] = [[] for _ in commands]
    for number in range(rounds):
        for offset in range(len(commands)):
            index = (number + offset) % len(commands)
            results[index].append(run(*commands[index]))
    return results


def run(module: str, *arguments: str) -> Round:
    """Run a module of this package in a process of its own and return the JSON that it prints last.

    Raises:
        RuntimeError: If the process fails.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    process = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"`python {' '.join(command[1:])}` failed:\n{process.stderr}{process.stdout}")
    return json.loads(process.stdout.splitlines()[-1])


def _measure_series(module: str, keys: Sequence[tuple[str, str, int]], rounds: int) -> list[dict[str, Any]]:
    """Measure each mode, way and number of components with a module."""
    flags = {Mode.NO_COLLECTOR: ["no-collector"], Mode.NO_CHECKPOINTS: ["no-checkpoints"]}
    commands = [(module, way, str(count), *flags.get(mode, [])) for mode, way, count in keys]
    return [
        {"mode": mode, "way": way, "components": count, "rounds": measured}
        for (mode, way, count), measured in zip(keys, alternate(commands, rounds), strict=True)
    ]
