"""How things are measured: each measurement in a process of its own, the ways in turn."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sandbox.workspace import ROOT

Round = dict[str, Any]
"""What one measurement found."""
Way = TypeVar("Way")


def alternate(ways: Sequence[Way], measure: Callable[[Way], Round], rounds: int) -> list[list[Round]]:
    """Measure each way in turn, in an order that changes, so that the machine's other work meets all of them alike.

    Args:
        ways: What to measure.
        measure: Measures one of them, once.
        rounds: How often each is measured.

    Returns:
        The rounds of each way, in the order of *ways*.
    """
    results: list[list[Round]] = [[] for _ in ways]
    order = range(len(ways))
    for number in range(rounds):
        first = number % len(ways)
        for index in (*order[first:], *order[:first]):
            results[index].append(measure(ways[index]))
    return results


def process(module: str, *arguments: str) -> Round:
    """What a module of this package measures in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`python -m benchmarks.{module} {' '.join(arguments)}` failed:\n{done.stderr}{done.stdout}")
    return json.loads(done.stdout.splitlines()[-1])


def rounded(value: Any) -> Any:
    """The value with no more digits than a measurement has, for the file of results."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, list) else value
