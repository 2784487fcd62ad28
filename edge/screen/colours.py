"""Which pixels have the colour of a die: a table of all colours, and one axis of die-ness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.camera.frames import Image
from edge.formats.picture.palette import Palette, nearest_colours
from edge.screen.recipe import Recipe
from edge.wafer.wafermap import FAIL, PASS

#: Beside the die states: a colour that no shade of the palette is near to.
FOREIGN: Final = 3

_BITS: Final = 5

#: Pixels that a colour is measured on, about.
_SAMPLES: Final = 1000

#: Largest angle between a colour's hue and its shade's, by how much that must be less than to the
#: other state's shades, degrees; and the saturation (RGB) below which a colour has no hue.
_MAX_HUE: Final = 28.0
_HUE_MARGIN: Final = 8.0
_GREYISH: Final = 30.0


@dataclass(frozen=True)
class Shown:
    """The colours of a palette as this frame shows them.

    Attributes:
        palette: The palette.
        colours: float32 (3, 3) BGR, 0..255: of no die, pass and fail.
        seen: bool (3,): which of them were seen; the others are the palette's own.
    """

    palette: Palette
    colours: npt.NDArray[np.float32]
    seen: tuple[bool, bool, bool]


@dataclass(frozen=True)
class ColourTable:
    """What every colour means in a palette, by the index of ``codes``.

    Attributes:
        states: uint8 (32768,): 0 no die, 1 pass, 2 fail or ``FOREIGN``.
        dies: uint8 (32768,): 1 where it is pass or fail, else 0.
        likeness: float32 (32768,): 1 where it is a shade of the palette, 0 where it is as far from
            one as the recipe allows.
    """

    states: npt.NDArray[np.uint8]
    dies: npt.NDArray[np.uint8]
    likeness: npt.NDArray[np.float32]


@lru_cache(maxsize=8)
def tables(recipe: Recipe) -> tuple[ColourTable, ...]:
    """The colours' table for each palette of a recipe."""
    step = 1 << (8 - _BITS)
    levels = np.arange(step // 2, 256, step, dtype=np.uint8)
    red, green, blue = np.meshgrid(levels, levels, levels, indexing="ij")
    rgb = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    made = []
    for palette in recipe.palettes:
        nearest, distance = nearest_colours(rgb, palette)
        states = palette.states()[nearest]
        states[distance > recipe.max_distance] = FOREIGN
        dies = ((states == PASS) | (states == FAIL)).astype(np.uint8)
        made.append(ColourTable(states, dies, np.maximum(1 - distance / recipe.max_distance, 0)))
    return tuple(made)


def codes(image: Image) -> npt.NDArray[np.uint16]:
    """Where each pixel's colour stands in the ``tables``: uint16 (h, w) of (h, w, 3) BGR."""
    blue, green, red = (image[..., channel] >> (8 - _BITS) for channel in range(3))
    code = red.astype(np.uint16) << (2 * _BITS)
    code |= green.astype(np.uint16) << _BITS
    code |= blue
    return np.asarray(code, np.uint16)


def seen_colours(image: Image, states: npt.NDArray[np.uint8], palette: Palette) -> Shown:
    """Measure the colours of the states.

    Args:
        image: uint8 (h, w, 3) BGR: the wafer and a little around it.
        states: uint8 (h, w): of each pixel, by ``tables``; what must not count is ``FOREIGN``.
        palette: That the states are from.
    """
    colours = np.empty((3, 3), np.float32)
    seen = []
    flat = image.reshape(-1, 3)
    for state, shades in enumerate((palette.no_die, palette.good, palette.bad)):
        places = np.flatnonzero(states == state)
        pixels = flat[places[:: max(1, len(places) // _SAMPLES)]]
        seen.append(len(pixels) >= 12)
        colours[state] = np.median(pixels, axis=0) if seen[-1] else shades[0][::-1]
    return Shown(palette, colours, (seen[0], seen[1], seen[2]))


def axis(shown: Shown) -> npt.NDArray[np.float32]:
    """The affine function of BGR that is 0 for no die, +1 for pass and -1 for fail.

    Of all such functions the flattest, in which noise and other colours count least; so a state
    that was not seen has no say. float32 (1, 4): factors of blue, green, red, and the constant.
    """
    ground = shown.colours[0].astype(np.float64)
    dies = [state for state in (PASS, FAIL) if shown.seen[state]] or [PASS, FAIL]
    spans = shown.colours[dies] - ground
    goal = np.array([1.0 if state == PASS else -1.0 for state in dies])
    factors = np.linalg.lstsq(spans, goal, rcond=1e-3)[0]
    return np.append(factors, -factors @ ground).astype(np.float32)[None]


def dieness(image: Image, shown: Shown) -> npt.NDArray[np.float32]:
    """How far each pixel is pass (+1) or fail (-1): float32 (h, w) of (h, w, 3) BGR."""
    return np.asarray(cv2.transform(image.astype(np.float32), axis(shown)))


def is_of(rgb: npt.NDArray[np.float32], state: int, palette: Palette, recipe: Recipe) -> bool:
    """Whether a colour can only be of one state.

    Brightness changes with the camera, the hue hardly. So the colour must be near to a shade of
    the state, and be of its hue rather than of that of any palette's other die state.

    Args:
        rgb: float32 (3,), 0..255.
        state: 1 pass or 2 fail.
        palette: That the state is from.
        recipe: For all palettes, and for how far off a shade may be.
    """
    away = np.linalg.norm(palette.colours() - rgb, axis=1)
    own = palette.states() == state
    if away[own].min() > min(recipe.max_distance, float(away.min())):
        return False
    hue = (rgb - rgb.mean()).astype(np.float64)
    saturation = float(np.linalg.norm(hue))
    mine, others = _hues((palette,), state), _hues(recipe.palettes, PASS + FAIL - state)
    if saturation < _GREYISH or not len(mine):
        return True
    angle = _least_angle(mine, hue / saturation)
    return angle < min(_MAX_HUE, _least_angle(others, hue / saturation) - _HUE_MARGIN)


def _least_angle(hues: npt.NDArray[np.float64], hue: npt.NDArray[np.float64]) -> float:
    """Degrees to the nearest of some hues; 180 where there are none."""
    return float(np.degrees(np.arccos((hues @ hue).clip(-1, 1).max()))) if len(hues) else 180.0


@lru_cache(maxsize=64)
def _hues(palettes: tuple[Palette, ...], state: int) -> npt.NDArray[np.float64]:
    """Hues of a state's shades, greys left out: float64 (N, 3) of length 1."""
    shades = np.concatenate([each.colours()[each.states() == state] for each in palettes])
    hues = (shades - shades.mean(axis=1, keepdims=True)).astype(np.float64)
    saturation = np.linalg.norm(hues, axis=1)
    coloured = saturation > _GREYISH
    return np.asarray(hues[coloured] / saturation[coloured, None])
