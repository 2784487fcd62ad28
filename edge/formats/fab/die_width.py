"""How many characters a die has, where dies stand side by side: told by what the drawing rules out.

A row of ``12AA1F`` may be six dies or three, and nothing in it says which. A map of dies of two
characters has an even number of them in each row, and none of its pairs is half a code and half no
die; of a wafer whose dies have one character that is hardly ever so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import same_bin
from edge.wafer.wafermap import MAX_SIDE

#: Longest token of dies side by side.
WIDEST: Final = 3

UNSURE: Final = (
    "each die may have one character or several, and nothing says how many; say it in a recipe"
    " (width = 1, 2 or 3), or write blanks between the dies"
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
    if len(lengths) != 1 or not length or max(length / WIDEST, len(rows)) > MAX_SIDE:
        return 1
    drawing = _Drawing(rows)
    widths = [1, *(width for width in range(2, WIDEST + 1) if drawing.may_be(width))]
    if len(widths) == 1:
        return 1
    cells = {width: drawing.cells(width) for width in widths}
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


class _Drawing:
    """Rows of one length, as numbers.

    Args:
        rows: Not empty.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        text = np.frombuffer("".join(rows).encode("utf-32-le", "surrogatepass"), np.uint32)
        there = np.flatnonzero(np.bincount(text))
        self._letters = list(map(chr, there.tolist()))
        self._rows = np.searchsorted(there, text).reshape(len(rows), -1)

    def cells(self, width: int, start: int = 0, step: int = 0) -> dict[str, int]:
        """How often each cell of so many characters occurs.

        Args:
            width: Characters.
            start: Where the first one of a row begins.
            step: From one to the next; as many as characters if 0.
        """
        base, last = len(self._letters), self._rows.shape[1] - width + 1
        numbers = sum(
            self._rows[:, start + at : max(last, 0) + at : step or width] * base ** (width - 1 - at)
            for at in range(width)
        )
        values, counts = np.unique(numbers, return_counts=True)
        return {
            "".join(self._letters[value // base**at % base] for at in reversed(range(width))): count
            for value, count in zip(values.tolist(), counts.tolist(), strict=True)
        }

    def may_be(self, width: int) -> bool:
        """Whether dies may have so many characters."""
        more = -self._rows.shape[1] % width
        if " " in self._letters:
            return self._may_be_filled(width, more)
        cells = self.cells(width) if not more else {}
        if more or any(map(_is_mixed, cells)):
            return False
        return not all(map(str.isalnum, cells)) or not self._is_alike(width)

    def _may_be_filled(self, width: int, more: int) -> bool:
        """Whether blanks fill cells up on the same side, if any."""
        blank = self._letters.index(" ")
        rows, sides = self._rows, ((more, 0), (0, more))
        found = []
        for side, strip in zip(sides, (str.lstrip, str.rstrip), strict=True):
            self._rows = np.pad(rows, ((0, 0), side), constant_values=blank)
            found.append(any(_is_mixed(strip(cell)) for cell in self.cells(width)))
        self._rows = rows
        return not all(found)

    def _is_alike(self, width: int) -> bool:
        """Whether neighbours are the same wherever in a row they stand, as of single characters.

        Of dies of several characters, what stands in one differs from what stands across two. Pairs
        of neighbours are compared by their place within a die: chi-square of a table of those.
        """
        places = [self.cells(2, place, width) for place in range(width)]
        around = self._letters[self._rows[0, -1]] * 2
        for place in places:
            place.pop(around, None)
        totals = sum(map(Counter, places), Counter[str]())
        count, freedom = totals.total(), (len(totals) - 1) * (width - 1)
        if freedom < 1:
            return False
        squares = sum(
            (place.get(pair, 0) - expected) ** 2 / expected
            for place in places
            for pair, total in totals.items()
            if (expected := total * sum(place.values()) / count)
        )
        return squares <= freedom + _BY_CHANCE * math.sqrt(2 * freedom)


def _is_mixed(cell: str) -> bool:
    """Whether a cell has a mark and something else in it, so that it is half a die."""
    return not cell.isalnum() and len(set(cell)) > 1


def _has_all(cells: Mapping[str, int], codes: frozenset[str]) -> bool:
    """Whether a list of bins has all dies but one that may be none: its characters are alike."""
    missing = [cell for cell in _dies_of(cells) if not any(same_bin(cell, each) for each in codes)]
    return len(missing) <= 1 and all(len(set(cell)) == 1 for cell in missing)


def _dies_of(cells: Mapping[str, int]) -> set[str]:
    """What is no mark."""
    return {die for cell in cells if (die := cell.strip()).isalnum()}


def _count(cells: Mapping[str, int], around: str) -> int:
    """Dies, if what stands in a corner is none."""
    return sum(
        count for cell, count in cells.items() if cell.strip().isalnum() and set(cell) != {around}
    )
