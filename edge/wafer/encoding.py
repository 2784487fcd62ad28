"""Wafer map -> network input: the one place that knows how.

Training, conversion, the station and the firmware all produce their bytes from this definition:

1. Crop the map to the smallest rectangle that holds all its dies (H x W).
2. Adaptive average pooling to SIZE x SIZE: cell *i* covers rows ``floor(i*H/SIZE)`` up to, not
   including, ``ceil((i+1)*H/SIZE)``; columns alike. Cells overlap where SIZE does not divide H, and
   repeat rows where H < SIZE.
3. Plane 0 is the failing share of a cell's positions, plane 1 its share of positions with a die:
   ``floor((510 * count + area) / (2 * area))``, i.e. 255 * count / area rounded half up.

All of it is integer arithmetic, so C on a microcontroller gives the same bytes. It commutes with
flips and quarter turns: encoding a turned map equals turning the encoded one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.wafer.wafermap import DieGrid

#: Name and version go into every model file; a file that names another one is refused.
NAME: Final = "fail-die-adaptive-average"
VERSION: Final = 1

SIZE: Final = 52
PLANES: Final = 2

#: Smallest network input in cells: a cell of a map of ``MAX_SIDE`` dies a side then holds at most
#: 172 * 172 positions, few enough for float32 to be exact (see ``encode``).
MIN_SIZE: Final = 24

#: Flips and quarter turns that keep a pattern what it is.
SYMMETRIES: Final = 8

#: What the network sees is ``byte / 255`` in [0, 1]; as int8 that is ``byte - 128``.
INPUT_SCALE: Final = 1.0 / 255.0
INPUT_ZERO_POINT: Final = -128

#: Whether a position of each state counts as failing, and as one with a die.
_MEMBERS: Final = np.asarray([(0, 0), (0, 1), (1, 1)], np.uint8)

Encoded = npt.NDArray[np.uint8]
#: Flipping it subtracts 128.
_TOP_BIT: Final = np.uint8(0x80)

_Places = npt.NDArray[np.intp]


def encode(dies: DieGrid, size: int = SIZE) -> Encoded:
    """Encode one wafer map.

    Args:
        dies: uint8 (rows, columns) of {0 no die, 1 pass, 2 fail}, at least one die, sides up to
            ``edge.wafer.wafermap.MAX_SIDE``.
        size: Side of the network input in cells, at least ``MIN_SIZE`` for maps of any size.

    Returns:
        uint8 (size, size, 2): fail share and die share of each cell, 0..255.

    Raises:
        ValueError: the map holds no die.
    """
    import cv2  # a model card needs it not, and it takes a tenth of its time

    dies = crop(dies)
    top, bottom, left, right, area = _cells(*dies.shape, size)
    members = _MEMBERS.take(dies, 0)
    # Sums over any rectangle are differences of sums from the corner. float32 holds all of them
    # exactly: a whole map has at most 4096 * 4096 = 2**24 positions.
    sums = cv2.integral(members, sdepth=cv2.CV_32F)
    sums = sums.take(bottom, 0) - sums.take(top, 0)
    share = sums.take(right, 1) - sums.take(left, 1)
    # With size >= MIN_SIZE a cell holds at most 172 * 172 positions, so 255 * sum is exact as well,
    # and a quotient that is not on a rounding boundary is at least 1 / (2 * 172 * 172) away from
    # it: more than the 2**-16 that the division and the addition of one half can be wrong by.
    share *= 255.0
    share /= area
    share += 0.5
    return share.astype(np.uint8)


def crop(dies: DieGrid) -> DieGrid:
    """Cut off the rows and columns around the wafer that hold no die.

    Raises:
        ValueError: the map holds no die.
    """
    data, width = dies.tobytes(), dies.shape[1]
    edges = data[:width], data[-width:], data[::width], data[width - 1 :: width]
    if width and all(map(_has_die, edges)):
        return dies  # as most maps are: a quarter of the time of looking for what to cut off
    top, bottom = _extent(dies.max(axis=1))
    left, right = _extent(dies.max(axis=0))
    if not bottom:
        raise ValueError("a wafer map without dies cannot be classified")
    return dies[top:bottom, left:right]


def _has_die(line: bytes) -> bytes:
    return line.strip(b"\0")


def _extent(line: DieGrid) -> tuple[int, int]:
    """Place of the first value that is not 0, and the one after the last."""
    data = line.tobytes()
    return len(data) - len(data.lstrip(b"\0")), len(data.rstrip(b"\0"))


def to_int8(encoded: Encoded, out: Encoded | None = None) -> npt.NDArray[np.int8]:
    """Network input bytes: ``byte - 128``, the quantised form of ``byte / 255``.

    Args:
        encoded: uint8, any shape.
        out: The bytes of an int8 array of the same shape, to write into; None makes a new one.
    """
    return np.bitwise_xor(encoded, _TOP_BIT, out).view(np.int8)


def to_shares(encoded: Encoded) -> npt.NDArray[np.float32]:
    """What a float network sees of encoded bytes, of one wafer or many: shares in [0, 1]."""
    return encoded.astype(np.float32) / np.float32(255)


def symmetry(batch: npt.NDArray[Any], which: int) -> npt.NDArray[Any]:
    """View a batch under one of the eight symmetries of the square (flips and quarter turns).

    Args:
        batch: (wafers, side, side, planes) or (wafers, rows, columns).
        which: 0..7; bit 0 flips columns, bit 1 flips rows, bit 2 transposes (0 = identity).
    """
    if which & 4:
        batch = batch.swapaxes(1, 2)
    if which & 2:
        batch = batch[:, ::-1]
    if which & 1:
        batch = batch[:, :, ::-1]
    return batch


def bounds(length: int, size: int = SIZE) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First row and the row after the last of each cell, for a side of ``length`` dies."""
    cell = np.arange(size)
    return cell * length // size, -(-(cell + 1) * length // size)


@lru_cache(maxsize=256)
def _cells(
    rows: int, columns: int, size: int
) -> tuple[_Places, _Places, _Places, _Places, npt.NDArray[np.float32]]:
    """First row and row after the last of each cell, columns alike; area of each, both planes."""
    top, bottom = bounds(rows, size)
    left, right = bounds(columns, size)
    area = np.outer(bottom - top, right - left).astype(np.float32)
    return top, bottom, left, right, np.repeat(area[..., np.newaxis], PLANES, axis=2)
