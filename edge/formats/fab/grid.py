"""Rows of tokens, or a list of x and y, as the grid of a map; what is out of bounds is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, Codes, Meaning, same_bin
from edge.wafer.wafermap import MAX_SIDE

#: Different codes of one map. Hard bins go to 32767, a map has some dozens.
MOST_CODES: Final = 4096

#: Part of the dies that are measured again from which on these may be of another wafer.
_NEARLY_ALL: Final = 0.9


def check_sides(rows: int, columns: int, source: str) -> None:
    """Refuse a grid, before anything is made of that size.

    Raises:
        InputError: it is empty or too large.
    """
    if rows < 1 or columns < 1:
        what = f"a map of {rows} x {columns} dies; write the export again"
        raise InputError(source, InputKind.NOT_A_MAP, what)
    if max(rows, columns) > MAX_SIDE:
        what = f"{rows} x {columns} dies; at most {MAX_SIDE} a side are accepted"
        raise InputError(source, InputKind.TOO_LARGE, what)


def check_rows(found: int, promised: int, source: str) -> None:
    """Refuse a map of which the file promises other rows than it has.

    Raises:
        InputError: it names both numbers.
    """
    if found != promised:
        what = f"{found} rows, and its header promises {promised}"
        mend = "copy it again" if found < promised else "export it again"
        raise InputError(source, InputKind.UNREADABLE, f"{what}; {mend}")


def pitch_of(
    across: str | float, down: str | float, unit: float | None, source: str
) -> tuple[float, float] | None:
    """A size of a die in um; None where it or its unit is not given.

    Args:
        across: Number.
        down: Likewise.
        unit: In um.
        source: Name for messages.

    Raises:
        InputError: it is negative.
    """
    try:
        sizes = float(across), float(down)
    except ValueError:
        return None
    if min(sizes) < 0:
        what = f"a die size of {across} x {down}, must not be negative; export it again"
        raise InputError(source, InputKind.BAD_VALUE, what)
    found = round(sizes[0] * (unit or 0.0), 6), round(sizes[1] * (unit or 0.0), 6)
    return found if all(0 < each < math.inf for each in found) else None


class TokenGrid:
    """The rows of a drawing, top first, token by token.

    Args:
        source: Name for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._numbers: dict[str, int] = {}
        self._cells: list[int] = []
        self.rows = self.width = 0

    def add(self, tokens: Sequence[str], line: int) -> None:
        """The next row, which stands in this line.

        Raises:
            InputError: it is longer or shorter than those above, or the map gets too large.
        """
        if self.rows and len(tokens) != self.width:
            what = f"line {line} has {len(tokens)} dies, the rows above have {self.width}"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; export it again")
        self.rows, self.width = self.rows + 1, len(tokens)
        check_sides(self.rows, self.width, self._source)
        numbers = self._numbers
        try:
            self._cells += [numbers[token] for token in tokens]
        except KeyError:
            self._cells += [numbers.setdefault(token, len(numbers)) for token in tokens]
            if len(numbers) > MOST_CODES:
                what = f"more than {MOST_CODES} different codes up to line {line}; not a map"
                raise InputError(self._source, InputKind.NOT_A_MAP, what) from None

    @property
    def texts(self) -> list[str]:
        """The tokens that occur, in order of their first place."""
        return list(self._numbers)

    def codes(self) -> Codes:
        """int16 (rows, columns), positions in ``texts``.

        Raises:
            InputError: there is no row.
        """
        check_sides(self.rows, self.width, self._source)
        return np.array(self._cells, np.int16).reshape(self.rows, self.width)

    def check_last(self, codes: Codes) -> None:
        """Refuse a map whose last token was cut off: nothing else in it is as narrow.

        Args:
            codes: Of ``codes()``.

        Raises:
            InputError: it was.
        """
        last, texts = int(codes[-1, -1]), self.texts
        others = [len(text) for number, text in enumerate(texts) if number != last]
        is_narrow = bool(others) and len(texts[last]) < min(others)
        if is_narrow and np.count_nonzero(codes == last) == 1:
            what = f"its last bin {texts[last]!r} is narrower than all others, as if cut off"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; copy it again")


