"""The parts of the benchmark, each of which can be measured alone."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from . import durations
from .deploying import NO_CHECKPOINTS
from .measuring import Round, alternate, process
from .registering import NO_COLLECTOR, PROFILE
from .results import BY_HAND, COMPONENT_BY_HAND, OURS, WAYS, Cell

FEW, MANY = (1, 10, 100), 1000
MANY_WITH_CHECKPOINTS = 300
"""With a checkpoint for each step, a thousand components would take a quarter of an hour."""

COMMANDS = {
    "mocks": ("registering",),
    "mocks, no collector": ("registering", NO_COLLECTOR),
    "mocks, profiled": ("registering", PROFILE),
    "engine": ("deploying",),
    "engine, no checkpoints": ("deploying", NO_CHECKPOINTS),
}
"""The modes of a cell: the module that measures it, and its flags."""

Say = Callable[[str], None]
"""Tells a person what is measured now."""


def mocks(rounds: int, say: Say) -> dict[str, Any]:
    """Registering under mocks; the profiles are the same each time, so they are taken once."""
    for way in WAYS:
        process("registering", way, "1")  # for what is cached from then on
    cells: list[Cell] = []
    for count in (*FEW, MANY):
        cells += _cells(("mocks", "mocks, no collector"), WAYS, count, rounds, say)
        cells += _cells(("mocks, profiled",), (OURS, COMPONENT_BY_HAND), count, 1, say)
    return {"cells": cells}


def engine(rounds: int, say: Say) -> dict[str, Any]:
    """Deploying in the sandbox; the large ones once, and in the two ways that make the same resources."""
    cells: list[Cell] = []
    for count in FEW:
        cells += _cells(("engine", "engine, no checkpoints"), WAYS, count, rounds, say)
    cells += _cells(("engine",), (OURS, COMPONENT_BY_HAND), MANY_WITH_CHECKPOINTS, 1, say)
    for count in (MANY_WITH_CHECKPOINTS, MANY):
        cells += _cells(("engine, no checkpoints",), (OURS, COMPONENT_BY_HAND), count, 1, say)
    return {"cells": cells}


def start(rounds: int, say: Say) -> dict[str, Any]:
    """The sandbox from a cold start."""
    say("a cold start")
    process("starting", str(time.time()))  # for what is cached from then on
    return {"rounds": [process("starting", str(time.time())) for _ in range(rounds)]}


def terraform(rounds: int, say: Say) -> dict[str, Any]:
    """Terraform beside Pulumi, in turn."""
    say("Terraform")
    first = process("terraforming")
    if "skipped" in first:
        return first
    commands = [("terraforming",), ("deploying", BY_HAND, "1"), ("deploying", OURS, "1")]
    found = alternate(commands, lambda command: process(*command), rounds)
    return dict(zip(("Terraform", BY_HAND, OURS), found, strict=True))


def tests(_: int, say: Say) -> dict[str, Any]:
    """The tests, once."""
    found: dict[str, Any] = {}
    for target in durations.TARGETS:
        say(f"make {target}")
        found[f"make {target}"] = durations.run(target)
    return found


PARTS: dict[str, Callable[[int, Say], dict[str, Any]]] = {
    "mocks": mocks,
    "engine": engine,
    "start": start,
    "terraform": terraform,
    "tests": tests,
}


def _cells(modes: Sequence[str], ways: Sequence[str], count: int, rounds: int, say: Say) -> list[Cell]:
    say(f"{count:,} components: {', '.join(modes)}")
    both = [(mode, way) for mode in modes for way in ways]

    def measure(what: tuple[str, str]) -> Round:
        (module, *flags), way = COMMANDS[what[0]], what[1]
        return process(module, way, str(count), *flags)

    found = alternate(both, measure, rounds)
    return [
        {"mode": mode, "way": way, "count": count, "rounds": measured}
        for (mode, way), measured in zip(both, found, strict=True)
    ]
