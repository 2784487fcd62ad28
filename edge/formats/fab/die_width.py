"""How many characters a die has, where dies stand side by side: told by what the drawing rules out.

A row of ``12AA1F`` may be six dies or three, and nothing in it says which. A map of dies of two
characters has an even number of them in each row, and none of its pairs is half a code and half no
die; of a wafer whose dies have one character that is hardly ever so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import same_bin

#: Longest token of dies side by side.
WIDEST: Final = 3

UNSURE: Final = (
    "each die may have one character or several, and nothing says how many; say it in a recipe"
    " (width = 1), or write blanks between the dies"
)

#: Up to how many standard deviations neighbours at even and odd places may differ by chance.
_BY_CHANCE: Final = 1.0


class UnsureWidthError(InputError):
    """Dies may have one character or several.

    Args:
        source: Name for messages.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source, InputKind.AMBIGUOUS, UNSURE)


class Said(NamedTuple):
    """What is said of a drawing beside it.

    Attributes:
        columns: Dies a row; None where nothing says it.
        codes: Those that a list of bins has.
        dies: How many dies there are; None where nothing says it.
    """

    columns: int | None = None
    codes: frozenset[str] = frozenset()
    dies: int | None = None


def width_of(rows: Sequence[str], said: Said) -> int | None:
    """Characters of a die; None where it may be one or several.

    Args:
        rows: Dies side by side; blanks are no die. Of different length, none is cut.
        said: What tells widths apart that the drawing leaves open.
    """
    lengths = set(map(len, rows))
    length = max(lengths, default=0)
    if len(lengths) != 1:
        return 1
    cells = {width: _cells(rows, width) for width in range(1, WIDEST + 1)}
    widths = [1, *(width for width in cells if width > 1 and _may_be(rows, cells[width], width))]
    if len(widths) == 1:
        return 1
    for fits in (
        [width for width in widths if said.columns and length == said.columns * width],
        [width for width in widths if _dies_of(cells[width]) <= said.codes],
        [width for width in widths if said.codes and _has_all(cells[width], said.codes)],
        [width for width in widths if said.dies and _count(cells[width], rows[0][-1]) == said.dies],
    ):
        if len(fits) == 1:
            return fits[0]
    return None


def cut(row: str, width: int) -> list[str]:
    """A row, so many characters a die."""
    return [row[at : at + width] for at in range(0, len(row), width)]


def _cells(rows: Sequence[str], width: int) -> Counter[str]:
    return Counter(cell for row in rows for cell in cut(row, width))


def _may_be(rows: Sequence[str], cells: Counter[str], width: int) -> bool:
    if any(" " in row for row in rows):
        return _may_be_filled(rows, width)
    if len(rows[0]) % width or any(_is_mixed(cell) for cell in cells):
        return False
    return any(not cell.isalnum() for cell in cells) or not _is_alike(rows, width)


def _may_be_filled(rows: Sequence[str], width: int) -> bool:
    """Whether blanks fill cells up on the same side, if any."""
    more = " " * (-len(rows[0]) % width)
    from_right = _cells([more + row for row in rows], width)
    from_left = _cells([row + more for row in rows], width)
    return not (
        any(_is_mixed(cell.lstrip()) for cell in from_right)
        and any(_is_mixed(cell.rstrip()) for cell in from_left)
    )


def _is_mixed(cell: str) -> bool:
    """Whether a cell has a mark and something else in it, so that it is half a die."""
    return not cell.isalnum() and len(set(cell)) > 1


def _is_alike(rows: Sequence[str], width: int) -> bool:
    """Whether neighbours are the same wherever in a row they stand, as of single characters.

    Of dies of several characters, what stands in one differs from what stands across two. Compared
    are pairs of neighbours by their place within a die: chi-square of a table of those.
    """
    places = [
        Counter(row[at : at + 2] for row in rows for at in range(place, len(row) - 1, width))
        for place in range(width)
    ]
    around = rows[0][-1:] * 2
    for place in places:
        place.pop(around, None)
    totals = sum(places, Counter[str]())
    count = totals.total()
    squares = sum(
        (place[pair] - expected) ** 2 / expected
        for place in places
        for pair, total in totals.items()
        if (expected := total * place.total() / count)
    )
    freedom = (len(totals) - 1) * (width - 1)
    return squares <= freedom + _BY_CHANCE * math.sqrt(2 * freedom)


def _has_all(cells: Counter[str], codes: frozenset[str]) -> bool:
    """Whether a list of bins has all dies but one that may be none: its characters are alike."""
    missing = [cell for cell in _dies_of(cells) if not any(same_bin(cell, each) for each in codes)]
    return len(missing) <= 1 and all(len(set(cell)) == 1 for cell in missing)


def _dies_of(cells: Counter[str]) -> set[str]:
    """What is no mark."""
    return {die for cell in cells if (die := cell.strip()).isalnum()}


def _count(cells: Counter[str], around: str) -> int:
    """Dies, if what stands in a corner is none."""
    return sum(
        count for cell, count in cells.items() if cell.strip().isalnum() and set(cell) != {around}
    )
