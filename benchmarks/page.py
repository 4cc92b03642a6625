"""The page: tables of the kept results, how each number was measured, and whose it is."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .results import BY_HAND, COMPONENT_BY_HAND, OURS, Results, cell_of, cells_of, median, ratio, values

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

INTRODUCTION = """<!-- Written by `make bench` from benchmarks.json. Do not edit. -->

# Scale and speed

This component beside the same role, policy and instance profile written by hand: in a component, and without one.
Absolute times vary by machine; what counts is the ratios, which are of one run each. `make bench` measures
everything, in some 20 minutes, and writes this page; `make bench ARGS="--only mocks"` measures one part and keeps
the others.

![Time, and time for each component, against the number of components](benchmarks.svg)

Each measurement is in a process of its own. The ways take turns, in an order that changes from round to round, so
that other work on the machine meets all of them alike. Tables have the median of the rounds, and the range. A ratio
is the median of the ratios within each round. Memory is the peak of resident memory, as Linux counts it.
"""

GROWTH = """
## What grows faster than the number of components, and whose it is

For each component, with this component unless the row says otherwise. What grows from 100 on is super-linear; with
fewer there is also what is done once, such as starting the plugin.

"""

GROWTH_NOTES = """
- **This project is linear.** Its functions are called exactly as often for the thousandth component as for the first.
- **The checkpoints** are the engine's: for each step it writes the whole state to its file backend anew. By hand it
  is the same. `PULUMI_EXPERIMENTAL=1 PULUMI_SKIP_CHECKPOINTS=true` leaves them out, and with them what saves a
  deployment that is killed.
