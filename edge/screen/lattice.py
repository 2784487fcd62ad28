"""Pitch and phase of the dies: where the lines between rows and columns run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.screen.edges import Floats, Marks
from edge.screen.grating import LineGrating, gratings
from edge.screen.recipe import Recipe
from edge.screen.rectify import Rectified, project
from edge.screen.refusal import Refused, RejectReason

#: To which degree the edges must be on the lines, in each part of the wafer that has enough of
#: them: 1 exactly, 0 no more than anywhere.
_MIN_IN_TIME: Final = 0.35

#: Parts that the wafer is cut into across and down, and the share of the edges that is enough.
_PARTS: Final = 4
_PART: Final = 0.02

#: Part of the wafer that the lines are followed from, and how many edge pixels must be there.
_CORE: Final = 0.6
_CORE_EDGES: Final = 500

#: Pitches that are tried where only the rim has edges, and by how much the best must be better.
_TRIES: Final = 6
_MARGIN: Final = 0.12

#: How the lines are followed: radius, as share of the wafer's, and the distance from a line, in
#: dies, at which an edge counts half. From the middle outwards, or all at once.
_WHOLE: Final = 1.4
_ALL: Final = tuple((1.5, spread) for spread in (0.25, 0.22, 0.18, 0.14, 0.11, 0.09))
_OUTWARDS: Final = (*((radius, 0.25) for radius in (0.4, 0.5, 0.62, 0.75, 0.88)), *_ALL)

#: How much the perspective resists, in edges a unit.
_DAMPING: Final = 2e-4


@dataclass(frozen=True)
class Lattice:
    """Rows and columns of dies.

    Attributes:
        matrix: float64 (3, 3): from pixels of the close-up to dies; the die in column c and row r
            covers c..c+1 and r..r+1. Where 0 lies is arbitrary.
        pitch: Pixels of the close-up from one die to the next, across and down, on average.
    """

    matrix: Floats
    pitch: tuple[float, float]


def lattice(upright: Rectified, scale: float, recipe: Recipe) -> Lattice:
    """Find the lines between the dies, where ``scale`` is frame pixels a pixel of the close-up.

    Raises:
        Refused: ``unclear-grid``.
    """
    sides = (upright.columns, upright.rows)
    min_pitch = recipe.min_pixels / (scale * upright.extent)
    matrix = _from_core(sides, min_pitch)
    if matrix is None or _worst(matrix, sides) < _MIN_IN_TIME:
        matrix = _from_rim(sides, min_pitch)
    if matrix is None or _worst(matrix, sides) < _MIN_IN_TIME:
        raise Refused(RejectReason.UNCLEAR_GRID, "no even pitch of rows and columns")
    pitch = (upright.extent / matrix[0, 0], upright.extent / matrix[1, 1])
    return Lattice(matrix @ upright.matrix, pitch)


def _from_core(sides: Sequence[Marks], min_pitch: float) -> Floats | None:
    """Lines followed from the middle of the wafer outwards; None where it has too few edges."""
    chosen: list[LineGrating] = []
    for axis, side in enumerate(sides):
        near = np.hypot(side.points[:, 0], side.points[:, 1]) < _CORE
        if np.count_nonzero(near) < _CORE_EDGES:
            return None
        core = Marks(side.points[near], side.weights[near])
        chosen += gratings(core, axis, min_pitch, 1)
    if len(chosen) < 2:
        return None
    return _followed(dict(enumerate(sides)), _matrix(chosen[0], chosen[1]), _OUTWARDS)


def _from_rim(sides: Sequence[Marks], min_pitch: float) -> Floats | None:
    """Lines by whichever pitch the edges fit best by far; None where two pitches fit alike.

    A wafer whose dies touch and are all of one state has edges at its rim alone. A pitch with one
    die too many or too few fits a part of them, too.
    """
    chosen: list[LineGrating] = []
    for axis, side in enumerate(sides):
        tried: list[tuple[float, float, LineGrating]] = []
        for grating in gratings(side, axis, min_pitch, _TRIES):
            start = _matrix(grating, _FLAT) if axis == 0 else _matrix(_FLAT, grating)
            fitted = _followed({axis: side}, start, _ALL)
            refined = LineGrating(fitted[axis, axis], fitted[axis, 1 - axis], fitted[axis, 2])
            tried.append((_in_time(fitted, side, axis), refined.frequency, refined))
        if not tried:
            return None
        tried.sort(key=lambda each: -each[0])
        strength, frequency, best = tried[0]
        for other, rival, _ in tried[1:]:
            # Fractions of the pitch fit wherever the pitch fits.
            harmonic = abs(rival / frequency - round(rival / frequency)) < 0.01
            if not harmonic and other > strength - _MARGIN:
                return None
        chosen.append(best)
    return _followed(dict(enumerate(sides)), _matrix(chosen[0], chosen[1]), _ALL)


_FLAT: Final = LineGrating(1.0, 0.0, 0.0)


def _matrix(across: LineGrating, down: LineGrating) -> Floats:
    return np.array(
        [
            [across.frequency, across.lean, across.phase],
            [down.lean, down.frequency, down.phase],
            [0.0, 0.0, 1.0],
        ]
    )


def _in_time(matrix: Floats, side: Marks, axis: int) -> float:
    """To which degree edges lie on whole numbers: 1 all, 0 no more than anywhere."""
    lines = project(matrix, side.points)[:, axis]
    return float(np.cos(2 * np.pi * lines) @ side.weights / side.weights.sum())


def _worst(matrix: Floats, sides: Sequence[Marks]) -> float:
    """The same for the part of the wafer whose edges are least in time.

    A pitch that is a little off is in time on one side of the wafer and out of it on the other.
    """
    worst = 1.0
    for axis, side in enumerate(sides):
        lines = project(matrix, side.points)[:, axis]
        part = ((side.points + 1.2) * (_PARTS / 2.4)).astype(np.intp).clip(0, _PARTS - 1)
        index = part[:, 0] * _PARTS + part[:, 1]
        here = np.bincount(index, side.weights)
        in_time = np.bincount(index, side.weights * np.cos(2 * np.pi * lines))
        enough = here > _PART * here.sum()
        worst = min(worst, float((in_time[enough] / here[enough]).min()))
    return worst


def _followed(
    sides: dict[int, Marks], start: Floats, stages: Sequence[tuple[float, float]]
) -> Floats:
    """The perspective under which all edges lie on whole numbers.

    Unknown are the eight numbers of a perspective. Each edge pixel says that its column (or row)
    is a whole number, the nearest one.

    Args:
        sides: Edges between columns (0), between rows (1), or both.
        start: float64 (3, 3), from coordinates of -1..1 to dies; about true in the middle.
        stages: Radius and spread of each step.
    """
    matrix = start.copy()
    radii = {axis: np.hypot(side.points[:, 0], side.points[:, 1]) for axis, side in sides.items()}
    total = float(sum(side.weights.sum() for side in sides.values()))
    for radius, spread in stages:
        normal = _DAMPING * total * np.eye(8)
        goal = np.zeros(8)
        for axis, side in sides.items():
            near = slice(None) if radius > _WHOLE else np.flatnonzero(radii[axis] < radius)
            x, y = side.points[near].T
            below = matrix[2, 0] * x + matrix[2, 1] * y + 1
            line = (matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2]) / below
            off = line - np.round(line)
            trust = side.weights[near] / np.square(1 + np.square(off / spread))
            x, y, one = x / below, y / below, 1 / below
            slopes = np.stack([x, y, one, -line * x, -line * y])
            weighted = slopes * trust
            unknowns = [3 * axis, 3 * axis + 1, 3 * axis + 2, 6, 7]
            normal[np.ix_(unknowns, unknowns)] += weighted @ slopes.T
            goal[unknowns] -= weighted @ off
        # Where few edges are near, or none, the start stays as it is.
        step = np.linalg.solve(normal, goal)
        matrix[:2] += step[:6].reshape(2, 3)
        matrix[2, :2] += step[6:]
    return matrix
