"""The results in docs/benchmarks.json, and the values computed from them."""

import json
import statistics
from enum import StrEnum
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "docs" / "benchmarks.json"


class Way(StrEnum):
    """The ways to create the same role, policy and instance profile."""

    COMPONENT = "this component"
    WRITTEN_COMPONENT = "hand-written component"
    WRITTEN_RESOURCES = "hand-written resources"


class Mode(StrEnum):
    """The environments in which components are created."""

    MOCKS = "mocks"
    NO_COLLECTOR = "mocks, no garbage collector"
    UP = "up"
    NO_CHECKPOINTS = "up, no checkpoints"


Round = dict[str, Any]
"""The values of one measurement: ``{"seconds": 0.2}``."""
Results = dict[str, dict[str, Any]]
"""The measurements by name. Each has its conditions as ``about``, and its ``series`` or ``rounds``."""


def read_results() -> Results:
    """Read the results in docs/benchmarks.json."""
    return json.loads(DATA.read_text())


def write_results(results: Results) -> None:
    """Write docs/benchmarks.json, with four significant digits for each number."""
    rounded = json.loads(json.dumps(results), parse_float=lambda number: float(f"{float(number):.4g}"))
    DATA.write_text(json.dumps(rounded, indent=1) + "\n")


def counts(results: Results, mode: str) -> list[int]:
    """Return the numbers of components that were measured in a mode, in ascending order."""
    return sorted({each["components"] for each in _series(results) if each["mode"] == mode})


def rounds(results: Results, mode: str, way: str, components: int) -> list[Round]:
    """Return the rounds of one series; an empty list if it was not measured."""
    key = (mode, way, components)
    found = (each["rounds"] for each in _series(results) if (each["mode"], each["way"], each["components"]) == key)
    return next(found, [])


def median(rounds: list[Round], value: str = "seconds") -> float:
    """Return the median of a value over the rounds."""
    return statistics.median(each[value] for each in rounds)


def ratios(rounds: list[Round], others: list[Round]) -> list[float]:
    """Return the ratio of the seconds within each round, in ascending order."""
    return sorted(mine["seconds"] / other["seconds"] for mine, other in zip(rounds, others, strict=True))


def _series(results: Results) -> list[dict[str, Any]]:
    return [series for part in results.values() for series in part.get("series", ())]
