"""The kept results, and what is computed of them. Nothing here measures, so that the page can be written anywhere."""

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "docs" / "benchmarks.json"

OURS, COMPONENT_BY_HAND, BY_HAND = "this component", "a component by hand", "no component, by hand"
WAYS = (OURS, COMPONENT_BY_HAND, BY_HAND)

Results = dict[str, dict[str, Any]]
"""Each part by its name; ``about`` in it has its date and machine."""
Cell = dict[str, Any]
"""What was measured, and its rounds: ``{"way": ..., "count": 100, "mode": "mocks", "rounds": [{"seconds": 0.2}]}``."""


def read_results() -> Results:
    """The results that are kept beside the page; none where there is no file yet."""
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def write_results(results: Results) -> None:
    """Keep results beside the page."""
    DATA.write_text(json.dumps(results, indent=1) + "\n")


def cells_of(results: Results, mode: str) -> list[Cell]:
    """The cells of a mode, by their count and in the order of :data:`WAYS`."""
    found = [cell for part in results.values() for cell in part.get("cells", ()) if cell["mode"] == mode]
    return sorted(found, key=lambda cell: (cell["count"], WAYS.index(cell["way"])))


def cell_of(results: Results, mode: str, way: str, count: int) -> Cell | None:
    """One cell, or nothing where it was not measured."""
    return next((each for each in cells_of(results, mode) if (each["way"], each["count"]) == (way, count)), None)


def values(rounds: Sequence[dict[str, Any]], path: str) -> list[float]:
    """A value in each round, by its path in it: ``cpu.engine``."""
    found = []
    for each in rounds:
        value: Any = each
        for key in path.split("."):
            value = value[key]
        found.append(value)
    return found


def median(cell: Cell, path: str) -> float:
    """The median of a value over a cell's rounds."""
    return statistics.median(values(cell["rounds"], path))


def ratio(ours: Cell, theirs: Cell, path: str) -> float:
    """The median of the ratios within each round."""
    pairs = zip(values(ours["rounds"], path), values(theirs["rounds"], path), strict=True)
    return statistics.median(mine / other for mine, other in pairs)


def per_component(cell: Cell, value: Callable[[Cell], float]) -> float:
    """A value of a cell, divided by how many components there were."""
    return value(cell) / cell["count"]
