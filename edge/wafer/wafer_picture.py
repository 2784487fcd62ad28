"""A wafer map small enough for a page: a PNG in the page itself, and in words."""

from __future__ import annotations

import base64
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer import encoding
from edge.wafer.wafermap import DieGrid

#: Sides of the picture in pixels, about: larger maps are gathered, smaller ones enlarged.
SIDE: Final = 192

#: Blue, green, red of no die, a die that passed, one that failed. Light against dark, so that they
#: differ without colour as well.
_COLOURS: Final = np.asarray([(255, 255, 255), (226, 214, 203), (20, 45, 165)], np.uint8)

#: From this many pixels a die on, dies are parted by a line.
_PARTED: Final = 4


def data_uri(dies: DieGrid) -> str:
    """Picture of a wafer map as ``data:image/png;base64,…``."""
    return "data:image/png;base64," + base64.b64encode(png(dies)).decode()


def png(dies: DieGrid) -> bytes:
    """Picture of a wafer map as a PNG."""
    done, encoded = cv2.imencode(".png", picture(dies), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise RuntimeError("OpenCV could not write a PNG")
    return encoded.tobytes()


def picture(dies: DieGrid) -> npt.NDArray[np.uint8]:
    """Picture (height, width, 3) of a wafer map, the longer side at most ``SIDE`` pixels.

    A pixel of a map that is larger stands for a block of dies and shows the worst of them.
    """
    dies = _gathered(encoding.crop(dies))
    scale = max(1, SIDE // max(dies.shape))
    drawn = _COLOURS[dies].repeat(scale, axis=0).repeat(scale, axis=1)
    if scale >= _PARTED:
        drawn[::scale] = drawn[:, ::scale] = _COLOURS[0]
    return drawn


def describe(dies: DieGrid) -> str:
    """The map in words, for those who cannot see the picture."""
    rows, columns = dies.shape
    failed = int((dies == 2).sum())
    total = int((dies > 0).sum())
    return f"wafer map of {rows} x {columns} positions, {failed:,} of {total:,} dies failed"


def _gathered(dies: DieGrid) -> DieGrid:
    """Blocks of dies as one, so that no side is longer than ``SIDE``; the worst state stays."""
    step = -(-max(dies.shape) // SIDE)
    for axis in (0, 1):
        dies = np.maximum.reduceat(dies, np.arange(0, dies.shape[axis], step), axis=axis)
    return dies
