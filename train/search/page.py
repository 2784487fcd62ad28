"""The front as a page that opens offline: two drawings, and the tables behind them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Final

from edge.system.text import printable
from train.search import summary
from train.search.cost import Cost
from train.search.front import Front, Row

TEMPLATE: Final = "front.html.j2"

#: Of a drawing in its own units, and what is around the plot: left, top, right, bottom.
WIDTH, HEIGHT = 620, 400
LEFT, TOP, RIGHT, BOTTOM = 64, 16, 20, 84

#: Where trials without a figure stand, below the plot.
_RAIL: Final = 18


@dataclass(frozen=True)
class Scale:
    """Values to places.

    Attributes:
        low: Value at the place ``start``.
        high: Value at the place ``end``.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        """Round values within it, five or so."""
        step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(
            times for times in (1, 2, 5, 10) if (self.high - self.low) / (step * times) <= 6
        )
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(place * step, 10) for place in range(first, last + 1)]


@dataclass(frozen=True)
class Mark:
    """A trial in a drawing: its row and its place."""

    row: Row
    x: float
    y: float


@dataclass(frozen=True)
class Bar:
    """A finalist in a drawing: mean, lowest and highest of its seeds."""

    trial: int
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Drawing:
    """Accuracy over one cost.

    Attributes:
        title: What it shows.
        what: The cost, with its unit.
        marks: Trials that came to their end, those of the front last.
        step: The best that can be had for a cost, as an SVG path.
        bars: The finalists.
        rail: Trials that have a cost and no figure.
        limit: Place of the limit, if there is one inside.
    """

    title: str
    what: str
    x: Scale
    y: Scale
    marks: list[Mark]
    step: str
    bars: list[Bar]
    rail: list[Mark]
    limit: float | None


def render(found: Front) -> str:
    """The page as text."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,  # names of files and values may hold anything
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = (resources.files("train.search") / TEMPLATE).read_text("utf-8")
    limits = found.limits
    drawings = [
        _drawing(found, "Accuracy and bytes", "model file, kB", _kilobytes, limits.file_kb),
        _drawing(found, "Accuracy and time", "invoke, times seed-final", _invoke, limits.invoke),
    ]
    return environment.from_string(source).render(
        found=found,
        counted=summary.counted(found),
        verdict=summary.verdict(found),
        over_seeds={one.trial: summary.over_seeds(one, found) for one in found.finalists},
        drawings=[one for one in drawings if one],
        hidden=len(_drawn(found)) - len(drawings[0].marks) if drawings[0] else 0,
        axes=sorted({name for row in found.rows for name in row.values}),
        size={"width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP}
        | {"right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM, "rail": HEIGHT - BOTTOM + _RAIL},
    )


def _kilobytes(cost: Cost) -> float:
    return cost.bytes / 1000


def _invoke(cost: Cost) -> float:
    return cost.invoke


def _drawn(found: Front) -> list[Row]:
    return [row for row in found.rows if row.cost and row.int8]


def _drawing(
    found: Front, title: str, what: str, of: Callable[[Cost], float], limit: float | None
) -> Drawing | None:
    """None while no trial came to its end."""
    rows = _drawn(found)
    if not rows:
        return None
    known = [(of(row.cost), row) for row in found.rows if row.cost]
    x = _across([cost for cost, _ in known], limit)
    y = _up(found, rows)
    shown = [
        (of(row.cost), 100 * row.int8.recall, row)
        for row in rows
        if row.cost and row.int8 and 100 * row.int8.recall >= y.low
    ]
    marks = [Mark(row, x(cost), y(recall)) for cost, recall, row in shown]
    bars = [
        Bar(
            one.trial,
            x(of(one.cost)),
            y(100 * one.mean),
            y(max(y.low, 100 * min(one.recalls))),
            y(100 * max(one.recalls)),
        )
        for one in found.finalists
    ]
    rail = [Mark(row, x(min(max(cost, x.low), x.high)), 0) for cost, row in known if not row.int8]
    marks.sort(key=lambda mark: mark.row.front)
    inside = limit is not None and x.low <= limit <= x.high
    step = _step([(cost, recall) for cost, recall, _ in shown], x, y)
    return Drawing(
        title, what, x, y, marks, step, bars, rail, x(limit) if inside and limit else None
    )


def _across(costs: list[float], limit: float | None) -> Scale:
    """From the cheapest to the dearest; one that is far above a limit stands at the edge."""
    if limit is not None:
        costs = [min(cost, 1.25 * limit) for cost in costs]
    low, high = min(costs), max(costs)
    air = 0.08 * (high - low) or 0.1 * high
    return Scale(max(0.0, low - air), high + air, LEFT, WIDTH - RIGHT)


def _up(found: Front, rows: list[Row]) -> Scale:
    """What the front and the better half of the trials reach, in percent."""
    all_of = [100 * row.int8.recall for row in rows if row.int8]
    front = [100 * row.int8.recall for row in found.front if row.int8]
    seeds = [100 * recall for one in found.finalists for recall in one.recalls]
    low, high = min([*front, *seeds, statistics.median(all_of)]), max([*front, *seeds])
    air = max(0.08 * (high - low), 0.25)
    return Scale(max(0.0, low - air), min(100.0, high + air), HEIGHT - BOTTOM, TOP)


def _step(points: list[tuple[float, float]], x: Scale, y: Scale) -> str:
    """The best accuracy up to each cost."""
    path, best = "", -1.0
    for cost, recall in sorted(points, key=lambda point: (point[0], -point[1])):
        if recall > best:
            path += f"H{x(cost)}V{y(recall)}" if path else f"M{x(cost)} {y(recall)}"
            best = recall
    return path + f"H{x.end}" if path else ""
