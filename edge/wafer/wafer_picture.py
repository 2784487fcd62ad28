"""A wafer map small enough for a page: a PNG in the page itself, and in words."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer import encoding
from edge.wafer.half_blocks import gathered
from edge.wafer.wafermap import DieGrid

#: Sides of the picture in pixels, about: larger maps are gathered, smaller ones enlarged.
SIDE: Final = 192

#: The same where it fills a page, and pixels of a line of text below.
PLATE: Final = 768
_LINE: Final = 20

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
    return _encoded(picture(dies))


def _encoded(pixels: npt.NDArray[np.uint8]) -> bytes:
    done, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise RuntimeError("OpenCV could not write a PNG")
    return encoded.tobytes()


def plate(dies: DieGrid, facts: Sequence[str]) -> bytes:
    """Picture of a wafer map, large, with facts below, as a PNG.

    Args:
        dies: The map.
        facts: Short lines; what is no ASCII becomes ``?``.
    """
    drawn = picture(dies, PLATE)
    height, width = drawn.shape[:2]
    page = np.full((height + _LINE * (len(facts) + 1), max(width, PLATE), 3), 255, np.uint8)
    page[:height, (page.shape[1] - width) // 2 :][:, :width] = drawn
    for number, fact in enumerate(facts, 1):
        text, place = fact.encode("ascii", "replace").decode(), (_LINE, height + _LINE * number)
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return _encoded(page)


def picture(dies: DieGrid, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Picture (height, width, 3) of a wafer map, the longer side at most ``side`` pixels.

    A pixel of a map that is larger stands for a block of dies and shows the worst of them.
    """
    dies = gathered(encoding.crop(dies), side)
    scale = max(1, side // max(dies.shape))
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