- **The waiting** is that of Pulumi's SDK for Python: `wait_for_rpcs` waits for all outputs that are left, again after
  each one that is done (since [pulumi#22411](https://github.com/pulumi/pulumi/pull/22411), which made a busier loop
  of it better). A component has 35 outputs, by hand as well. It is why the program's time grows in the engine; under
  mocks there is little to wait for.
- **The garbage collector** is Python's: it goes over all objects that live, and in a program that only registers, all
  of them do. Without it (`gc.disable()` in the program) the time under mocks is linear.
- The engine without checkpoints, the fake provider and moto are linear.
"""

HOW_MOCKS = """
Pulumi's own mocks answer in the program's process: it is the program's time alone, from the first registration to the
last output, without Python's start and the imports. Memory is that of the process, imports included.
"""

HOW_ENGINE = """
`pulumi up` in the sandbox, from the command's start to its end: the real engine with a file backend, a fake of
the provider's plugin, moto. Memory is of three processes: the sandbox's, which holds the program and moto; the
engine's; the plugin's. The engine's is looked at five times a second. {many} components with a checkpoint for each step
would take about a quarter of an hour, by the growth up to {cut}, so {cut} are the most there; from {cut} on it is one
round, in the two ways that make the same resources. Without a component there is a resource less in four, and a step
less for its outputs.
"""

HOW_START = """
`python -m sandbox up --stack dev` without its preview: from the start of the process to the stack's outputs. The
phases follow each other, and add up to the whole.
"""

PHASES = {
    "Python and the sandbox's imports": "this project's: boto3, pulumi, pulumi_aws, all of which is used later",
    "moto": "moto's import",
    "the CLI is found": "`pulumi version`",
    "the emulated AWS is served": "this project's",
    "the stack is made": "the CLI's, by the Automation API",
    "the engine starts": "`pulumi up`, until it calls the program",
    "the program registers": "the program, until the engine starts the plugin",
    "the provider plugin starts": "the fake provider, until it prints its port: Python, pulumi, boto3",
    "the resources are made": "the engine, the fake provider and moto, until the last IAM call is answered",
    "the engine ends": "`pulumi up`, after the last IAM call",
    "the outputs are read": "three commands of the Automation API",
}
"""Each phase of a cold start, and whose it is or what is in it."""

HOW_TERRAFORM = """
`terraform apply` beside `pulumi up`, each on a moto of its own, taking turns. `terraform init` is not in it, nor is
what the Automation API does before and after. Terraform runs its real AWS provider, Pulumi the sandbox's fake provider:
what this shows is how long a try takes in either, not which engine is the faster one.
"""

HOW_TESTS = """
From the start of the command to its end, once; `make test` runs three processes. A test's time has its set-up in it.
"""


def page(results: Results) -> str:
    """The whole page.

    Args:
        results: What is kept of the parts; those that are missing are left out.
    """
    sections: dict[str, Callable[[Results], Iterator[str]]] = {
        "mocks": _mocks,
        "engine": _engine,
        "start": _start,
        "terraform": _terraform,
        "tests": _tests,
    }
    text = [INTRODUCTION]
    if {"mocks", "engine"} <= results.keys():
        text += _growth(results)
    for part, section in sections.items():
        if part in results:
            text += section(results)
    return "".join(text)


def _growth(results: Results) -> Iterator[str]:
    cells = (cell for mode in ("mocks", "engine", "engine, no checkpoints") for cell in cells_of(results, mode))
    counts = sorted({cell["count"] for cell in cells})
    yield GROWTH

    def row(name: str, mode: str, path: str, way: str = OURS, scale: float = 1) -> list[str]:
        cells = [cell_of(results, mode, way, count) for count in counts]
        return [name, *(_number(scale * median(cell, path) / cell["count"]) if cell else "" for cell in cells)]

    rows = [
        row("calls of this project's functions", "mocks, profiled", "calls.ssm_profile"),
        row("calls of Pulumi's functions", "mocks, profiled", "calls.pulumi"),
        row("the same by hand, in a component", "mocks, profiled", "calls.pulumi", COMPONENT_BY_HAND),
        row("ms under mocks", "mocks", "seconds", scale=1000),
        row("the same without Python's garbage collector", "mocks, no collector", "seconds", scale=1000),
        row("the engine's processor ms", "engine", "cpu.engine", scale=1000),
        row("the same by hand, in a component", "engine", "cpu.engine", COMPONENT_BY_HAND, 1000),
        row("the same without checkpoints", "engine, no checkpoints", "cpu.engine", scale=1000),
        row("the provider's processor ms", "engine, no checkpoints", "cpu.provider", scale=1000),
        row("moto's processor ms", "engine, no checkpoints", "cpu.moto", scale=1000),
        row("the program's processor ms", "engine, no checkpoints", "cpu.program", scale=1000),
        row("the same by hand, in a component", "engine, no checkpoints", "cpu.program", COMPONENT_BY_HAND, 1000),
        row("waits of Pulumi's SDK for an output", "engine, no checkpoints", "waited_for"),
        row("the same by hand, in a component", "engine, no checkpoints", "waited_for", COMPONENT_BY_HAND),
    ]
    yield _table(["for each component", *(f"of {count:,}" for count in counts)], rows)
    yield GROWTH_NOTES


def _mocks(results: Results) -> Iterator[str]:
    yield f"\n## Under mocks\n{HOW_MOCKS}\n{_about(results, 'mocks')}\n"
    yield _comparison(results, "mocks", {"MB": "peak"})


def _engine(results: Results) -> Iterator[str]:
    counts = sorted({cell["count"] for cell in cells_of(results, "engine, no checkpoints")})
    cut = max(cell["count"] for cell in cells_of(results, "engine"))
    yield f"\n## In the engine\n{HOW_ENGINE.format(many=f'{counts[-1]:,}', cut=cut)}\n{_about(results, 'engine')}\n"
    memory = {"sandbox MB": "peak.program", "engine MB": "peak.engine", "plugin MB": "peak.provider"}
    yield "### With a checkpoint for each step, as the engine does\n\n" + _comparison(results, "engine", memory)
    yield "\n### Without checkpoints\n\n" + _comparison(results, "engine, no checkpoints", memory)


def _comparison(results: Results, mode: str, memory: dict[str, str]) -> str:
    rows = []
    for cell in cells_of(results, mode):
        ours = cell_of(results, mode, OURS, cell["count"])
        ratios = ["", ""]
        if ours and ours is not cell:
            first = next(iter(memory.values()))
            ratios = [f"{ratio(ours, cell, path):.2f}x of it" for path in ("seconds", first)]
        times = values(cell["rounds"], "seconds")
        rows.append(
            [
                f"{cell['count']:,}" if cell["way"] == OURS else "",
                cell["way"],
                *_median_and_range(times),
                _number(1000 * statistics.median(times) / cell["count"]),
                *(_number(median(cell, path)) for path in memory.values()),
                *ratios,
            ]
        )
    heads = ["components", "", "s", "range", "ms each", *memory, "this component's time", "and memory"]
    return _table(heads, rows)


def _start(results: Results) -> Iterator[str]:
    rounds = results["start"]["rounds"]
    yield f"\n## From a cold start to the outputs\n{HOW_START}\n{_about(results, 'start')}\n"
    whole = statistics.median(values(rounds, "seconds"))
    rows = []
    for name, whose in PHASES.items():
        times = [each["phases"][name] for each in rounds]
        rows.append([name, *_median_and_range(times), f"{100 * statistics.median(times) / whole:.0f} %", whose])
    rows.append(["**all of it**", *_median_and_range(values(rounds, "seconds")), "", ""])
    yield _table(["phase", "s", "range", "share", "whose, or what"], rows)
    calls = [each["calls"] for each in rounds]
    first, others = (statistics.median(times) for times in ([c[0] for c in calls], [sum(c[1:]) for c in calls]))
    yield (
        f"\nmoto answers {len(calls[0])} IAM calls: the first in {1000 * first:.0f} ms, since it then loads its IAM, "
        f"the others in {1000 * others:.0f} ms together.\n\nThe CLI's commands, of which those that read or make "
        "secrets derive a key from the passphrase first:\n\n"
    )
    commands = [
        [f"`pulumi {each['name']}`", *_median_and_range([found["commands"][place]["seconds"] for found in rounds])]
        for place, each in enumerate(rounds[0]["commands"])
    ]
    yield _table(["command", "s", "range"], commands)


def _terraform(results: Results) -> Iterator[str]:
    part = results["terraform"]
    yield f"\n## Beside Terraform\n{HOW_TERRAFORM}\n"
    if "skipped" in part:
        yield f"{_about(results, 'terraform')}\nSkipped: {part['skipped']}.\n"
        return
    version = part["Terraform"][0]
    yield f"{_about(results, 'terraform')}\n"
    labels = {
        "Terraform": f"Terraform {version['terraform']} with its AWS provider {version['provider']}",
        BY_HAND: "Pulumi, by hand",
        OURS: "Pulumi, this component",
    }
    rows = [[label, *_median_and_range(values(part[key], "seconds"))] for key, label in labels.items()]
    yield _table(["a role, its policy and an instance profile", "s", "range"], rows)


def _tests(results: Results) -> Iterator[str]:
    yield f"\n## The tests\n{HOW_TESTS}\n{_about(results, 'tests')}\n"
    runs = {name: run for name, run in results["tests"].items() if name.startswith("make")}
    rows = [
        [f"`{name}`", *(str(run[key]) for key in ("tests", "failures", "errors", "skipped")), _number(run["seconds"])]
        for name, run in runs.items()
    ]
    yield _table(["", "tests", "failed", "errors", "skipped", "s"], rows)
    for name, run in runs.items():
        share = sum(each["seconds"] for each in run["slowest"]) / run["together"]
        yield f"\nThe slowest of `{name}`, which are {100 * share:.0f} % of the time of all its tests:\n\n"
        yield _table(["test", "s"], [[f"`{each['test']}`", _number(each["seconds"])] for each in run["slowest"]])


def _about(results: Results, part: str) -> str:
    about = results[part]["about"]
    rounds = max((len(cell["rounds"]) for cell in results[part].get("cells", ())), default=0) or len(
        results[part].get("rounds") or results[part].get("Terraform") or [0]
    )
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Measured on {about['date']}, {_rounds(rounds)}: {about['cpu']}, {about['cores']} cores, {about['memory']} of "
        f"memory, {about['os']}, load {about['load']} at the start; {versions}.\n"
    )


def _rounds(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"


def _median_and_range(times: Sequence[float]) -> list[str]:
    spread = f"{_number(min(times))} to {_number(max(times))}" if len(times) > 1 else ""
    return [_number(statistics.median(times)), spread]


def _number(value: float) -> str:
    """The value with two or three digits that count: 0.034, 1.52, 17.3, 1,480."""
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"  # noqa: PLR2004


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
