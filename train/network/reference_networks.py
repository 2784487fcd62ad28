"""How the project this one descends from prepared its wafers, kept to measure what ours brought.

Used by the recipes of the ablation only; no station ever runs it. Encoding: each side is padded
around the centre to the next multiple of 53 x 52, then resized to 53 x 52 by nearest neighbour and
coloured with viridis scaled to the picture's own smallest and largest value (so a wafer whose dies
all pass is painted in the colour that otherwise means fail).
Synthetic wafers: drawn on one template for five classes. Symmetries: two flips and two quarter
turns of every defect wafer, made once, before training.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

SHAPE: Final = (53, 52, 3)

#: The classes it drew synthetic wafers for.
SYNTHETIC_PATTERNS: Final = ("Donut", "Loc", "Near-full", "Random", "Scratch")

#: Viridis at 0, 0.5 and 1 (S. van der Walt, N. Smith: matplotlib's default colour map).
_VIRIDIS: Final = np.asarray([(68, 1, 84), (33, 145, 140), (253, 231, 37)], np.uint8)


def encode(dies: DieGrid) -> npt.NDArray[np.uint8]:
    """Encode one wafer map as the seed did.

    Returns:
        uint8 (53, 52, 3): RGB picture.
    """
    rows, columns = SHAPE[:2]
    padded = _pad(dies, -(-dies.shape[0] // rows) * rows, -(-dies.shape[1] // columns) * columns)
    small = padded[:: padded.shape[0] // rows, :: padded.shape[1] // columns]
    low, high = int(small.min()), int(small.max())
    scaled = (small - low) * (2 // (high - low) if high > low else 0)
    return _VIRIDIS[scaled]


def _pad(dies: DieGrid, rows: int, columns: int) -> DieGrid:
    top = (rows - dies.shape[0]) // 2
    left = (columns - dies.shape[1]) // 2
    return np.pad(
        dies,
        ((top, rows - dies.shape[0] - top), (left, columns - dies.shape[1] - left)),
    )


def add_synthetics(labelled: LabelledSet, up_to: int, seed: int) -> LabelledSet:
    """Fill its five classes up to ``up_to`` wafers, all drawn on one 53 x 52 template."""
    rng = np.random.default_rng([seed, 53])
    counts = labelled.class_counts()
    names = [name for name in SYNTHETIC_PATTERNS for _ in range(up_to - counts.get(name, up_to))]
    return concatenate(
        [labelled, build((draw(name, rng) for name in names), names, labelled.patterns)]
    )


def draw(pattern: str, rng: np.random.Generator) -> DieGrid:
    """One synthetic wafer, uint8 (53, 52), by the seed's rule for one of its five classes."""
    rows, columns = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    radius = np.hypot(rows, columns)
    fails = rng.random(radius.shape) < rng.uniform(0.03, 0.05)
    if pattern == "Donut":
        middle, width = rng.uniform(0.35, 0.6), rng.uniform(0.1, 0.2)
        fails |= rng.random(radius.shape) < np.exp(-(((radius - middle) / width) ** 2))
    elif pattern == "Near-full":
        fails |= rng.random(radius.shape) < 0.9
    elif pattern == "Random":
        fails |= rng.random(radius.shape) < rng.uniform(0.25, 0.45)
    elif pattern == "Loc":
        for _ in range(rng.integers(1, 4)):
            row, column = rng.integers(10, 43, 2)
            high, wide = rng.integers(2, 9, 2)
            box = np.s_[
                max(0, row - high) : row + high + 1, max(0, column - wide) : column + wide + 1
            ]
            fails[box] |= rng.random(fails[box].shape) > 0.05
    elif pattern == "Scratch":
        for _ in range(rng.integers(1, 4)):
            _walk(fails, rng)
    dies = np.where(fails, FAIL, PASS).astype(np.uint8)
    dies[radius > 1] = NO_DIE
    return dies


def _walk(fails: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
    """A random walk of 8-20 steps from a point of the edge inward."""
    angle = rng.uniform(0, 2 * np.pi)
    centre = np.asarray(fails.shape) / 2
    place = centre + 0.9 * centre * (np.sin(angle), np.cos(angle))
    for _ in range(rng.integers(8, 21)):
        fails[int(place[0]), int(place[1])] = True
        angle += rng.normal(0, 0.2)
        place = np.clip(place - (np.sin(angle), np.cos(angle)), 0, np.asarray(fails.shape) - 1)


def add_turned_copies(labelled: LabelledSet) -> LabelledSet:
    """Every defect wafer four times more: both flips and both quarter turns."""
    grids, names = [], []
    for index in np.flatnonzero(labelled.labels != (labelled.patterns.none or "")):
        grid = labelled.grid(int(index))
        grids += [grid[::-1], grid[:, ::-1], np.rot90(grid), np.rot90(grid, 3)]
        names += [labelled.labels[index]] * 4
    return concatenate([labelled, build(grids, names, labelled.patterns)])
