"""The edges of the dies: which way they run, and where one die ends and the next begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.screen.colours import dieness
from edge.screen.find import CloseUp
from edge.screen.recipe import Recipe
from edge.screen.refusal import Refused, RejectReason

Floats = npt.NDArray[np.float64]
_Plane = npt.NDArray[np.float32]

#: Sigma of the smoothing before slopes are taken, pixels. Unsmoothed, the slopes of sharp edges
#: lean towards the camera's own rows and columns.
_SMOOTH: Final = 0.9

#: Slopes below this are noise, in die contrasts a pixel.
_MIN_SLOPE: Final = 0.06

#: Share of the steepest slope from which on a pixel is on an edge.
_STEEP: Final = 0.3

#: Least share of the slopes around a pixel that must agree on a direction: corners do not.
_MIN_AGREEMENT: Final = 0.7

#: Widest line between two dies that is taken as a whole, pixels. Of a wider one the two sides
#: count, which lie evenly on either side of its middle.
_LINE: Final = 5

#: Least depth of a line, in die contrasts.
_MIN_DEPTH: Final = 0.12

#: Of so many pixels one is looked at where only a level is measured.
_SPARSE: Final = 17

#: Edge pixels of each kind that are looked at.
_MOST: Final = 2_000

#: Fewer tell nothing.
_LEAST: Final = 60

_CROSS: Final = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Slopes:
    """Pixels on edges, and which way the edge faces there.

    Attributes:
        points: float64 (N, 2): x and y in pixels of the close-up.
        normals: float64 (N, 2): of length 1, across the edge; the sign means nothing.
        weights: float64 (N,): how sure.
    """

    points: Floats
    normals: Floats
    weights: Floats


@dataclass(frozen=True)
class Marks:
    """Pixels between one die and the next, and how sure: float64 (N, 2), x and y, and (N,)."""

    points: Floats
    weights: Floats


@dataclass(frozen=True)
class Edges:
    """All that is known of the dies' edges: slopes, and where two columns or two rows meet."""

    slopes: Slopes
    columns: Marks
    rows: Marks


def edges(seen: CloseUp, recipe: Recipe) -> Edges:
    """Find the edges of the dies.

    Raises:
        Refused: ``blur``, by the recipe's least sharpness, or ``unclear-grid``.
    """
    # What lies around the wafer is of no interest here.
    reach = max(2, round(0.01 * float(np.ptp(seen.hull[:, 0]))))
    low = np.maximum(seen.hull.min(axis=0).astype(int) - reach - 2, 0)
    high = seen.hull.max(axis=0).astype(int) + reach + 3
    part = np.ascontiguousarray(seen.image[low[1] : high[1], low[0] : high[0]])
    axis = dieness(part, seen.shown)
    near = _near(axis.shape, (seen.hull - low).astype(np.int32), reach)
    smooth = np.asarray(cv2.GaussianBlur(axis, (5, 5), _SMOOTH), np.float32)
    across, down = _slopes(smooth)
    steepest = _high(cv2.magnitude(across, down) * near, _MIN_SLOPE)
    sharpness = min(0.5, steepest)
    if sharpness < recipe.min_sharpness:
        what = f"sharpness {sharpness:.2f}; at least {recipe.min_sharpness:.2f} is needed"
        raise Refused(RejectReason.BLUR, what)
    slopes = _directed(across, down, near, max(_MIN_SLOPE, _STEEP * steepest))
    columns, rows = _marks(smooth, across, down, near)
    if min(len(slopes.weights), len(columns.weights), len(rows.weights)) < _LEAST:
        raise Refused(RejectReason.UNCLEAR_GRID, "too few edges of dies")
    return Edges(
        Slopes(slopes.points + low, slopes.normals, slopes.weights),
        Marks(columns.points + low, columns.weights),
        Marks(rows.points + low, rows.weights),
    )


def _near(shape: tuple[int, ...], hull: npt.NDArray[np.int32], reach: int) -> _Plane:
    """1 on the wafer and close around it, else 0."""
    mask = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(mask, hull, (1,))
    cv2.polylines(mask, [hull], isClosed=True, color=(1,), thickness=2 * reach + 1)
    return mask


