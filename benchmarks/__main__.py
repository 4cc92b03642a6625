"""Measure, write the results to docs/benchmarks.json, and generate docs/benchmarks.md and .svg from them."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from sandbox.pulumi_cli import find_pulumi

from .machine import about
from .measurements import MEASUREMENTS
from .page import PAGE, page
from .plot import PLOT, plot
from .results import read_results, write_results


def main() -> None:
    """Run the measurements that are asked for and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each program is measured (default: 3)")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="run only this measurement (repeatable)")
    parser.add_argument("--page", action="store_true", help="measure nothing; generate the page from the results")
    arguments = parser.parse_args()
    if arguments.page:
        write_page()
    else:
        measure(arguments.only or list(MEASUREMENTS), arguments.rounds)


def measure(names: list[str], rounds: int) -> None:
    """Run measurements. Write the results after each one, so that an interruption loses one at most."""
    if not Path("/proc/self/status").exists():
        sys.exit("The benchmark needs Linux: it reads the memory of its processes from /proc.")
    console = Console(stderr=True)
    pulumi = find_pulumi(console)
    for name in names:
        start, conditions = time.perf_counter(), about(pulumi)
        result = MEASUREMENTS[name](rounds, lambda text, name=name: console.print(f"{name}: {text}"))
        console.print(f"{name}: {time.perf_counter() - start:.0f} s")
        if result:
            write_results(read_results() | {name: {"about": conditions, **result}})
            write_page()


def write_page() -> None:
    """Generate the page and its plot from the results."""
    results = read_results()
    PAGE.write_text(page(results))
    PLOT.write_text(plot(results))


if __name__ == "__main__":
    main()
