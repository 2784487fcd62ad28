"""From several pixels a die to one, and pictures whose pixels are not dies."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.wafer.wafermap import DieGrid

if TYPE_CHECKING:
    from edge.formats.picture.pitch import Pitch

#: A picture is never reduced below this many dies: a small map may by chance consist of uniform
#: blocks, and no real one is smaller.
MIN_DIES: Final = 16

#: From so many changes of colour along an axis on, its blocks are told from that axis alone. Fewer
#: may all lie at multiples of a larger step by chance.
MIN_CHANGES: Final = 8

#: Lines side by side that differ, where those the other way are rows of dies.
_FEW: Final = 8

#: So many empty stretches at even distances, both ways, are the gaps of a drawing.
MIN_GAPS: Final = 3

#: A picture of fewer pixels may have nothing in it that is one die wide.
_TELLING: Final = 144

Codes = npt.NDArray[Any]

#: Of lines, in pixels.
Places = npt.NDArray[np.intp]


def shrink(codes: Codes, source: str) -> Codes:
    """Reduce a picture of several pixels a die to one value a die.

    The dies may be oblong and need not be a whole number of pixels wide (see ``pitch``).
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
    down = _changes(codes, len(codes) // 3 + 2)
    # Hardly ever is one side alone enlarged, and then not by little.
    across = _changes(codes.T, codes.shape[1] // 3 + 2 if down is not None else _FEW)
    if down is None and across is None:
        return codes
    places = _places(codes, down, across, source)
    if places is None or len(places[0]) * len(places[1]) < MIN_DIES:
        return codes
    return codes[np.ix_(*places)]


def magnified(codes: Codes) -> bool:
    """Whether there are, or may be, several pixels a die; see ``shrink``."""
    try:
        return shrink(codes, "") is not codes
    except InputError:
        return True


def _places(
    codes: Codes, down: Places | None, across: Places | None, source: str
) -> tuple[Places, Places] | None:
    """Where to take each row and each column of dies from; None for all as they are."""
    from edge.formats.picture.pitch import Unclear, pitch_of

    height, width = codes.shape
    blocks = _whole(codes, down, across)
    if blocks and _even(down, blocks.steps[0]) and _even(across, blocks.steps[1]):
        return blocks.places
    try:
        rows = None if down is None else pitch_of(down, height)
        columns = None if across is None else pitch_of(across, width)
    except Unclear:
        if blocks:
            return blocks.places
        raise _unclear(source) from None
    if rows and columns:
        return _dies(down, rows), _dies(across, columns)
    if blocks:
        return blocks.places
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


def _changes(codes: Codes, enough: int) -> Places | None:
    """Where a line differs from the one before; None where each line is a row of dies.

    It is where so many, side by side, differ, in general a third: enlarged lines come in pairs,
    evenly spread.
    """
    content = codes[: enough + 1].tobytes()  # where a wafer's outline alone changes all lines
    size = codes.shape[1] * codes.itemsize
    lines = [content[start : start + size] for start in range(0, len(content), size)]
    if len(lines) > enough and all(map(operator.ne, lines, lines[1:])):
        return None
    found = []
    together, before = 0, codes[0].tobytes()
    for place, line in enumerate(codes):
        content = line.tobytes()
        if content == before:
            together = 0
            continue
        found.append(place)
        together += 1
        if together == enough:
            return None
        before = content
    return np.asarray(found, np.intp)


def _loose(down: Places | None, across: Places | None) -> bool:
    """Whether there is something, and nothing one pixel wide: no map of one pixel a die is so."""
    if down is None or across is None:
        return False
    gaps = np.concatenate([np.diff(down), np.diff(across)])
    return bool(len(down) or len(across)) and int(gaps.min(initial=2)) > 1


class _Blocks(NamedTuple):
    """Blocks of a whole number of pixels: height and width, one row and one column inside each."""

    steps: tuple[int, int]
    places: tuple[Places, Places]


def _whole(codes: Codes, down: Places | None, across: Places | None) -> _Blocks | None:
    """The largest blocks whose borders all changes lie at, if they are more than one pixel."""
    if down is None or across is None:
        return None
    step_down = int(np.gcd.reduce(np.diff(down)))
    step_across = int(np.gcd.reduce(np.diff(across)))
    if min(len(down), len(across)) < MIN_CHANGES:
        step_down = step_across = math.gcd(step_down, step_across)
    if min(step_down, step_across) < 2:
        return None
    if _torn(codes, down, step_down) or _torn(codes.T, across, step_across):
        return None
    height, width = codes.shape
    places = _samples(down, height, step_down), _samples(across, width, step_across)
    return _Blocks((step_down, step_across), places)


def _even(changes: Places | None, step: int) -> bool:
    """Whether a third of the blocks lie side by side: then no other step comes near."""
    if changes is None or len(changes) < 2:
        return False
    gaps = np.diff(changes)
    longest = max(map(len, (gaps == step).tobytes().split(b"\0")))
    return 3 * longest * step >= int(changes[-1] - changes[0])


def _torn(codes: Codes, changes: Places, step: int) -> bool:
    """Whether the first or last block is a narrower one and yet more than a margin."""
    ends = ((changes[0], codes[0]), (len(codes) - changes[-1], codes[-1])) if len(changes) else ()
    return any(pixels % step and (line != line[0]).any() for pixels, line in ends)


def _dies(changes: Places | None, pitch: Pitch) -> Places:
    """One position for each die: all lines from one change to the next are alike."""
    assert changes is not None  # noqa: S101 - it has a pitch
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

    Raises:
        InputError: it has.
    """
    # Nearly every wafer: a row without gaps, and so no columns without dies.
    middle = dies[len(dies) // 2].tobytes().strip(b"\0")
    if middle and middle.count(0) < MIN_GAPS:
        return
    if _even_gaps(dies.max(axis=0)) and _even_gaps(dies.max(axis=1)):
        what = "gaps or grid lines between the dies"
        mend = "export the map without them, or with one pixel a die"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")


def _even_gaps(line: DieGrid) -> bool:
    """Whether empty stretches between the first and the last die come at even distances."""
    occupied = line.tobytes().strip(b"\0")
    if occupied.count(0) < MIN_GAPS:
        return False
    starts = np.flatnonzero(np.diff(np.frombuffer(occupied, np.uint8) == 0, prepend=False))[::2]
    return len(starts) >= MIN_GAPS and int(np.ptp(np.diff(starts))) <= 1  # 1 for rounded pixels
