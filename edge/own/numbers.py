"""What an embedding does not say of a wafer map: periods, places and shapes of its failing dies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer.encoding import crop
from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid

Numbers = npt.NDArray[np.float64]

#: Numbers, and those of them that are the same of a map that is turned or flipped; the others say
#: where the fails lie, down and across.
COUNT: Final = 29
SHAPE: Final = 27

_PERIODS: Final = np.arange(2, 7)
_LAGS: Final = (2, 3, 4, 5)
_TURNS: Final = (3, 4, 5, 6)
_AROUND: Final = np.ones((3, 3), np.float32)
_RIM, _INNER = 0.85, 0.35


def numbers(dies: DieGrid) -> Numbers:
    """Numbers (``COUNT``,) of a wafer map, uint8 (rows, columns) with at least one failing die.

    Periods of 2 to 6 dies down, across and both, and likeness to itself some dies further, of the
    fails above the wafer's share of them; centroid, radius and spread of the fails; size, fill and
    outline of where they lie close together.
    """
    dies = crop(dies)
    fails, members = dies == FAIL, dies != NO_DIE
    count = int(fails.sum())
    share = count / int(members.sum())
    excess = fails - share * members
    total = max(count * (1 - share), 1e-9)
    return np.asarray(
        [
            np.log(share + 0.005),
            *_periods(excess, count, total),
            *_likeness(excess, total),
            *_places(fails, count),
        ]
    )


def _periods(excess: Any, count: int, total: float) -> list[float]:
    rows, columns = (_waves(side) for side in excess.shape)
    down, across = abs(rows @ excess.sum(axis=1)).max(), abs(columns @ excess.sum(axis=0)).max()
    turned = rows @ excess
    both = max(abs(turned @ columns.T).max(), abs(turned @ columns.conj().T).max())
    found = [*sorted((down / count, across / count)), both / count]
    return [*found, float(np.log(max(down, across, both) / np.sqrt(total) + 0.5))]


@lru_cache(maxsize=256)
def _waves(side: int) -> Any:
    return np.exp(2j * np.pi * np.arange(side)[None] / _PERIODS[:, None])


def _likeness(excess: Any, total: float) -> list[float]:
    rows, columns = excess.shape

    def at(down: int, across: int) -> float:
        if down >= rows or across >= columns:
            return 0.0
        here, there = excess[: rows - down, : columns - across], excess[down:, across:]
        return float(np.vdot(here, there)) / total

    far = sorted((max(at(lag, 0) for lag in _LAGS), max(at(0, lag) for lag in _LAGS)))
    return [
        *sorted((at(1, 0), at(0, 1))),
        *sorted((at(2, 0), at(0, 2))),
        (at(1, 1) + float(np.vdot(excess[:-1, 1:], excess[1:, :-1])) / total) / 2,
        *far,
    ]


def _places(fails: npt.NDArray[np.bool_], count: int) -> list[float]:
    rows, columns = fails.shape
    row, column = np.nonzero(fails)
    y, x = (row - (rows - 1) / 2) / (rows / 2), (column - (columns - 1) / 2) / (columns / 2)
    radius, down, across = np.hypot(y, x), float(y.mean()), float(x.mean())
    plane = fails.view(np.uint8)
    beside = cv2.filter2D(plane, cv2.CV_16S, _AROUND, borderType=cv2.BORDER_CONSTANT) - plane
    dense = (fails & (beside >= 2)).view(np.uint8)
    area = int(dense.sum())
    fill, extent, largest = 1.0, [0.0, 0.0], 0
    found, _, boxes, _ = cv2.connectedComponentsWithStats(dense, connectivity=8)
    if found > 1:
        box = boxes[1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())]
        _, _, width, height, largest = map(int, box)
        fill, extent = largest / (width * height), sorted((height / rows, width / columns))
    steps = (np.count_nonzero(np.diff(dense, axis=axis)) for axis in (0, 1))
    spread = _spread(y - down, x - across, count)
    angle = (x + 1j * y) / np.where(radius > 0, radius, 1)  # a die in the middle has none
    return [
        float(np.hypot(down, across)),
        float(radius.mean()),
        float(radius.std()),
        largest / count,
        fill,
        *extent,
        area / count,
        float((radius > _RIM).mean()),
        float((radius < _INNER).mean()),
        *spread,
        sum(steps) / max(1, area),
        float(beside[fails].mean()) / 8,
        max(abs(complex((angle**turn).mean())) for turn in _TURNS),
        down,
        across,
    ]


def _spread(y: Any, x: Any, count: int) -> list[float]:
    """Standard deviations along the two main directions, the smaller one first."""
    over = max(1, count - 1)
    yy, xx, yx = float(y @ y) / over, float(x @ x) / over, float(y @ x) / over
    middle, half = (yy + xx) / 2, float(np.hypot((yy - xx) / 2, yx))
    return [max(0.0, middle - half) ** 0.5, (middle + half) ** 0.5]
