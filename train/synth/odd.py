"""Wafers with what is none of the patterns: taught as anybody's guess, so that others get no name.

A network that never saw anything else names whatever it is shown, and is sure of it. Shown some
wafers that are odd in any way, with a target that prefers no class, it becomes unsure of what is
odd in other ways, too (D. Hendrycks, M. Mazeika, T. Dietterich, Deep Anomaly Detection with Outlier
Exposure, ICLR 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.synth.frame import Field, Mask, WaferFrame
from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid

#: Draws where dies fail, by the position of each in wafer radii, and its row and column.
Shape: TypeAlias = Callable[[WaferFrame, np.random.Generator], Mask]

#: Share of a shape's dies that fail.
_RATE: Final = (0.7, 1.0)

#: What a shape must add to be odd: so many fails, and so much of the dies.
_FEWEST: Final = 8
_LEAST: Final = 0.03

#: Side of the canvas that lines are drawn on, and half of their thickness, in its points.
_CANVAS: Final = 200
_THICKNESS: Final = (11, 22)


def odd_grids(real: LabelledSet, count: int, seed: int) -> list[DieGrid]:
    """Draw odd wafers, the same number of each shape.

    Args:
        real: Wafers of the training part, at least one; those without a pattern are drawn on,
            their own fails stay. Where it knows none of these, all of them are.
        count: How many.
        seed: The same set, count and seed give the same wafers.

    Returns:
        Die grids, uint8 (rows, columns) of 0 no die, 1 pass, 2 fail. Fewer than ``count`` where the
        wafers are too small to show a shape.
    """
    rng = np.random.default_rng((seed, 0x0DD))
    plain = np.flatnonzero(real.labels == (real.patterns.nothing or ""))
    places = plain if len(plain) else np.arange(len(real))
    found = []
    for number in range(count):
        shape = _SHAPES[number % len(_SHAPES)]
        for _ in range(20):
            grid = real.grid(int(rng.choice(places)))
            odd = _on(grid, shape, rng)
            added = np.count_nonzero((odd == FAIL) & (grid != FAIL))
            if added >= max(_FEWEST, _LEAST * np.count_nonzero(grid != NO_DIE)):
                found.append(odd)
                break
    return found


def _on(grid: DieGrid, shape: Shape, rng: np.random.Generator) -> DieGrid:
    frame = WaferFrame.of(grid)
    fails = shape(frame, rng) & (rng.random(grid.shape) < rng.uniform(*_RATE)) & frame.dies
    return np.where(fails, np.uint8(FAIL), grid)


def _waves(frame: WaferFrame, rng: np.random.Generator) -> Mask:
    """Crests of two to four plane waves that overlap."""
    height: Field = np.zeros(frame.dies.shape)
    for _ in range(rng.integers(2, 5)):
        period, towards = np.exp(rng.uniform(*np.log((0.15, 1.2)))), rng.uniform(0, np.pi)
        along = frame.x * np.cos(towards) + frame.y * np.sin(towards)
        height = height + np.sin(2 * np.pi * (along / period + rng.random()))
    crests: Mask = height > np.quantile(height, rng.uniform(0.4, 0.8))
    return crests


def _outline(frame: WaferFrame, rng: np.random.Generator) -> Mask:
    """The sides of a polygon with three to six corners about the middle."""
    corners = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
    reach = rng.uniform(0.6, 1.0, len(corners)) * rng.uniform(0.5, 1.1)
    middle = rng.uniform(-0.2, 0.2, 2)
    x, y = middle[0] + reach * np.cos(corners), middle[1] + reach * np.sin(corners)
    return _lines(frame, rng, list(zip(x, y, strict=True)), closed=True)


def _strokes(frame: WaferFrame, rng: np.random.Generator) -> Mask:
    """Three to six broad strokes, each from where another began or ended."""
    place = rng.uniform(-0.6, 0.6, 2)
    path = [tuple(place)]
    for _ in range(rng.integers(3, 7)):
        towards = rng.integers(8) * np.pi / 4 + rng.normal(0, 0.15)
        end = place + rng.uniform(0.5, 1.2) * np.array([np.cos(towards), np.sin(towards)])
        path += [tuple(end)]
        if rng.random() < 0.6:
            place = np.clip(end, -0.8, 0.8)
        else:
            path += [tuple(place)]
    return _lines(frame, rng, path, closed=False)


def _cut(frame: WaferFrame, rng: np.random.Generator) -> Mask:
    """All on one side of a line, or between two."""
    towards = rng.uniform(0, 2 * np.pi)
    along = frame.x * np.cos(towards) + frame.y * np.sin(towards)
    if rng.random() < 0.5:
        return np.asarray(along > rng.uniform(-0.5, 0.3))
    first = rng.uniform(-0.5, 0.2)
    return np.asarray((along > first) & (along < first + rng.uniform(0.22, 0.6)))


def _slice(frame: WaferFrame, rng: np.random.Generator) -> Mask:
    """A slice from the middle to the edge, of a fifth to two fifths of the wafer."""
    turned = (frame.angle / (2 * np.pi) + rng.random()) % 1
    return np.asarray(turned < rng.uniform(0.2, 0.42))


def _tiles(frame: WaferFrame, rng: np.random.Generator) -> Mask:
    """A few dies of a tile of 2 to 6 by 2 to 6, the same ones in each."""
    down, across = rng.integers(2, 7, 2)
    tile = rng.random((down, across)) < rng.uniform(0.2, 0.6)
    rows, columns = np.indices(frame.dies.shape)
    return np.asarray(tile[rows % down, columns % across])


def _lines(
    frame: WaferFrame,
    rng: np.random.Generator,
    path: list[tuple[Any, ...]],
    *,
    closed: bool,
) -> Mask:
    """Dies under a broken line, given in wafer radii."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    points = np.asarray([_point(np.asarray(place)) for place in path], np.int32)
    cv2.polylines(canvas, [points], closed, (1,), int(rng.integers(*_THICKNESS)))
    down, across = (
        np.clip(_point(place), 0, _CANVAS - 1).astype(np.intp) for place in (frame.y, frame.x)
    )
    return np.asarray(canvas[down, across] > 0)


def _point(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (place + 1) * _CANVAS / 2


_SHAPES: Final[tuple[Shape, ...]] = (_waves, _outline, _strokes, _cut, _slice, _tiles)
