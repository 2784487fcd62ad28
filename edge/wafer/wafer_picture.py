"""A wafer map small enough for a page: a PNG in the page itself, and in words."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer import encoding
from edge.wafer.half_blocks import gathered, thinned
from edge.wafer.wafermap import DieGrid

#: Sides of the picture in pixels, about: larger maps are gathered, smaller ones enlarged.
SIDE: Final = 192

#: The same where it fills a page, and pixels of a line of text below.
PLATE: Final = 768
_LINE: Final = 20
_SWATCH: Final = 12
_LETTER: Final = 10
_CELL: Final = re.compile(r"\S+(?: \S+)*")

#: Blue, green, red of no die, a die that passed, one that failed. Light against dark, so that they
#: differ without colour as well.
_COLOURS: Final = np.asarray([(255, 255, 255), (226, 214, 203), (20, 45, 165)], np.uint8)

#: Of codes of which nobody says what they mean, the most frequent first; of all others.
_OF_CODES: Final = np.asarray(
    [(233, 180, 86), (0, 94, 213), (115, 158, 0), (0, 0, 0), (66, 228, 240), (178, 114, 0),
     (167, 121, 204), (0, 159, 230)],
    np.uint8,
)  # fmt: skip
_OTHERS: Final = (160, 160, 160)
SHADES: Final = len(_OF_CODES)

#: Steps between the colour of a die that passes and that of one that fails.
_SHADES: Final = 255

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
    return _encoded(_page(picture(dies, PLATE), facts))


def code_plate(
    codes: npt.NDArray[np.int16], order: Sequence[int], facts: Sequence[str], first: int
) -> bytes:
    """The same of codes of which nobody says what they mean, in a colour each.

    Args:
        codes: (rows, columns), each a number; -1 where no die is.
        order: The numbers that get colours, at most ``SHADES``, or -1; all others are grey.
        facts: Short lines.
        first: From which of them on there is one for each of ``order``, with its colour before it.
    """
    shades = np.full((max(int(codes.max()), *order) + 2, 3), _OTHERS, np.uint8)
    shades[list(order)] = _OF_CODES[: len(order)]
    shades[-1] = _COLOURS[0]
    drawn = _enlarged(shades[thinned(codes, PLATE)[0]], PLATE)
    page = _page(drawn, facts)
    for line, number in enumerate(order, first + 1):
        low = drawn.shape[0] + _LINE * line
        page[low - _SWATCH : low, _LINE : _LINE + _SWATCH] = shades[number]
    return _encoded(page)


def _page(drawn: npt.NDArray[np.uint8], facts: Sequence[str]) -> npt.NDArray[np.uint8]:
    height, width = drawn.shape[:2]
    page = np.full((height + _LINE * (len(facts) + 1), max(width, PLATE), 3), 255, np.uint8)
    page[:height, (page.shape[1] - width) // 2 :][:, :width] = drawn
    for number, fact in enumerate(facts, 1):
        # Letters differ in width: what stands in a column begins at one place in all lines.
        for cell in _CELL.finditer(fact.encode("ascii", "replace").decode()):
            place = _LINE + _LETTER * cell.start(), height + _LINE * number
            font, black = cv2.FONT_HERSHEY_SIMPLEX, (0, 0, 0)
            cv2.putText(page, cell[0], place, font, 0.5, black, 1, cv2.LINE_AA)
    return page


def share_plate(share: npt.NDArray[np.float64], top: float, facts: Sequence[str]) -> bytes:
    """The same of a share at each position, for instance of wafers that fail there.

    Args:
        share: (rows, columns) of 0..1, at least one of them; NaN where no die is.
        top: The share that gets the colour of a failing die, above 0; 0 gets that of a passing one.
        facts: Short lines.
    """
    return _encoded(_page(_share_picture(share, top, PLATE, parted=True), facts))


def share_uri(share: npt.NDArray[np.float64], top: float) -> str:
    """The same without facts as ``data:image/png;base64,…``."""
    picture = _encoded(_share_picture(share, top, SIDE, parted=False))
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _share_picture(
    share: npt.NDArray[np.float64], top: float, side: int, *, parted: bool
) -> npt.NDArray[np.uint8]:
    """A pixel of a stack that is larger shows the largest share of its block."""
    blend = np.linspace(0, 1, _SHADES)[:, np.newaxis]
    shades = np.round((1 - blend) * _COLOURS[1] + blend * _COLOURS[2]).astype(np.uint8)
    shades = np.vstack([_COLOURS[:1], shades])
    level = 1 + np.round((_SHADES - 1) * np.clip(np.nan_to_num(share) / top, 0, 1))
    levels = np.where(np.isnan(share), 0, level).astype(np.uint8)
    return _enlarged(shades[gathered(encoding.crop(levels), side)], side, parted=parted)


def picture(dies: DieGrid, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Picture (height, width, 3) of a wafer map, the longer side at most ``side`` pixels.

    A pixel of a map that is larger stands for a block of dies and shows the worst of them.
    """
    return _enlarged(_COLOURS[gathered(encoding.crop(dies), side)], side)


def _enlarged(
    drawn: npt.NDArray[np.uint8], side: int, *, parted: bool = True
) -> npt.NDArray[np.uint8]:
    scale = max(1, side // max(drawn.shape[:2]))
    drawn = drawn.repeat(scale, axis=0).repeat(scale, axis=1)
    if parted and scale >= _PARTED:
        drawn[::scale] = drawn[:, ::scale] = _COLOURS[0]
    return drawn


def describe(dies: DieGrid) -> str:
    """The map in words, for those who cannot see the picture."""
    rows, columns = dies.shape
    failed = int((dies == 2).sum())
    total = int((dies > 0).sum())
    return f"wafer map of {rows} x {columns} positions, {failed:,} of {total:,} dies failed"
