"""``make bench``: measures, keeps what it found in docs/benchmarks.json, and writes benchmarks.md and .svg of that."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from sandbox.pulumi_cli import find_pulumi

from .machine import about
from .measuring import rounded
from .page import PAGE, page
from .parts import PARTS
from .picture import PICTURE, picture
from .results import read_results, write_results


def main() -> None:
    """Measure what is asked for, and write the page anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured (default: 3)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone (again for another)")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page of the results there are")
    arguments = parser.parse_args()
    if arguments.page:
        write_page()
        return
    if not Path("/proc/self/status").exists():
        sys.exit("The benchmark reads the memory of processes from /proc, so it needs Linux.")
    console = Console(stderr=True)
    for name in arguments.only or PARTS:
        began, machine = time.perf_counter(), about(find_pulumi(console))
        found = PARTS[name](arguments.rounds, lambda what, part=name: console.print(f"{part}: {what}"))
        console.print(f"{name}: {time.perf_counter() - began:.0f} s")
        # After each part, so that an interruption loses one at the most, and so that the tests find the page true.
        write_results(read_results() | {name: rounded({"about": machine, **found})})
        write_page()


def write_page() -> None:
    """Write the page and its plot of the results that are kept."""
    results = read_results()
    PAGE.write_text(page(results))
    PICTURE.write_text(picture(results))


if __name__ == "__main__":
    main()
