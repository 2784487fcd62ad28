"""Whether all of a wafer was seen: its dies against the disc that their outline belongs to.

Complete dies of a round wafer fill an ellipse whose axes lie along rows and columns. A part that
was lost, covered or not drawn yet leaves the ellipse of the rest as it is, and a gap in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.screen.recipe import Recipe
from edge.screen.refusal import Refusal, Refused, RejectReason

#: How far the dies may end within the ellipse beside a flat, in dies: a row fits in or not.
_RIM: Final = 0.6

#: Area of the outline over that of the ellipse in its bounding box.
_ROUND: Final = (0.86, 1.14)

#: Rounds of the fit, and the distance from the ellipse at which a point counts half, as share of
#: the radius.
_ROUNDS: Final = 3
_SPREAD: Final = 0.03


@dataclass(frozen=True)
class Disc:
    """The ellipse that the dies fill; die (row r, column c) covers r..r+1 and c..c+1.

    ``middle`` is column and row, ``radii`` are across and down, in dies.
    """

    middle: tuple[float, float]
    radii: tuple[float, float]

    def inside(self, shape: tuple[int, ...], flat: float = 0.0) -> npt.NDArray[np.bool_]:
        """The positions that lie in it, but for the rim: bool (rows, columns).

        Args:
            shape: Rows and columns.
            flat: Share of the diameter that is left out beside the rim, at each side.
        """
        across, down = (max(0.5, (1 - 2 * flat) * radius - _RIM) for radius in self.radii)
        y, x = np.ogrid[: shape[0], : shape[1]]
        x, y = (x + 0.5 - self.middle[0]) / across, (y + 0.5 - self.middle[1]) / down
        return np.asarray(x * x + y * y < 1)


def whole(dies: npt.NDArray[np.bool_], recipe: Recipe) -> npt.NDArray[np.bool_]:
    """Of dies, bool (rows, columns), the positions that lie in their wafer's disc; read-only.

    Raises:
        Refused: ``cut-off`` or ``unclear-grid``.
    """
    found = _whole(np.packbits(dies).tobytes(), dies.shape, recipe.flat, recipe.max_gap)
    if isinstance(found, Refusal):
        raise Refused(found.reason, found.why)
    return found


@lru_cache(maxsize=8)
def _whole(
    packed: bytes, shape: tuple[int, ...], flat: float, max_gap: int
) -> npt.NDArray[np.bool_] | Refusal:
    """The same, remembered: most frames show dies where the last one did."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=shape[0] * shape[1])
    dies = bits.reshape(shape).astype(bool)
    try:
        disc = disc_of(dies)
        _check_sides(dies, disc, flat)
        _check_gaps(dies, disc, flat, max_gap)
    except Refused as error:
        return error.refusal
    inside = disc.inside(dies.shape)
    inside.flags.writeable = False
    return inside


def disc_of(dies: npt.NDArray[np.bool_]) -> Disc:
    """Find the ellipse that dies, bool (rows, columns), fill.

    Raises:
        Refused: ``unclear-grid``.
    """
    rows, columns = np.flatnonzero(dies.any(axis=1)), np.flatnonzero(dies.any(axis=0))
    own = dies[rows]
    left, right = own.argmax(axis=1), dies.shape[1] - own[:, ::-1].argmax(axis=1)
    ends = np.concatenate([left, right])
    corners = [np.stack([ends, np.tile(rows + below, 2)], axis=1) for below in (0, 1)]
    hull = cv2.convexHull(np.concatenate(corners).astype(np.int32))
    box = np.pi / 4 * float((np.ptp(rows) + 1) * (np.ptp(columns) + 1))
    if _ROUND[0] < cv2.contourArea(hull) / box < _ROUND[1]:
        found = _fitted(np.asarray(hull, np.float64).reshape(-1, 2))
        if found:
            return found
    raise Refused(RejectReason.UNCLEAR_GRID, "the dies do not form a disc")


def _fitted(corners: npt.NDArray[np.float64]) -> Disc | None:
    """The ellipse a x² + b y² + c x + d y = 1 through corners; None where no ellipse fits."""
    shift, scale = corners.mean(axis=0), float(np.ptp(corners, axis=0).max()) / 2
    x, y = ((corners - shift) / scale).T
    terms = np.stack([x * x, y * y, x, y], axis=1)
    trust = np.ones(len(x))
    for _ in range(_ROUNDS):
        solution = np.linalg.lstsq(terms * trust[:, None], trust, rcond=None)[0]
        squares, lines = solution[:2], solution[2:]
        if squares.min() <= 0:
            return None
        middle = -lines / (2 * squares)
        radii = np.sqrt((1 + squares @ (middle * middle)) / squares)
        away = np.hypot((x - middle[0]) / radii[0], (y - middle[1]) / radii[1]) - 1
        trust = 1 / (1 + np.square(away / _SPREAD))
    middle, radii = middle * scale + shift, radii * scale
    return Disc((float(middle[0]), float(middle[1])), (float(radii[0]), float(radii[1])))


def _check_sides(dies: npt.NDArray[np.bool_], disc: Disc, flat: float) -> None:
    """Refuse dies that end too early at a side."""
    for axis, sides in enumerate((("left", "right"), ("top", "bottom"))):
        used = np.flatnonzero(dies.any(axis=axis))
        middle, radius = disc.middle[axis], disc.radii[axis]
        for side, end in zip(sides, (middle - used[0], used[-1] + 1 - middle), strict=True):
            if radius - end > _RIM + 2 * flat * radius:
                raise Refused(
                    RejectReason.CUT_OFF,
                    f"the dies end {radius - end:.1f} dies within the wafer's outline at the {side}"
                    ": a part is lost, covered or not drawn yet",
                )


def _check_gaps(dies: npt.NDArray[np.bool_], disc: Disc, flat: float, max_gap: int) -> None:
    """Refuse too many positions in one piece that show no die."""
    missing = disc.inside(dies.shape, flat) & ~dies
    if np.count_nonzero(missing) <= max_gap:
        return
    pieces = cv2.connectedComponentsWithStats(missing.view(np.uint8), connectivity=4)[2]
    largest = int(pieces[1:, cv2.CC_STAT_AREA].max())
    if largest > max_gap:
        why = f"{largest} positions in one piece show no die: covered, or not drawn yet"
        raise Refused(RejectReason.UNCLEAR_GRID, why)
