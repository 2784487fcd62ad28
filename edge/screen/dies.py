"""Read the dies of a rectified wafer, and check that what was read is what the screen shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.camera.frames import Image
from edge.formats.picture.blocks import magnified
from edge.formats.picture.palette import Scale
from edge.screen.colours import Shown, dieness, is_of
from edge.screen.find import CloseUp
from edge.screen.lattice import Lattice
from edge.screen.outline import whole
from edge.screen.recipe import Recipe
from edge.screen.refusal import Refused, RejectReason
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

#: Samples a die, across and down; its colour is that of the middle one.
_SAMPLES: Final = 5
_MIDDLE: Final = slice(2, 3)
_INNER: Final = slice(1, 4)

#: Dies that a colour is measured on, about.
_MEASURED: Final = 300

#: Rows and columns looked at around the wafer.
_AROUND: Final = 4

#: Farthest that a die's middle may lie from its state's colour, as share of the distance to the
#: nearest other state's, and in levels; in levels also for positions without a die: the window is
#: of one colour, and an overexposed die looks nearly like it.
_MAX_ASIDE: Final = 0.42
_MAX_LEVELS: Final = 80.0
_MAX_GROUND: Final = 45.0

#: Least share of a die's inner samples that show its state, and of all inner samples.
_MIN_WHOLE: Final = 0.75
_MIN_ALIKE: Final = 0.95

#: Darkest level of a white in which greys may be lost, and the saturation up to which a shade is
#: a grey.
_BLOWN: Final = 250.0
_GREY: Final = 16

#: Neither state: for a person to look at.
_DOUBTFUL: Final = 3

_CROSS: Final = np.ones((3, 3), np.uint8)


def read_dies(seen: CloseUp, lines: Lattice, recipe: Recipe) -> DieGrid:
    """Read a wafer die by die: uint8 (rows, columns) of {0, 1, 2}, cropped to the dies.

    Raises:
        Refused: ``unclear-grid``, ``cut-off`` or ``exposure``.
    """
    patch = _patch(seen, lines, recipe.min_pixels)
    middle = _cells(patch)[:, _MIDDLE, :, _MIDDLE].mean(axis=(1, 3), dtype=np.float32)
    shown = _refined(middle, seen.shown)
    _check_colours(shown, recipe)
    dies, around = _dies(middle, shown, recipe)
    _check_drawn(dies, around, dieness(patch, shown))
    rows, columns = np.flatnonzero(dies.any(axis=1)), np.flatnonzero(dies.any(axis=0))
    read = np.ascontiguousarray(dies[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    _check_plausible(read, recipe)
    _check_exposure(read, shown, recipe)
    return read


def _dies(
    middle: npt.NDArray[np.float32], shown: Shown, recipe: Recipe
) -> tuple[DieGrid, npt.NDArray[np.bool_]]:
    """The dies of the wafer, and the positions that must look as they were read."""
    states = states_of(middle, shown)
    wafer, around, near = _wafer(states)
    if wafer[[0, -1]].any() or wafer[:, [0, -1]].any():
        raise _unclear("dies far outside the wafer's outline")
    disc = whole(wafer, recipe)
    # What is of another colour outside the outline is not the wafer's: the edge of a window.
    around |= near & (_partly_die(middle, shown) | (states == NO_DIE))
    # Inside the wafer's disc it is: a part that was lost.
    around |= disc
    doubtful = np.count_nonzero((states == _DOUBTFUL) & around)
    if doubtful:
        raise _unclear(f"{doubtful} positions are of no state's colour")
    return np.where(wafer, states, NO_DIE).astype(np.uint8), around


def _unclear(why: str) -> Refused:
    return Refused(RejectReason.UNCLEAR_GRID, why)


def _patch(seen: CloseUp, lines: Lattice, min_pixels: float) -> Image:
    """The wafer upright, with ``_SAMPLES`` pixels a die across and down."""
    pitch = min(lines.pitch) * seen.scale
    if pitch < min_pixels:
        raise _unclear(f"{pitch:.1f} pixels a die; at least {min_pixels:g} are needed")
    hull = cv2.perspectiveTransform(seen.hull[None].astype(np.float64), lines.matrix)[0]
    low = np.floor(hull.min(axis=0)).astype(int) - _AROUND
    columns, rows = (np.ceil(hull.max(axis=0)).astype(int) + _AROUND - low).tolist()
    if not (0 < columns <= 320 and 0 < rows <= 320):
        raise _unclear("no even rows and columns")
    shift = np.array([[1.0, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    # Pixel p of the patch is the sample at (p + 1/2) / samples of a die.
    zoom = np.array([[_SAMPLES, 0, -0.5], [0, _SAMPLES, -0.5], [0, 0, 1.0]])
    size = (columns * _SAMPLES, rows * _SAMPLES)
    patch = cv2.warpPerspective(
        seen.image, zoom @ shift @ lines.matrix, size, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(patch, np.uint8)


def _cells(patch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(rows, samples, columns, samples, ...) view of (height, width, ...)."""
    height, width = patch.shape[:2]
    shape = (height // _SAMPLES, _SAMPLES, width // _SAMPLES, _SAMPLES)
    return patch.reshape(*shape, *patch.shape[2:])


def _refined(middle: npt.NDArray[np.float32], shown: Shown) -> Shown:
    """The colours again, measured in the middle of dies."""
    colours, seen = shown.colours.copy(), [shown.seen[0], False, False]
    given = middle.reshape(-1, 3)
    away = np.stack([np.square(given - colour).sum(axis=1) for colour in shown.colours])
    nearest = away.argmin(axis=0)
    known = np.zeros(len(given), bool)
    for state in sorted((NO_DIE, PASS, FAIL), key=lambda state: not shown.seen[state]):
        if shown.seen[state]:
            reach = _reach(shown.colours, state)
            mine = (nearest == state) & (away[state] < reach * reach)
            known |= mine
        else:  # too few for the first look: dies near to a shade, and to nothing known
            shades = shown.palette.colours()[shown.palette.states() == state, ::-1]
            far = [np.square(given - shade).sum(axis=1) for shade in shades]
            mine = ~known & (np.min(far, axis=0) < _MAX_LEVELS**2)
        places = np.flatnonzero(mine)
        if len(places) >= (1 if state else 12):
            close = given[places[:: max(1, len(places) // _MEASURED)]]
            colours[state], seen[state] = np.median(close, axis=0), True
        elif state:
            colours[state] = (shown.palette.good, shown.palette.bad)[state - 1][0][::-1]
    return replace(shown, colours=colours, seen=(seen[0], seen[1], seen[2]))


def _reach(colours: npt.NDArray[np.float32], state: int) -> float:
    """How far from its colour a state reaches: nearly half way to the nearest other one."""
    others = np.delete(colours, state, axis=0) - colours[state]
    most = _MAX_LEVELS if state else _MAX_GROUND
    return min(most, _MAX_ASIDE * float(np.linalg.norm(others, axis=1).min()))


def _check_colours(shown: Shown, recipe: Recipe) -> None:
    """Refuse a colour that is far from all shades of its state, or nearer another's."""
    if not any(shown.seen[1:]):
        raise _unclear("no dies in the colours of the recipe")
    if shown.palette.scale is Scale.AUTOMATIC and not shown.seen[PASS]:
        raise _unclear(
            f"no pass colour of '{shown.palette.name}': a plot scaled to its own values, where "
            "pass and fail cannot be told apart"
        )
    for state, name in ((PASS, "pass"), (FAIL, "fail")):
        rgb = shown.colours[state, ::-1]
        if shown.seen[state] and not is_of(rgb, state, shown.palette, recipe):
            shade = "#" + "".join(f"{round(level):02x}" for level in rgb.clip(0, 255).tolist())
            raise _unclear(f"{name} dies look {shade}, which is far from the recipe's colours")


def states_of(middle: npt.NDArray[np.float32], shown: Shown) -> npt.NDArray[np.uint8]:
    """State of each position, or ``_DOUBTFUL``: uint8 (rows, columns)."""
    away = np.stack([np.linalg.norm(middle - colour, axis=2) for colour in shown.colours])
    states = away.argmin(axis=0).astype(np.uint8)
    reach = np.array([_reach(shown.colours, state) for state in (NO_DIE, PASS, FAIL)])
    states[away.min(axis=0) > reach[states]] = _DOUBTFUL
    return states


def _partly_die(middle: npt.NDArray[np.float32], shown: Shown) -> npt.NDArray[np.bool_]:
    """Whether a colour is a mixture of no die with pass or fail: bool (rows, columns)."""
    ground = shown.colours[NO_DIE]
    mixed = np.zeros(middle.shape[:2], bool)
    for colour in shown.colours[PASS:]:
        span = colour - ground
        share = (middle - ground) @ span / (span @ span)
        aside = np.linalg.norm(middle - ground - share[..., None] * span, axis=2)
        mixed |= (share > 0) & (share < 1) & (aside < 0.25 * np.linalg.norm(span))
    return mixed


def _wafer(
    states: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which positions are dies of the wafer, which lie within its outline, which close to a die.

    Dies with up to two empty positions between them belong together; what lies farther away, as a
    legend does, is something else.
    """
    dies = ((states == PASS) | (states == FAIL)).astype(np.uint8)
    near = cv2.dilate(dies, _CROSS)
    count, labels = cv2.connectedComponents(near, connectivity=8)
    sizes = np.bincount(labels[dies > 0], minlength=count)
    sizes[0] = 0
    own = labels == int(sizes.argmax())
    outline = cv2.convexHull(np.argwhere(own & (dies > 0))[:, ::-1].astype(np.int32))
    inside = np.zeros(states.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.asarray(outline), (1,))
    wafer = (own | (inside > 0)) & (dies > 0)
    return wafer, (inside > 0) | wafer, own


def _check_drawn(
    dies: DieGrid, around: npt.NDArray[np.bool_], patch: npt.NDArray[np.float32]
) -> None:
    """Draw the map that was read and compare it with the frame, die by die.

    The outermost samples of each die are left out: there it blurs into its neighbours, or there is
    a line.
    """
    inner = _cells(patch)[:, _INNER, :, _INNER]
    drawn = np.array([0.0, 1.0, -1.0], np.float32)[dies]
    alike = (np.abs(inner - drawn[:, None, :, None]) < 0.5).mean(axis=(1, 3))
    broken = np.count_nonzero((alike < _MIN_WHOLE) & around)
    if broken:
        raise _unclear(f"{broken} positions are not of one colour: rows and columns do not fit")
    share = float(alike[dies > 0].mean())
    if share < _MIN_ALIKE:
        raise _unclear(f"the map read agrees with {100 * share:.0f} % of the dies' area only")


def _check_plausible(dies: DieGrid, recipe: Recipe) -> None:
    """Refuse a map that cannot be a wafer's."""
    rows, columns = dies.shape
    count = int(np.count_nonzero(dies))
    if count < recipe.min_dies:
        raise _unclear(f"{count} dies; at least {recipe.min_dies} are needed")
    if recipe.rows not in {None, rows} or recipe.columns not in {None, columns}:
        raise _unclear(
            f"{rows} x {columns} dies; the recipe wants {recipe.rows or 'any'} x "
            f"{recipe.columns or 'any'}"
        )
    if magnified(dies):
        raise _unclear("every row or column is there twice: the pitch is not sure")
    if _even_gaps(dies, 0) or _even_gaps(dies, 1):
        raise _unclear("empty rows or columns at even distances: the pitch is not sure")


def _check_exposure(dies: DieGrid, shown: Shown, recipe: Recipe) -> None:
    """Refuse a wafer without passing dies whose holes may be grey ones, blown out to white.

    Only a recipe without grey dies tells that they are none.
    """
    grey = any(np.ptp(shade) < _GREY for palette in recipe.palettes for shade in palette.good)
    if shown.seen[PASS] or not grey or float(shown.colours[NO_DIE].min()) < _BLOWN:
        return
    full = np.pad(dies > 0, 1).astype(np.uint8)
    around = full[:-2, 1:-1] + full[2:, 1:-1] + full[1:-1, :-2] + full[1:-1, 2:]
    if ((dies == NO_DIE) & (around >= 3)).any():
        what = "white is blown out: holes between failing dies may be grey passing ones"
        raise Refused(RejectReason.EXPOSURE, what)


def _even_gaps(dies: DieGrid, axis: int) -> bool:
    occupied = np.asarray(dies.max(axis=axis))
    empty = int(np.count_nonzero(occupied == 0))
    return empty >= max(3, len(occupied) // 4)
