"""Scratch: thin lines and gentle curves of failing dies, with gaps.

Lengths are in wafer radii, angles in radians, shares and probabilities from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from train.synth.draws import Background, Range, either, how_many, log_uniform, uniform
from train.synth.frame import Field, WaferFrame

#: A map shows no detail below a die; this many points a die leave no accidental gap.
_POINTS_PER_DIE: Final = 4


@dataclass(frozen=True)
class ScratchRanges:
    """What a handling robot, a polishing pad or a dropped tool leaves behind.

    Attributes:
        length: Length of one scratch.
        fewest_dies: A scratch is never shorter than this many dies.
        bend: Largest change of direction from its beginning to its end, either way.
        wander: Spread of small changes of direction, summed over its length.
        square_on: Probability that it follows a row or a column of dies.
        from_edge: Probability that it begins at the edge rather than anywhere.
        wide: Probability that a stretch of it is two dies wide.
        gaps: Share of its length that is spared.
        gap_length: Length of one gap in dies.
        scratches: Weights of one, two, three ... scratches.
        background: Fails elsewhere.
    """

    length: Range = (0.35, 1.7)
    fewest_dies: float = 5.0
    bend: float = 0.9
    wander: float = 0.35
    square_on: float = 0.25
    from_edge: float = 0.4
    wide: float = 0.25
    gaps: Range = (0.0, 0.25)
    gap_length: Range = (1.0, 2.5)
    scratches: tuple[float, ...] = (0.66, 0.18, 0.08, 0.04, 0.02, 0.02)
    background: Background = field(default=Background(share=(0.0, 0.14, 0.24)))


SCRATCH = ScratchRanges()


def scratch(frame: WaferFrame, rng: np.random.Generator, ranges: ScratchRanges = SCRATCH) -> Field:
    """Probability of failing under one or a few scratches (1 on them) and the background."""
    fails = ranges.background.rate(frame, rng)
    for _ in range(how_many(rng, ranges.scratches)):
        fails = either(fails, _line(frame, rng, ranges))
    return fails


def _line(frame: WaferFrame, rng: np.random.Generator, ranges: ScratchRanges) -> Field:
    die = min(frame.pitch)
    step = die / _POINTS_PER_DIE
    length = max(log_uniform(rng, ranges.length), ranges.fewest_dies * die)
    points = max(2, round(min(length, 2.0) / step))
    heading = _headings(points, rng, ranges)
    x, y = np.cumsum(np.cos(heading)) * step, np.cumsum(np.sin(heading)) * step
    x, y = _placed(x, y, rng, ranges)
    kept = _without_gaps(points, rng, ranges)
    line = np.zeros(frame.dies.shape)
    _mark(line, frame, x[kept], y[kept])
    if rng.random() < ranges.wide:
        first, last = np.sort(rng.integers(0, points + 1, 2))
        stretch = kept & (np.arange(points) >= first) & (np.arange(points) < last)
        side = heading[stretch] + np.pi / 2.0
        _mark(line, frame, x[stretch] + die * np.cos(side), y[stretch] + die * np.sin(side))
    return line


def _headings(points: int, rng: np.random.Generator, ranges: ScratchRanges) -> Field:
    """Direction at each point: turning evenly from first to last, with small departures."""
    if rng.random() < ranges.square_on:
        return np.full(points, int(rng.integers(4)) * np.pi / 2.0)
    start = rng.uniform(-np.pi, np.pi)
    turning = np.linspace(start, start + uniform(rng, (-ranges.bend, ranges.bend)), points)
    return turning + np.cumsum(rng.normal(0.0, ranges.wander / np.sqrt(points), points))


def _placed(
    x: Field, y: Field, rng: np.random.Generator, ranges: ScratchRanges
) -> tuple[Field, Field]:
    """Move the curve onto the wafer: its end to the edge, or its middle anywhere inside."""
    if rng.random() < ranges.from_edge:
        # The edge it starts from lies behind it, give or take 60 degrees.
        back = np.arctan2(-y[-1], -x[-1]) + uniform(rng, (-1.0, 1.0))
        return x - x[0] + 0.97 * np.cos(back), y - y[0] + 0.97 * np.sin(back)
    middle = len(x) // 2
    reach, towards = 0.8 * np.sqrt(rng.random()), rng.uniform(-np.pi, np.pi)
    return x - x[middle] + reach * np.cos(towards), y - y[middle] + reach * np.sin(towards)


def _without_gaps(
    points: int, rng: np.random.Generator, ranges: ScratchRanges
) -> npt.NDArray[np.bool_]:
    kept = np.ones(points, np.bool_)
    spare = round(uniform(rng, ranges.gaps) * points)
    while points - np.count_nonzero(kept) < spare:
        gap = max(1, round(uniform(rng, ranges.gap_length) * _POINTS_PER_DIE))
        start = int(rng.integers(points))
        kept[start : start + gap] = False
    return kept


def _mark(line: Field, frame: WaferFrame, x: Field, y: Field) -> None:
    """Set the dies under these points; points off the grid leave no trace."""
    rows, columns = line.shape
    row = np.rint((y - frame.y[0, 0]) / frame.pitch[0]).astype(np.intp)
    column = np.rint((x - frame.x[0, 0]) / frame.pitch[1]).astype(np.intp)
    on_grid = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    line[row[on_grid], column[on_grid]] = 1.0
