"""Failing dies in patterns that no class covers, drawn on real wafers: does the model notice?"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid

Mask = npt.NDArray[np.bool_]


class UnknownPattern(Enum):
    """A pattern that is none of the nine, in words."""

    RETICLE = "every n-th die (2 to 5) down and across: one position of every reticle"
    STRIPES = "parallel stripes in any direction"
    CHECKERBOARD = "squares of 1 to 6 dies, every other one"
    HALF = "one side of a line near the centre"
    SPOKES = "3 to 8 wedges from the centre outwards"
    LETTER = "a capital letter"


#: Share of the pattern's dies that fail.
DENSITY: Final = (0.75, 1.0)

_LETTER_SIDE: Final = 200


def draw(kind: UnknownPattern, wafer: DieGrid, rng: np.random.Generator) -> DieGrid:
    """A copy of a wafer, uint8 (rows, columns), on which the dies of a pattern fail as well.

    Best of one labelled ``none``: its own scatter stays.
    """
    pattern = _MASKS[kind](*_places(wafer), rng)
    failing = pattern & (rng.random(wafer.shape) < rng.uniform(*DENSITY)) & (wafer != NO_DIE)
    return np.where(failing, np.uint8(FAIL), wafer)


def _places(wafer: DieGrid) -> tuple[Any, Any, Any, Any]:
    """Row and column of each position, and its place from -1 to 1 down and across the wafer."""
    rows, columns = np.mgrid[: wafer.shape[0], : wafer.shape[1]]
    dies = np.argwhere(wafer != NO_DIE)
    first, last = dies.min(axis=0), dies.max(axis=0)
    centre, radius = (first + last) / 2, (last - first + 1) / 2
    return rows, columns, (rows - centre[0]) / radius[0], (columns - centre[1]) / radius[1]


def _reticle(rows: Any, columns: Any, _y: Any, _x: Any, rng: np.random.Generator) -> Mask:
    down, across = rng.integers(2, 6, 2)
    found: Mask = (rows % down == rng.integers(down)) & (columns % across == rng.integers(across))
    return found


def _stripes(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    period, angle = rng.uniform(0.15, 0.5), rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, period)
    found: Mask = along % period < rng.uniform(0.3, 0.6) * period
    return found


def _checkerboard(rows: Any, columns: Any, _y: Any, _x: Any, rng: np.random.Generator) -> Mask:
    side = rng.integers(1, 7)
    found: Mask = (rows // side + columns // side) % 2 == 0
    return found


def _half(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    angle = rng.uniform(0, 2 * np.pi)
    found: Mask = x * np.cos(angle) + y * np.sin(angle) > rng.uniform(-0.2, 0.2)
    return found


def _spokes(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    number, width = rng.integers(3, 9), rng.uniform(0.15, 0.35)
    turned = (np.arctan2(y, x) / (2 * np.pi) + rng.random()) * number
    found: Mask = (turned % 1 < width) & (np.hypot(y, x) > rng.uniform(0, 0.2))
    return found


def _letter(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    letter, scale, thickness = chr(rng.integers(ord("A"), ord("Z") + 1)), rng.uniform(3, 6), 14
    canvas = np.zeros((_LETTER_SIDE, _LETTER_SIDE), np.uint8)
    (width, height), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    middle = _LETTER_SIDE // 2 + rng.integers(-20, 20, 2)
    corner = int(middle[0] - width // 2), int(middle[1] + height // 2)
    cv2.putText(canvas, letter, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), thickness)
    down, across = (
        np.clip(((place + 1) * _LETTER_SIDE / 2).astype(np.intp), 0, _LETTER_SIDE - 1)
        for place in (y, x)
    )
    found: Mask = canvas[down, across] > 0
    return found


_MASKS: Final[dict[UnknownPattern, Callable[..., Mask]]] = {
    UnknownPattern.RETICLE: _reticle,
    UnknownPattern.STRIPES: _stripes,
    UnknownPattern.CHECKERBOARD: _checkerboard,
    UnknownPattern.HALF: _half,
    UnknownPattern.SPOKES: _spokes,
    UnknownPattern.LETTER: _letter,
}
