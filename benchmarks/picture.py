"""The plot: time, and time for each component, against their number."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from .results import WAYS, Results, cells_of, median

PICTURE = Path(__file__).parent.parent / "docs" / "benchmarks.svg"

MODES = {
    "engine": ("checkpoints", "in the engine"),
    "engine, no checkpoints": ("skipped", "in the engine, without checkpoints"),
    "mocks": ("mocks", "under mocks"),
}
"""The modes that are drawn: how they look, and what they are called."""
DASHES = dict(zip(WAYS, ("none", "7 4", "2 4"), strict=True))

LEFT, TOP, WIDTH, HEIGHT, GAP, BELOW = 62, 44, 330, 300, 90, 132
STYLE = """
    text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
    .heading { font-weight: 600 }
    .grid { stroke: #d1d9e0; stroke-width: 1 }
    .line { fill: none; stroke-width: 2 }
    .checkpoints { stroke: #d1242f } .skipped { stroke: #0969da } .mocks { stroke: #1a7f37 } .any { stroke: #59636e }
    circle.checkpoints { fill: #d1242f } circle.skipped { fill: #0969da } circle.mocks { fill: #1a7f37 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .grid { stroke: #3d444d } .any { stroke: #9198a1 }
      .checkpoints { stroke: #f85149 } .skipped { stroke: #4493f8 } .mocks { stroke: #3fb950 }
      circle.checkpoints { fill: #f85149 } circle.skipped { fill: #4493f8 } circle.mocks { fill: #3fb950 }
    }
"""


@dataclass(frozen=True)
class Line:
    """What is drawn of one way in one mode."""

    look: str
    dashes: str
    points: Sequence[tuple[float, float]]
    """Numbers of components, and seconds."""


@dataclass(frozen=True)
class Panel:
    """One of the two plots, with logarithmic axes."""

    heading: str
    x: int
    """Where its left edge is."""
    lines: Sequence[Line]

    def drawn(self) -> Iterator[str]:
        """The panel's elements."""
        yield f'<text class="heading" x="{self.x - LEFT + 12}" y="22">{escape(self.heading)}</text>'
        counts, seconds = zip(*(point for line in self.lines for point in line.points), strict=True)
        across, up = _decades(counts), _decades(seconds)
        for decade in across:
            x = self.x + _share(10.0**decade, across) * WIDTH
            yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}"/>'
            yield f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{10**decade:,}</text>'
        for decade in up:
            y = TOP + (1 - _share(10.0**decade, up)) * HEIGHT
            yield f'<line class="grid" x1="{self.x}" y1="{y:.1f}" x2="{self.x + WIDTH}" y2="{y:.1f}"/>'
            yield f'<text x="{self.x - 8}" y="{y + 4:.1f}" text-anchor="end">{_seconds(decade)}</text>'
        middle = self.x + WIDTH / 2
        yield f'<text x="{middle:.0f}" y="{TOP + HEIGHT + 36}" text-anchor="middle">components</text>'
        for line in self.lines:
            at = [
                (self.x + _share(count, across) * WIDTH, TOP + (1 - _share(value, up)) * HEIGHT)
                for count, value in line.points
            ]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
            yield f'<polyline class="line {line.look}" stroke-dasharray="{line.dashes}" points="{path}"/>'
            yield from (f'<circle class="{line.look}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in at)


def picture(results: Results) -> str:
    """The whole picture."""
    times = [
        Line(look, DASHES[way], points)
        for mode, (look, _) in MODES.items()
        for way in WAYS
        if (
            points := [
                (cell["count"], median(cell, "seconds")) for cell in cells_of(results, mode) if cell["way"] == way
            ]
        )
    ]
    each = [Line(line.look, line.dashes, [(count, value / count) for count, value in line.points]) for line in times]
    panels = [Panel("Time of all", LEFT, times), Panel("Time for each component", LEFT + WIDTH + GAP, each)]
    width, height = LEFT + 2 * WIDTH + GAP + 24, TOP + HEIGHT + BELOW
    elements = [element for panel in panels if panel.lines for element in panel.drawn()]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
            "  <!-- Drawn by `make bench` from benchmarks.json. Do not edit. -->",
            "  <title>Time, and time for each component, against the number of components</title>",
            f"  <style>{STYLE}  </style>",
            *(f"  {element}" for element in (*elements, *_legend(TOP + HEIGHT + 66))),
            "</svg>",
            "",
        ]
    )


def _legend(y: int) -> Iterator[str]:
    for row, (look, meaning) in enumerate(MODES.values()):
        yield from _key(LEFT, y + 22 * row, look, "none", meaning)
    for row, (way, dashes) in enumerate(DASHES.items()):
        yield from _key(LEFT + WIDTH + GAP, y + 22 * row, "any", dashes, way)


def _key(x: int, y: int, look: str, dashes: str, meaning: str) -> Iterator[str]:
    yield f'<line class="line {look}" stroke-dasharray="{dashes}" x1="{x}" y1="{y - 4}" x2="{x + 34}" y2="{y - 4}"/>'
    yield f'<text x="{x + 44}" y="{y}">{escape(meaning)}</text>'


def _decades(values: Sequence[float]) -> range:
    """The powers of ten from below the least value to above the greatest one."""
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


def _share(value: float, decades: range) -> float:
    """Where a value is on an axis, from 0 to 1."""
    return (math.log10(value) - decades[0]) / (decades[-1] - decades[0])


def _seconds(decade: int) -> str:
    return f"{10**decade:,} s" if decade >= 0 else f"{10 ** (decade + 3):,} ms"
