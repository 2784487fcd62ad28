"""Wafer maps drawn by a formula, for who has no labelled set at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet, build
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

SEED: Final = 0

#: Sides of the drawn wafers in dies: those of most wafers of WM-811K, and two larger ones.
SIDES: Final = (26, 33, 40, 64)

_Plane = npt.NDArray[np.float64]

#: Where dies fail, from the distance to the centre (1 = the edge) and the angle (-pi..pi). Cost
#: hardly depends on the pattern; these only keep the wafers from all being alike.
_SHAPES: Final[dict[str, Callable[[_Plane, _Plane], npt.NDArray[np.bool_]]]] = {
    "Center": lambda radius, _: radius < 0.3,
    "Donut": lambda radius, _: (radius > 0.3) & (radius < 0.6),
    "Edge-Loc": lambda radius, angle: (radius > 0.8) & (np.abs(angle) < 0.5),
    "Edge-Ring": lambda radius, _: radius > 0.85,
    "Loc": lambda radius, angle: (np.abs(radius - 0.55) < 0.2) & (np.abs(angle - 1) < 0.4),
    "Near-full": lambda radius, _: radius >= 0,
    "Random": lambda radius, _: radius < 0,
    "Scratch": lambda radius, angle: np.abs(angle - radius) < 0.06,
    "none": lambda radius, _: radius < 0,
}


def drawn() -> LabelledSet:
    """One wafer a pattern and side on a round grid, the same in every run."""
    rng = np.random.default_rng(SEED)
    pairs = [(side, pattern) for side in SIDES for pattern in PATTERNS]
    return build(
        [_draw(side, pattern, rng) for side, pattern in pairs], [pattern for _, pattern in pairs]
    )


def _draw(side: int, pattern: str, rng: np.random.Generator) -> DieGrid:
    place: npt.NDArray[Any] = (np.arange(side) + 0.5) / side * 2 - 1
    across, down = np.meshgrid(place, place)
    radius, angle = np.hypot(across, down), np.arctan2(down, across)
    stray = 0.4 if pattern == "Random" else 0.03
    fails = _SHAPES[pattern](radius, angle) ^ (rng.random(radius.shape) < stray)
    return np.where(radius > 1, NO_DIE, np.where(fails, FAIL, PASS)).astype(np.uint8)
