"""From several pixels a die to one, and pictures whose pixels are not dies."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.wafermap import DieGrid

#: A picture is never reduced below this many dies: a small map may by chance consist of uniform
#: blocks, and no real one is smaller.
MIN_DIES: Final = 16

#: From so many changes of colour along an axis on, its blocks are told from that axis alone. Fewer
#: may all lie at multiples of a larger step by chance.
MIN_CHANGES: Final = 8

#: So many empty stretches at even distances, both ways, are the gaps of a drawing.
MIN_GAPS: Final = 3

_NEIGHBOURS: Final = b"\1\1"

Codes = npt.NDArray[Any]


def shrink(codes: Codes) -> Codes:
    """Reduce uniform blocks of pixels, square or oblong, to one value each.

    The block size is the greatest one for which neighbouring rows and columns differ only at block
    borders. A margin that is not a whole number of blocks wide stays, as narrower cells of its own.
    Blocks one pixel wide or high are none: rows or columns may repeat by chance.

    Args:
        codes: (height, width) of any type; equal value, equal colour.

    Returns:
        (rows, columns) of the same type; ``codes`` itself where there are no blocks.
    """
    height, width = codes.shape
    line = codes[height // 2]
    # Two changes next to each other: one pixel a die. True of nearly every map that is.
    if _NEIGHBOURS in (line[1:] != line[:-1]).tobytes():
        return codes
    columns_differ = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
    if _NEIGHBOURS in columns_differ.tobytes():
        return codes
    rows_differ = (codes[1:] != codes[:-1]).any(axis=1)
    across, down = np.flatnonzero(columns_differ) + 1, np.flatnonzero(rows_differ) + 1
    step_down = int(np.gcd.reduce(np.diff(down)))
    step_across = int(np.gcd.reduce(np.diff(across)))
    if min(len(down), len(across)) < MIN_CHANGES:
        step_down = step_across = math.gcd(step_down, step_across)
    if min(step_down, step_across) <= 1:
        return codes
    rows, columns = _samples(down, height, step_down), _samples(across, width, step_across)
    if len(rows) * len(columns) < MIN_DIES:
        return codes
    return codes[np.ix_(rows, columns)]


def _samples(changes: npt.NDArray[np.intp], length: int, step: int) -> npt.NDArray[np.intp]:
    """One position inside each block, a narrower first block included."""
    start = int(changes[0]) % step if len(changes) else 0
    inside = np.arange(start, length, step)
    return np.concatenate([[0], inside]) if start else inside


def refuse_lines(dies: DieGrid, source: str) -> None:
    """Refuse pictures with gaps or grid lines between the dies.

    There each die covers several pixels and the lines would pass for missing dies. No wafer lacks
    its dies along evenly spaced rows and columns.

    Args:
        dies: uint8 (rows, columns) of {0, 1, 2}.
        source: Name for error messages.

    Raises:
        InputError: it has.
    """
    if _even_gaps(dies.max(axis=0)) and _even_gaps(dies.max(axis=1)):
        raise InputError(
            source,
            InputKind.NOT_A_MAP,
            "gaps or grid lines between the dies; export the map without them, or with one "
            "pixel a die",
        )


def _even_gaps(line: DieGrid) -> bool:
    """Whether empty stretches between the first and the last die come at even distances."""
    occupied = line.tobytes().strip(b"\0")
    if occupied.count(0) < MIN_GAPS:
        return False
    starts = np.flatnonzero(np.diff(np.frombuffer(occupied, np.uint8) == 0, prepend=False))[::2]
    return len(starts) >= MIN_GAPS and int(np.ptp(np.diff(starts))) <= 1  # 1 for rounded pixels
