"""JPEG pictures of wafer maps: several pixels a die, told apart through the compression's noise."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.picture.blocks import MIN_DIES, shrink
from edge.formats.picture.palette import (
    GREY,
    LEVEL_STEP,
    PALETTES,
    SAY_COLOURS,
    Colour,
    Palette,
    Scale,
    nearest_colours,
    states_of_colours,
)
from edge.wafer.wafermap import DieGrid

#: Below this many pixels a die the noise of neighbouring dies reaches the middle.
MIN_BLOCK: Final = 4

#: How far the middle of a die may lie from its colour, at worst and on average (Euclidean, RGB).
#: Quality 90 stays below 40 and 15.
MAX_MIDDLE: Final = 60.0
MAX_MEAN: Final = 20.0

#: Least distance of colours of two states of a recipe: the noise of one must not reach the other.
_APART: Final = 2 * MAX_MIDDLE

#: Nearer than this to one of a palette's shades, a pixel counts as a sample of it.
_CLOSE: Final = 24.0
_SAMPLES: Final = 50_000
_STRIP_PIXELS: Final = 2**18


def dies_of(
    pixels: npt.NDArray[Any], source: str, own: Palette | None = None
) -> tuple[DieGrid, bool]:
    """Turn the pixels of a JPEG into die states.

    Each pixel is given the nearest colour of the palette that fits best. The block size is the
    largest one for which no die changes colour inside (its outermost pixels apart, which the
    compression blurs).

    Args:
        pixels: uint8 (height, width) grey or (height, width, 3) BGR.
        source: Name for error messages.
        own: The palette, where a recipe says it; else that one of the known ones which fits best.

    Returns:
        uint8 (rows, columns) of {0, 1, 2}, and whether pass and fail are surely not the other way
        round.

    Raises:
        InputError: not clean enough to read exactly.
    """
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise _not_clean(source, own)
    if int(pixels.max()) < LEVEL_STEP:
        what = "all but black: die states 0, 1, 2 do not survive JPEG; save them as PNG"
        raise InputError(source, InputKind.NOT_A_MAP, what)
    rgb = pixels[..., ::-1] if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)
    if own and own.apart < _APART:
        what = "a JPEG, and two of the recipe's colours are too close together for its noise"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; save it as PNG")
    palette = own or _best_palette(rgb)
    nearest, distance = _classified(rgb, palette)
    for block in _block_sizes(*nearest.shape):
        ring = max(1, (block + 1) // 4)
        inner = _blocks(nearest, block)[:, ring : block - ring, :, ring : block - ring]
        if not (inner == inner[:, :1, :, :1]).all():
            continue
        middle = _blocks(distance, block)[:, block // 2, :, block // 2]
        if float(middle.max()) > MAX_MIDDLE or float(middle.mean()) > MAX_MEAN:
            break
        # These blocks may by chance divide dies of another size.
        return _states(shrink(inner[:, 0, :, 0], source), palette, source)
    raise _not_clean(source, own)


def _states(cells: npt.NDArray[np.uint8], palette: Palette, source: str) -> tuple[DieGrid, bool]:
    colours = palette.colours().astype(np.uint8)
    present = np.flatnonzero(np.bincount(cells.ravel(), minlength=len(colours)))
    if len(present) == 1:
        what = "one colour all over, which in a JPEG may be anything; save it as PNG"
        raise InputError(source, InputKind.AMBIGUOUS, what)
    if palette.scale is Scale.SAID:
        return palette.states()[cells], True
    table = np.zeros(len(colours), np.uint8)
    states, sure = states_of_colours(colours[present], source, (*PALETTES, GREY))
    table[present] = states
    return table[cells], sure


def _best_palette(rgb: npt.NDArray[np.uint8]) -> Palette:
    """The palette nearest to a sample of the pixels; what it does not fit shows later.

    Of several shades of a state only the commonest stays: the blur between two dies may look like
    one of the others.
    """
    pixels = rgb.reshape(-1, 3)
    if len(pixels) > _SAMPLES:  # not every n-th: that might always meet a die's edge
        pixels = pixels[np.random.default_rng(0).integers(0, len(pixels), _SAMPLES)]
    misfit = [float(nearest_colours(pixels, each)[1].mean()) for each in (*PALETTES, GREY)]
    best = (*PALETTES, GREY)[int(np.argmin(misfit))]
    nearest, distance = nearest_colours(pixels, best)
    votes = np.bincount(nearest[distance < _CLOSE], minlength=len(best.colours())).tolist()
    good, bad = len(best.no_die), len(best.no_die) + len(best.good)
    return replace(
        best,
        no_die=_commonest(best.no_die, votes[:good]),
        good=_commonest(best.good, votes[good:bad]),
        bad=_commonest(best.bad, votes[bad:]),
    )


def _commonest(shades: tuple[Colour, ...], votes: list[int]) -> tuple[Colour, ...]:
    return (shades[votes.index(max(votes))],)


def _classified(
    rgb: npt.NDArray[np.uint8], palette: Palette
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Nearest colour and distance of each pixel, by strips of rows to bound the memory."""
    height, width = rgb.shape[:2]
    nearest = np.empty((height, width), np.uint8)
    distance = np.empty((height, width), np.float32)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = rgb[top : top + rows]
        found, away = nearest_colours(strip.reshape(-1, 3), palette)
        nearest[top : top + rows] = found.reshape(strip.shape[:2])
        distance[top : top + rows] = away.reshape(strip.shape[:2])
    return nearest, distance


def _block_sizes(height: int, width: int) -> list[int]:
    """Block sizes that fill the picture, the largest first."""
    side = math.gcd(height, width)
    return [
        size
        for size in range(side, MIN_BLOCK - 1, -1)
        if side % size == 0 and (height // size) * (width // size) >= MIN_DIES
    ]


def _blocks(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """(rows, size, columns, size) view of (height, width)."""
    height, width = values.shape
    return values.reshape(height // size, size, width // size, size)


def _not_clean(source: str, own: Palette | None) -> InputError:
    whose = own.name if own else "a wafer map"
    mend = "save it as PNG" if own else f"save it as PNG, or {SAY_COLOURS}"
    what = f"a JPEG without clean dies, all in the colours of {whose} and at least"
    size = f"{MIN_BLOCK} x {MIN_BLOCK} pixels each"
    return InputError(source, InputKind.NOT_A_MAP, f"{what} {size}; {mend}")
