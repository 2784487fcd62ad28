"""Where each die sits on the wafer: coordinates in wafer radii, for any die grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.wafer.wafermap import MAX_SIDE, NO_DIE, PASS, DieGrid

Field = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Rows and columns of grids that fabs commonly test, small dies and large, near-square and oblong.
TYPICAL_SIZES: Final = ((26, 26), (27, 25), (33, 33), (39, 37), (44, 41), (53, 58), (64, 71))

#: Fewest and most dies a side that a pattern is drawn on where the size is left to chance, and the
#: logarithm of how much longer one side may be than the other.
SIDES: Final = (8, 300)
_OBLONG: Final = 0.5


@dataclass(frozen=True)
class WaferFrame:
    """A die grid with the position of every die.

    The wafer is the ellipse that fills the box around the dies; a die that is not square makes the
    grid oblong, never the wafer.

    Attributes:
        dies: bool (rows, columns), true where there is a die.
        x: Position to the right of the wafer's centre, in wafer radii, (rows, columns).
        y: Position below the wafer's centre, in wafer radii, (rows, columns).
        radius: Distance from the centre: 0 there, 1 at the edge.
        angle: Direction from the centre in radians, clockwise from the right.
        depth: Distance from the edge inwards in wafer radii; 0 for every outermost die.
        pitch: Spacing of neighbouring dies in wafer radii: (vertical, horizontal).
    """

    dies: Mask
    x: Field
    y: Field
    radius: Field
    angle: Field
    depth: Field
    pitch: tuple[float, float]

    @classmethod
    def of(cls, grid: DieGrid) -> WaferFrame:
        """Measure a die grid.

        Args:
            grid: uint8 (rows, columns), nonzero where there is a die.

        Raises:
            UsageError: not two-dimensional, or no die in it.
        """
        dies = np.asarray(grid) != NO_DIE
        if dies.ndim != 2 or not dies.any():
            raise UsageError("a die grid has rows and columns and holds at least one die")
        y, vertical = _axis(dies.any(axis=1))
        x, horizontal = _axis(dies.any(axis=0))
        across, down = np.meshgrid(x, y)
        radius = np.hypot(across, down)
        depth = np.where(_outermost(dies), 0.0, np.clip(1.0 - radius, 0.0, None))
        return cls(
            dies, across, down, radius, np.arctan2(down, across), depth, (vertical, horizontal)
        )

    @property
    def coarsest_pitch(self) -> float:
        """The larger of the two die spacings, in wafer radii: the finest detail a map can show."""
        return max(self.pitch)


def round_grid(rows: int, columns: int) -> DieGrid:
    """Die grid of a round wafer: 1 where a die lies on the wafer, 0 in the corners.

    Args:
        rows: Dies from top to bottom, 1 to ``MAX_SIDE``.
        columns: Dies from left to right, 1 to ``MAX_SIDE``.

    Raises:
        UsageError: a side out of range.
    """
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        raise UsageError(
            f"a grid of {rows} x {columns} dies; each side is between 1 and {MAX_SIDE}"
        )
    y, _ = _axis(np.ones(rows, np.bool_))
    x, _ = _axis(np.ones(columns, np.bool_))
    grid = np.where(np.hypot(*np.meshgrid(x, y)) <= 1.0, PASS, NO_DIE).astype(np.uint8)
    # On the smallest grids the rim would lose its whole outer row: keep every row and column.
    grid[rows // 2, :] = PASS
    grid[:, columns // 2] = PASS
    return grid


def any_round_grid(rng: np.random.Generator, sides: tuple[int, int] = SIDES) -> DieGrid:
    """Round grid of 8 to 300 (``sides``) dies a side, small ones likelier, some of them oblong."""
    middle = np.exp(rng.uniform(*np.log(sides)))
    oblong = np.exp(rng.uniform(-_OBLONG, _OBLONG) / 2)
    rows, columns = np.clip(np.rint([middle * oblong, middle / oblong]), *sides).astype(int)
    return round_grid(int(rows), int(columns))


def typical_grids() -> list[DieGrid]:
    """Round grids of the usual sizes, for when there are no real wafers to take grids from."""
    return [round_grid(rows, columns) for rows, columns in TYPICAL_SIZES]


def _axis(occupied: Mask) -> tuple[Field, float]:
    """Positions along one axis in radii of the occupied stretch, and the spacing of dies."""
    places = np.flatnonzero(occupied)
    first, last = int(places[0]), int(places[-1])
    pitch = 2.0 / (last - first + 1)
    places_from_centre = np.arange(len(occupied), dtype=np.float64) - (first + last) / 2.0
    return places_from_centre * pitch, pitch


def _outermost(dies: Mask) -> Mask:
    """The dies that touch the outside of the wafer (not a hole in it)."""
    blank = np.pad((~dies).astype(np.uint8), 1, constant_values=1)
    _, parts = cv2.connectedComponents(blank, connectivity=4)
    outside = (parts == parts[0, 0]).astype(np.uint8)
    touched = cv2.dilate(outside, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8))
    rim: Mask = (touched[1:-1, 1:-1] > 0) & dies
    return rim
