"""Scratch: thin lines and gentle curves of failing dies, with gaps.

Lengths are in wafer radii, angles in radians, shares and probabilities from 0 to 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from edge.synth.draws import Background, either, how_many, log_uniform
from edge.synth.frame import Field, WaferFrame

#: A map shows no detail below a die; this many points a die leave no accidental gap.
_POINTS_PER_DIE: Final = 4


def scratch(frame: WaferFrame, rng: np.random.Generator, background: Background) -> Field:
    """What a handling robot, a polishing pad or a dropped tool leaves: 1 on it, and background."""
    fails = background(frame, rng, (0.0, 0.14, 0.24))
    for _ in range(how_many(rng, (0.66, 0.18, 0.08, 0.04, 0.02, 0.02))):
        fails = either(fails, _line(frame, rng))
    return fails


def _line(frame: WaferFrame, rng: np.random.Generator) -> Field:
    die = min(frame.pitch)
    step = die / _POINTS_PER_DIE
    length = max(log_uniform(rng, (0.35, 1.7)), 5.0 * die)  # never under five dies
    points = max(2, round(min(length, 2.0) / step))
    heading = _headings(points, rng)
    x, y = np.cumsum(np.cos(heading)) * step, np.cumsum(np.sin(heading)) * step
    x, y = _placed(x, y, rng)
    kept = _without_gaps(points, rng)
    line = np.zeros(frame.dies.shape)
    _mark(line, frame, x[kept], y[kept])
    if rng.random() < 0.25:  # a stretch of it is two dies wide
        first, last = np.sort(rng.integers(0, points + 1, 2))
        stretch = kept & (np.arange(points) >= first) & (np.arange(points) < last)
        side = heading[stretch] + np.pi / 2.0
        _mark(line, frame, x[stretch] + die * np.cos(side), y[stretch] + die * np.sin(side))
    return line


def _headings(points: int, rng: np.random.Generator) -> Field:
    """Direction at each point: turning evenly from first to last, with small departures."""
    if rng.random() < 0.25:  # it follows a row or a column of dies
        return np.full(points, int(rng.integers(4)) * np.pi / 2.0)
    start = rng.uniform(-np.pi, np.pi)
    # How far it bends from its beginning to its end, and how it wanders on the way.
    turning = np.linspace(start, start + rng.uniform(-0.9, 0.9), points)
    return turning + np.cumsum(rng.normal(0.0, 0.35 / np.sqrt(points), points))


def _placed(x: Field, y: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    """Move the curve onto the wafer: its end to the edge, or its middle anywhere inside."""
    if rng.random() < 0.4:
        # The edge it starts from lies behind it, give or take 60 degrees.
        back = np.arctan2(-y[-1], -x[-1]) + rng.uniform(-1.0, 1.0)
        return x - x[0] + 0.97 * np.cos(back), y - y[0] + 0.97 * np.sin(back)
    middle = len(x) // 2
    reach, towards = 0.8 * np.sqrt(rng.random()), rng.uniform(-np.pi, np.pi)
    return x - x[middle] + reach * np.cos(towards), y - y[middle] + reach * np.sin(towards)


def _without_gaps(points: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    kept = np.ones(points, np.bool_)
    spare = round(rng.uniform(0.0, 0.25) * points)
    while points - np.count_nonzero(kept) < spare:
        gap = max(1, round(rng.uniform(1.0, 2.5) * _POINTS_PER_DIE))
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
