"""From several pixels a die to one, and pictures whose pixels are not dies."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.pitch import Pitch, Places, Unclear, pitch_of
from edge.wafermap import DieGrid

#: A picture is never reduced below this many dies: a small map may by chance consist of uniform
#: blocks, and no real one is smaller.
MIN_DIES: Final = 16

#: From so many changes of colour along an axis on, its blocks are told from that axis alone. Fewer
#: may all lie at multiples of a larger step by chance.
MIN_CHANGES: Final = 8

#: So many empty stretches at even distances, both ways, are the gaps of a drawing.
MIN_GAPS: Final = 3

#: A picture of fewer pixels may have nothing in it that is one die wide.
_TELLING: Final = 144

Codes = npt.NDArray[Any]


def shrink(codes: Codes, source: str) -> Codes:
    """Reduce a picture of several pixels a die to one value a die.

    The dies may be oblong and need not be a whole number of pixels wide (``edge.formats.pitch``).
    Lines that are alike by chance stay. A margin that is not a whole number of dies wide stays, as
    narrower cells of its own.

    Args:
        codes: (height, width) of any type; equal value, equal colour.
        source: Name for error messages.

    Returns:
        (rows, columns) of the same type; ``codes`` itself where there is one pixel a die.

    Raises:
        InputError: it was enlarged, and it is not clear how many dies there were.
    """
    if _differ(codes) and _differ(codes.T):
        return codes
    places = _places(codes, source)
    if places is None or len(places[0]) * len(places[1]) < MIN_DIES:
        return codes
    return codes[np.ix_(*places)]


def magnified(codes: Codes) -> bool:
    """Whether there are, or may be, several pixels a die; see ``shrink``."""
    try:
        return shrink(codes, "") is not codes
    except InputError:
        return True


def _places(codes: Codes, source: str) -> tuple[Places, Places] | None:
    """Where to take each row and each column of dies from; None for all as they are."""
    height, width = codes.shape
    down = np.flatnonzero((codes[1:] != codes[:-1]).any(axis=1)) + 1
    across = np.flatnonzero((codes[:, 1:] != codes[:, :-1]).any(axis=0)) + 1
    steps = _steps(down, across)
    blocks = None
    if min(steps) > 1 and not (_torn(codes, down, steps[0]) or _torn(codes.T, across, steps[1])):
        blocks = _samples(down, height, steps[0]), _samples(across, width, steps[1])
        if _even(down, steps[0]) and _even(across, steps[1]):
            return blocks
    try:
        rows, columns = pitch_of(down, height), pitch_of(across, width)
    except Unclear:
        if blocks:
            return blocks
        raise _unclear(source) from None
    if rows and columns:
        return _dies(down, rows), _dies(across, columns)
    if blocks:
        return blocks
    if codes.size >= _TELLING and _loose(down, across):
        raise _unclear(source)
    if rows:
        return _dies(down, rows), np.arange(width)
    return (np.arange(height), _dies(across, columns)) if columns else None


def _unclear(source: str) -> InputError:
    return InputError(
        source,
        InputKind.AMBIGUOUS,
        "enlarged by a factor that is no whole number, and it is not clear how many dies there "
        "were; save it with one pixel a die",
    )


def _differ(codes: Codes) -> bool:
    """Whether so many neighbouring lines differ that each is a row of dies, at a glance.

    A third of the side: enlarged lines come in pairs, evenly spread.
    """
    enough = len(codes) // 3 + 2
    together, before = 0, b""
    for line in codes:
        content = line.tobytes()
        together = together + 1 if content != before else 0
        if together > enough:
            return True
        before = content
    return False


def _loose(down: Places, across: Places) -> bool:
    """Whether there is something, and nothing one pixel wide: no map of one pixel a die is so."""
    gaps = np.concatenate([np.diff(down), np.diff(across)])
    return bool(len(down) or len(across)) and int(gaps.min(initial=2)) > 1


def _steps(down: Places, across: Places) -> tuple[int, int]:
    """Height and width of the largest blocks whose borders all changes lie at."""
    step_down = int(np.gcd.reduce(np.diff(down)))
    step_across = int(np.gcd.reduce(np.diff(across)))
    if min(len(down), len(across)) < MIN_CHANGES:
        step_down = step_across = math.gcd(step_down, step_across)
    return step_down, step_across


def _even(changes: Places, step: int) -> bool:
    """Whether a third of the blocks lie side by side: then no other step comes near."""
    if len(changes) < 2:
        return False
    gaps = np.diff(changes)
    longest = max(map(len, (gaps == step).tobytes().split(b"\0")))
    return 3 * longest * step >= int(changes[-1] - changes[0])


def _torn(codes: Codes, changes: Places, step: int) -> bool:
    """Whether the first or last block is a narrower one and yet more than a margin."""
    ends = ((changes[0], codes[0]), (len(codes) - changes[-1], codes[-1])) if len(changes) else ()
    return any(pixels % step and (line != line[0]).any() for pixels, line in ends)


def _dies(changes: Places, pitch: Pitch) -> Places:
    """One position for each die: all lines from one change to the next are alike."""
    return np.repeat(np.concatenate([[0], changes]), pitch.cells)


def _samples(changes: Places, length: int, step: int) -> Places:
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