def _slopes(plane: _Plane) -> tuple[_Plane, _Plane]:
    return (
        np.asarray(cv2.Scharr(plane, cv2.CV_32F, 1, 0, scale=1 / 32)),
        np.asarray(cv2.Scharr(plane, cv2.CV_32F, 0, 1, scale=1 / 32)),
    )


def _high(plane: _Plane, least: float) -> float:
    """Value that one in ten of the pixels above ``least`` exceeds; 0 where there are none."""
    some = plane.ravel()[::_SPARSE]
    some = some[some > least]
    return float(np.percentile(some, 90)) if len(some) else 0.0


def _some(mask: npt.NDArray[np.bool_], most: int) -> npt.NDArray[np.intp]:
    """Places where a mask is true, at most so many of them, the same ones each time."""
    places = np.flatnonzero(mask)
    if len(places) > most:
        # Not every n-th: that might always meet the same side of a die.
        places = places[np.random.default_rng(0).integers(0, len(places), most)]
    return places


def _points(places: npt.NDArray[np.intp], width: int) -> Floats:
    y, x = np.divmod(places, width)
    return np.stack([x, y], axis=1).astype(np.float64)


def _directed(across: _Plane, down: _Plane, near: _Plane, least: float) -> Slopes:
    """Edges by the direction that the slopes around each pixel agree on."""
    xx, yy, xy = (
        cv2.GaussianBlur(product, (5, 5), 1.2)
        for product in (across * across, down * down, across * down)
    )
    total = xx + yy
    agreed = cv2.magnitude(xx - yy, 2 * xy)
    strong = (total * near > least * least) & (agreed > _MIN_AGREEMENT * total)
    places = _some(strong, _MOST)
    agreement = agreed.ravel()[places] / total.ravel()[places]
    angle = 0.5 * np.arctan2(2 * xy.ravel()[places], (xx - yy).ravel()[places])
    normals = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float64)
    weights = np.sqrt(total.ravel()[places]) * (agreement - _MIN_AGREEMENT)
    return Slopes(_points(places, across.shape[1]), normals, weights.astype(np.float64))


def _marks(smooth: _Plane, across: _Plane, down: _Plane, near: _Plane) -> tuple[Marks, Marks]:
    """Lines between dies, and where there is no line, steps from die to no die.

    ``smooth`` is how far a pixel is pass (+1) or fail (-1). Between the two it goes through 0, so
    that its size drops there as it does on a line.
    """
    levels = np.asarray(cv2.convertScaleAbs(smooth, alpha=255))
    depths = [
        cv2.morphologyEx(levels, cv2.MORPH_BLACKHAT, np.ones(size, np.uint8)) * (near / 255)
        for size in ((1, _LINE), (_LINE, 1))
    ]
    deepest = np.maximum(*depths)
    least = max(_MIN_DEPTH, 0.4 * _high(deepest, _MIN_DEPTH))
    slope = cv2.magnitude(across, down) * near
    on_line = cv2.dilate((deepest > least).view(np.uint8), _CROSS)
    slope *= 1 - on_line
    steep = max(_MIN_SLOPE, _STEEP * _high(slope, _MIN_SLOPE))
    width = smooth.shape[1]
    lines, steps = np.flatnonzero(deepest > least), _some(slope > steep, 2 * _MOST)
    depths = [depth.ravel()[lines] for depth in depths]
    height, rise, run = slope.ravel()[steps], across.ravel()[steps], down.ravel()[steps]
    made = []
    for depth, other, ahead, aside in (
        (depths[0], depths[1], np.abs(rise), np.abs(run)),
        (depths[1], depths[0], np.abs(run), np.abs(rise)),
    ):
        line, step = depth > 1.5 * other, ahead > 2 * aside
        places = np.concatenate([lines[line], steps[step]])
        weights = np.square(np.concatenate([depth[line], 2 * height[step]]))
        chosen = _some(np.ones(len(places), bool), _MOST)
        made.append(Marks(_points(places[chosen], width), weights[chosen].astype(np.float64)))
    return made[0], made[1]
