"""Rectify a wafer seen at an angle: the edges of its dies tell where the camera stands.

On the wafer all edges run along two directions. In the frame the edges of each direction meet in
a vanishing point; the two points give the perspective and the rotation. What stays open is the
dies' pitch and phase, which is ``lattice.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.screen.edges import Edges, Floats, Marks, Slopes
from edge.screen.refusal import Refused, RejectReason

#: Fewer edge pixels a direction tell nothing.
_LEAST: Final = 60

#: Largest rotation of the wafer in the frame, degrees.
_MAX_ROTATION: Final = 20.0

#: Steps in which the rotation is looked for.
_ANGLES: Final = 96

#: Edges that lie farther than this from both directions are of neither: corners of dies, noise.
_MAX_ASIDE: Final = np.deg2rad(14.0)

#: Angles off the fitted direction at which an edge counts half, at first and in the end, radians.
_SPREAD: Final = (0.12, 0.06, 0.03, 0.02, 0.02)


@dataclass(frozen=True)
class Rectified:
    """A wafer seen upright, but for pitch and phase.

    Attributes:
        matrix: float64 (3, 3): from pixels of the close-up to upright coordinates, with the middle
            of the wafer at (0, 0) and its rim at about 1.
        extent: Pixels of the close-up a unit, at the middle.
        columns: Where two columns meet, in upright coordinates.
        rows: Where two rows meet.
    """

    matrix: Floats
    extent: float
    columns: Marks
    rows: Marks


def rectify(found: Edges, hull: npt.NDArray[np.float32]) -> Rectified:
    """Find the perspective that a wafer of these edges and outline is seen in.

    Raises:
        Refused: ``unclear-grid``.
    """
    slopes = found.slopes
    angle = _rotation(slopes)
    if abs(np.rad2deg(angle)) > _MAX_ROTATION:
        what = f"turned by {np.rad2deg(angle):.0f} degrees, or no rows and columns"
        raise Refused(RejectReason.UNCLEAR_GRID, what)
    middle = (hull.min(axis=0) + hull.max(axis=0)).astype(np.float64) / 2
    extent = float(np.ptp(hull, axis=0).max()) / 2
    local = (slopes.points - middle) / extent
    aside = np.sin(_MAX_ASIDE)
    upright = np.abs(slopes.normals @ [-np.sin(angle), np.cos(angle)]) < aside
    level = np.abs(slopes.normals @ [np.cos(angle), np.sin(angle)]) < aside
    if min(np.count_nonzero(upright), np.count_nonzero(level)) < _LEAST:
        raise Refused(RejectReason.UNCLEAR_GRID, "too few edges of dies")
    # The vanishing point of the columns is (x, 1, w), that of the rows (1, y, w).
    column = _vanishing(local[upright], slopes.normals[upright], slopes.weights[upright])
    row = _vanishing(local[level, ::-1], slopes.normals[level, ::-1], slopes.weights[level])
    horizon = np.cross([column[0], 1.0, column[1]], [1.0, row[0], row[1]])
    if abs(horizon[2]) < 0.5:
        raise Refused(RejectReason.UNCLEAR_GRID, "no rows and columns")
    turned = np.stack([[1.0, -column[0], 0.0], [-row[0], 1.0, 0.0], horizon / horizon[2]])
    to_local = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, extent]]) / extent
    matrix = turned @ to_local
    return Rectified(
        matrix,
        extent,
        Marks(project(matrix, found.columns.points), found.columns.weights),
        Marks(project(matrix, found.rows.points), found.rows.weights),
    )


def _rotation(slopes: Slopes) -> float:
    """The angle that most edges are turned by from upright and level, radians.

    What is left of corners and crossings has all directions, and may be steeper; so the commonest
    angle counts, not the mean.
    """
    quarter = np.pi / 2
    angles = np.arctan2(slopes.normals[:, 1], slopes.normals[:, 0])
    angles -= quarter * np.round(angles / quarter)
    reach = np.deg2rad(_MAX_ROTATION + 4)
    counts, _ = np.histogram(angles, _ANGLES, (-reach, reach), weights=slopes.weights)
    smooth = np.convolve(counts, np.hanning(9), mode="same")
    return float((2 * (int(smooth.argmax()) + 0.5) / _ANGLES - 1) * reach)


def _vanishing(points: Floats, normals: Floats, weights: Floats) -> tuple[float, float]:
    """Where the edges of one direction meet.

    A line through p with normal n meets (x, 1, w) if n . ((x, 1) - w p) = 0: linear in x and w.

    Args:
        points: float64 (N, 2) on the edges, about -1..1.
        normals: float64 (N, 2) of length 1; the first component is the large one.
        weights: float64 (N,).
    """
    rows = np.stack([normals[:, 0], -(normals * points).sum(axis=1)], axis=1)
    goal = -normals[:, 1]
    solution = np.array([np.median(goal / normals[:, 0]), 0.0])
    for spread in _SPREAD:
        trust = weights / (1 + np.square((rows @ solution - goal) / spread)) ** 2
        weighted = rows * trust[:, None]
        # The little added to w keeps it near "no perspective" where the edges do not tell.
        normal = rows.T @ weighted + np.diag([1e-6, 1e-3]) * trust.sum()
        solution = np.linalg.solve(normal, weighted.T @ goal)
    return float(solution[0]), float(solution[1])


def project(matrix: Floats, points: Floats) -> Floats:
    """Points through a perspective: float64 (N, 2) of (N, 2)."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]