def legend_of(
    texts: Iterable[str], none: dict[str, Meaning], passing: Sequence[str] | None
) -> tuple[Code, ...]:
    """A legend where a file names the bins that pass, or does not.

    Args:
        texts: The codes of the map.
        none: Those that are no die, and what they are instead.
        passing: Bins that pass, so that all others fail; None where the file does not say.

    Returns:
        The codes in their order, then the passing bins that do not occur.
    """
    legend = []
    for text in texts:
        if text in none:
            meaning = none[text]
        elif passing is None:
            meaning = Meaning.UNKNOWN
        else:
            is_passing = any(same_bin(text, each) for each in passing)
            meaning = Meaning.PASS if is_passing else Meaning.FAIL
        legend.append(Code(text, meaning))
    missing = [
        each for each in passing or () if not any(same_bin(each, code.text) for code in legend)
    ]
    return (*legend, *(Code(each, Meaning.PASS) for each in dict.fromkeys(missing)))


def may_pass(text: str, tokens: Sequence[str]) -> bool:
    """Whether a bin that passes, as a header writes it, may be one of a map.

    It need not occur there. One in other letters (``0a`` for ``0A``) or wider than the others
    (``0102`` for ``01 02``) would have every die fail.
    """
    if text in tokens:
        return True
    is_other_case = any(text.lower() == token.lower() for token in tokens)
    width = max(map(len, tokens), default=0)
    return len(text.lstrip("0")) <= width and text.isalnum() and not is_other_case


def placed(
    x: npt.ArrayLike, y: npt.ArrayLike, codes: npt.ArrayLike, source: str, *, upwards: bool
) -> tuple[Codes, int, tuple[int, int]]:
    """A list of dies as a grid; of several entries of a die the last counts.

    Args:
        x: Whole numbers (N,), growing to the right.
        y: Whole numbers (N,).
        codes: Positions in a legend (N,).
        source: Name for messages.
        upwards: Whether y grows upwards in the drawing.

    Returns:
        int16 (rows, columns), -1 where no die is; how many entries were replaced; x and y of the
        top left corner.

    Raises:
        InputError: no die, or a grid that is too large.
    """
    across, down = np.asarray(x, np.int64), np.asarray(y, np.int64)
    if not across.size:
        raise InputError(source, InputKind.EMPTY, "a list without any die; write the export again")
    left, top = int(across.min()), int(down.max() if upwards else down.min())
    height, width = int(down.max()) - int(down.min()) + 1, int(across.max()) - left + 1
    check_sides(height, width, source)
    grid = np.full((height, width), -1, np.int16)
    grid[top - down if upwards else down - top, across - left] = codes  # the last one stays
    return grid, int(across.size - np.count_nonzero(grid >= 0)), (left, top)


def numbered(grid: npt.NDArray[np.int64]) -> tuple[Codes, list[int]]:
    """A grid of numbers as codes, and the number of each.

    Args:
        grid: int64 (rows, columns), below 0 where there is no position.
    """
    numbers, places = np.unique(np.maximum(grid, -1), return_inverse=True)
    nowhere = int(numbers[0] < 0)
    return (places.reshape(grid.shape) - nowhere).astype(np.int16), numbers[nowhere:].tolist()


def measured_again(x: npt.ArrayLike, y: npt.ArrayLike, source: str, *, is_named: bool) -> list[str]:
    """A warning where nearly all dies of a list stand in it again, as if of another wafer.

    Args:
        x: Whole numbers (N,).
        y: Whole numbers (N,).
        source: Name for messages.
        is_named: Something says of which wafer they are.

    Raises:
        InputError: nothing does.
    """
    places = np.asarray(x, np.int64) * 2**32 + np.asarray(y, np.int64)
    entries = np.unique(places, return_counts=True)[1]
    again = int(np.count_nonzero(entries > 1))
    if not again or again < _NEARLY_ALL * entries.size:
        return []
    what = f"{again} of {entries.size} dies stand in several rows"
    if not is_named:
        mend = "name wafers in a column `wafer`, or export the last results alone"
        text = f"{what} and nothing tells wafers apart; {mend}"
        raise InputError(source, InputKind.AMBIGUOUS, text)
    return [f"{what}, as if of several wafers; the last ones count"]
