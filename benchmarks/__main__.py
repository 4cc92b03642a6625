"""``make bench``: prints how this component compares with the same resources by hand, measured side by side."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from sandbox.pulumi_cli import find_pulumi
from sandbox.workspace import ROOT, Sandbox

from .registering import WAYS

PROGRAMS = {
    "this component": "from ssm_profile import SsmInstanceProfile\nSsmInstanceProfile('web')\n",
    "a component by hand": "from benchmarks.by_hand import ByHand\nByHand('web')\n",
    "no component, by hand": "from benchmarks.by_hand import resources\nresources('web')\n",
}

Measured = dict[str, list[float]]
Result = TypeVar("Result")


def main() -> None:
    """Measure both, and print a table of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured (default: 5)")
    parser.add_argument("--count", type=int, default=1000, help="how many components under mocks (default: 1000)")
    arguments = parser.parse_args()
    console = Console(width=110)
    seconds, peaks = registering(arguments.count, arguments.rounds)
    show(console, f"Registering {arguments.count} under mocks: time", "s", seconds)
    show(console, f"Registering {arguments.count} under mocks: peak memory", "MB", peaks)
    show(console, "`pulumi up` of one in the sandbox: time", "s", deploying(console, arguments.rounds))


def registering(count: int, rounds: int) -> tuple[Measured, Measured]:
    """Time and peak memory of registering under mocks, each measurement in a process of its own."""

    def measure(way: str) -> dict[str, float]:
        command = [sys.executable, "-m", "benchmarks.registering", way, str(count)]
        return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)

    results = alternate(measure, rounds)
    seconds = {way: [result["seconds"] for result in found] for way, found in results.items()}
    peaks = {way: [result["peak"] / 1024 for result in found] for way, found in results.items()}
    return seconds, peaks


def deploying(console: Console, rounds: int) -> Measured:
    """Time of a whole ``pulumi up`` with the real engine, each on a stack of its own."""
    pulumi = find_pulumi(console)

    def measure(way: str) -> float:
        with tempfile.TemporaryDirectory() as directory, Sandbox(pulumi) as sandbox:
            project = Path(directory)
            (project / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
            (project / "__main__.py").write_text(PROGRAMS[way])
            stack = sandbox.stack("bench", project, {"aws:region": "eu-central-1"})
            started = time.perf_counter()
            stack.up()
            return time.perf_counter() - started

    return alternate(measure, rounds)


def alternate(measure: Callable[[str], Result], rounds: int) -> dict[str, list[Result]]:
    """Measure each way in turn, in an order that changes, so that the machine's other work meets all of them alike."""
    ways = list(WAYS)
    results: dict[str, list[Result]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            result = measure(way)
            if number:  # the first round warms up what is cached
                results[way].append(result)
    return results


def show(console: Console, title: str, unit: str, measured: Measured) -> None:
    """Print the medians, and the median of the ratios within each round."""
    table = Table("", f"median {unit}", "range", "this component is", title=title, title_justify="left")
    ours = measured["this component"]
    for way, values in measured.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, values, strict=True))
        spread = f"{min(values):.2f} to {max(values):.2f}"
        table.add_row(way, f"{statistics.median(values):.2f}", spread, "" if values is ours else f"{ratio:.2f}x of it")
    console.print(table)


if __name__ == "__main__":
    main()
