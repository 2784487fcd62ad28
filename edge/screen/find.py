"""Where the wafer is in a frame, and whether the frame is fit to look closer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.camera.frames import Image
from edge.formats.picture.palette import Palette
from edge.screen.colours import FOREIGN, ColourTable, Shown, codes, seen_colours, tables
from edge.screen.hull import around, at_border, inside, is_arc, is_round
from edge.screen.recipe import Recipe
from edge.screen.refusal import Refused, RejectReason

#: The wafer is looked for on about this many pixels across and down.
_COARSE: Final = 320

#: Longest side of the close-up, pixels: at 80 dies 12 a die.
_CLOSE_UP: Final = 960

#: What is shown around the wafer, as share of its size: three dies of a wafer of 15.
_MARGIN: Final = 0.2

#: Least share of the outline that has the colour of a die.
_SOLID: Final = 0.45

#: Least side of a wafer in the frame, pixels.
_MIN_SIDE: Final = 40

#: Brightest levels of a frame in which nothing can be told, and darkest of one blown out.
_DARK: Final = 56
_BLOWN: Final = 240

#: Levels that a frame of one colour has at most, smoothed.
_UNIFORM: Final = 3.0

#: Colours of two states nearer to each other than this cannot be told apart in noise.
_MIN_CONTRAST: Final = 48.0

#: How much less a palette with grey dies counts: what lies between two colours is grey, too.
_GREY: Final = 0.9

#: Least size of the second part of a wafer cut in two, as share of the first.
_HALF: Final = 0.1

_KERNEL: Final = np.ones((5, 5), np.uint8)


@dataclass(frozen=True)
class CloseUp:
    """The part of a frame that shows the wafer.

    Attributes:
        image: uint8 (h, w, 3) BGR, reduced where the frame is large.
        hull: float32 (N, 2): convex outline of the wafer, x and y in pixels of ``image``.
        shown: The colours.
        scale: Frame pixels a pixel of ``image``.
        corner: Where in the frame (in the recipe's region) it begins, x and y.
    """

    image: Image
    hull: npt.NDArray[np.float32]
    shown: Shown
    scale: float
    corner: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class _Blob:
    """What may be a wafer; coordinates in coarse pixels."""

    fit: float
    hull: npt.NDArray[np.int32]
    states: npt.NDArray[np.uint8]
    palette: Palette
    cut_off: bool


def find(frame: Image, recipe: Recipe) -> list[CloseUp]:
    """Find the wafer in a frame.

    Args:
        frame: uint8 (h, w, 3) BGR.
        recipe: Where to look and for which colours.

    Returns:
        The wafer's surroundings by the palette that fits best and, where another one fits too, by
        the second best.

    Raises:
        Refused: ``no-wafer``, ``cut-off`` or ``exposure``.
    """
    frame = looked_at(frame, recipe)
    if min(frame.shape[:2]) < _MIN_SIDE:
        pixels = f"{frame.shape[1]} x {frame.shape[0]} pixels"
        raise Refused(RejectReason.NO_WAFER, f"{pixels} are too few")
    factor = -(-max(frame.shape[:2]) // _COARSE)
    coarse = np.ascontiguousarray(frame[::factor, ::factor])
    brightest = float(np.percentile(coarse[::4, ::4], 99.5))
    blobs = [] if brightest < _DARK else _blobs(coarse, recipe, _MIN_SIDE / factor)
    if not blobs:
        raise _nothing(coarse, recipe, _MIN_SIDE / factor, brightest)
    if blobs[0].cut_off:
        raise Refused(RejectReason.CUT_OFF, "the wafer goes on beyond the border of the frame")
    found: list[CloseUp] = []
    contrast = 0.0
    for blob in blobs[:2]:
        shown = _shown(coarse, blob)
        contrast = _contrast(shown)
        if contrast >= _MIN_CONTRAST and not blob.cut_off:
            found.append(_close_up(frame, blob, factor, shown))
    if not found:
        what = f"colours of two die states differ by {contrast:.0f} levels only"
        raise Refused(RejectReason.EXPOSURE, what)
    return found


def looked_at(frame: Image, recipe: Recipe) -> Image:
    """The part of a frame that counts."""
    if recipe.region is None:
        return frame
    x, y, width, height = recipe.region
    return frame[y : y + height, x : x + width]


def _nothing(coarse: Image, recipe: Recipe, min_side: float, brightest: float) -> Refused:
    """What a frame is in which no wafer can be made out: without one, or too dark or too bright.

    A screen that is switched off, or white, is without a wafer as one that shows something else is.
    One that is badly exposed shows something round once its levels are spread; in grey, that may be
    the light on an empty screen.
    """
    dark = brightest < _DARK
    if dark or float(np.percentile(coarse[::4, ::4], 2)) >= _BLOWN:
        smooth = cv2.blur(coarse, (5, 5)).astype(np.float32)
        low, high = np.percentile(smooth[::4, ::4], (0.5, 99.5))
        if high - low < _UNIFORM:
            colour = "black" if dark else "white"
            return Refused(RejectReason.NO_WAFER, f"all of the frame is {colour}")
        spread = np.clip((smooth - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
        if any(not _has_grey_dies(blob.palette) for blob in _blobs(spread, recipe, min_side)):
            what = "too dark: the brightest" if dark else "blown out: the brightest"
            return Refused(RejectReason.EXPOSURE, f"{what} level is {brightest:.0f} of 255")
    return Refused(RejectReason.NO_WAFER, "nothing round in the colours of dies")


def _blobs(coarse: Image, recipe: Recipe, min_side: float) -> list[_Blob]:
    """What looks like a wafer in the colours of each palette, the best fit first."""
    code = codes(coarse)
    # One palette after the other; what fits much less than the best so far is not looked at.
    counts = np.bincount(code.ravel(), minlength=len(tables(recipe)[0].states))
    found: list[_Blob] = []
    least = _SOLID * min_side**2
    for palette, table in zip(recipe.palettes, tables(recipe), strict=True):
        if counts @ table.dies < least:
            continue
        states = table.states.take(code)
        mask = table.dies.take(code)
        best: _Blob | None = None
        for area, hull in _outlines(mask, min_side):
            if best is not None and area <= best.fit:
                continue
            cut = at_border(hull, coarse.shape)
            round_enough = is_arc(hull, coarse.shape) if cut else is_round(hull)
            if not round_enough or area < _SOLID * cv2.contourArea(hull):
                continue
            # Dies of one colour may be of several palettes; the nearest shades then tell.
            fit = area * _likeness(table, code, inside(hull, states.shape) & mask)
            fit *= _GREY if _has_grey_dies(palette) else 1
            fit *= 0.5 + 0.5 * _likeness(table, code, around(hull, states.shape) & (states == 0))
            if best is None or fit > best.fit:
                best = _Blob(fit, hull, states, palette, cut)
        if best is not None:
            found.append(best)
            least = max(least, 0.5 * best.fit)
    return sorted(found, key=lambda blob: -blob.fit)


def _outlines(
    mask: npt.NDArray[np.uint8], min_side: float
) -> list[tuple[float, npt.NDArray[np.int32]]]:
    """Die pixels in, and convex outline of, the largest blobs and the two largest together.

    Together, for a row or column without dies may cut a wafer in two.
    """
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _KERNEL)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    found = []
    for label in (np.argsort(-stats[1:count, cv2.CC_STAT_AREA])[:3] + 1).tolist():
        left, top, width, height, _ = stats[label].tolist()
        inside = (slice(top, top + height), slice(left, left + width))
        own = (labels[inside] == label).view(np.uint8)
        area = float(cv2.countNonZero(mask[inside] & own))
        outline, _ = cv2.findContours(
            own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
        )
        found.append((area, np.asarray(cv2.convexHull(outline[0]), np.int32).reshape(-1, 2)))
    if len(found) > 1 and found[1][0] > _HALF * found[0][0]:
        both = cv2.convexHull(np.concatenate([found[0][1], found[1][1]]))
        found.append((found[0][0] + found[1][0], np.asarray(both, np.int32).reshape(-1, 2)))
    return [each for each in found if np.ptp(each[1], axis=0).min() >= min_side]


def _has_grey_dies(palette: Palette) -> bool:
    return any(max(shade) - min(shade) < 16 for shade in palette.good + palette.bad)


def _likeness(table: ColourTable, code: npt.NDArray[np.uint16], mask: npt.NDArray[Any]) -> float:
    """How near pixels are to the palette's shades, 0..1 on average."""
    places = np.flatnonzero(mask)
    chosen = code.ravel()[places[:: max(1, len(places) // 1000)]]
    return float(table.likeness[chosen].mean()) if len(chosen) else 0.0


def _shown(coarse: Image, blob: _Blob) -> Shown:
    """Colours of the dies inside the outline, and of what lies close around it."""
    shape = blob.states.shape
    counted = np.full(shape, FOREIGN, np.uint8)
    dies = (inside(blob.hull, shape) > 0) & (blob.states != 0)
    counted[dies] = blob.states[dies]
    ground = around(blob.hull, shape) & (blob.states == 0)
    counted[ground] = 0
    return seen_colours(coarse, counted, blob.palette)


def _contrast(shown: Shown) -> float:
    """Smallest distance of two colours that were seen."""
    pairs = ((0, 1), (0, 2), (1, 2))
    return min(
        (
            float(np.linalg.norm(shown.colours[one] - shown.colours[other]))
            for one, other in pairs
            if shown.seen[one] and shown.seen[other]
        ),
        default=442.0,
    )


def _close_up(frame: Image, blob: _Blob, factor: int, shown: Shown) -> CloseUp:
    hull = blob.hull.astype(np.float32) * factor
    low, high = hull.min(axis=0), hull.max(axis=0)
    margin = _MARGIN * float((high - low).max()) + factor
    left, top = np.maximum(low - margin, 0).astype(int).tolist()
    right, bottom = np.ceil(high + margin).astype(int).tolist()
    image = frame[top : bottom + 1, left : right + 1]
    scale = max(1.0, max(image.shape[:2]) / _CLOSE_UP)
    if scale > 1:
        size = (round(image.shape[1] / scale), round(image.shape[0] / scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    outline = (hull - np.array([left, top], np.float32)) / scale
    return CloseUp(image, outline.astype(np.float32), shown, scale, (left, top))
