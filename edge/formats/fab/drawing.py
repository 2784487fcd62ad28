"""Lines of a drawing in, its rows of tokens out: with row and column numbers around it or without.

Tokens stand side by side or with blanks between, or blanks are where no die is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind
from edge.formats.fab.grid import TokenGrid

#: A line of a file with its number from 1.
Line = tuple[int, str]

#: What no family draws but where there is no die.
NULLS: Final = frozenset(" ._~")

_PREFIX: Final = re.compile(r"[ \t]*(?:(?:MAP|ROW|LINE|[RY])[ \t_]?)?(?=\d)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d{1,5}(?!\d)")
_RULER: Final = re.compile(r"[\d \t|+=-]+")
_BEHIND: Final = re.compile(r"[ \t|]{1,8}\d{1,5}[ \t]*")
#: Characters of a row's number that may stand right before a die; rows from which on numbers are
#: known for such; longest token of dies side by side.
_PADDED: Final = 2
_FEWEST: Final = 3
_WIDEST: Final = 3
#: Most digits of a row's number, and lines above the rows that count columns.
_DIGITS: Final = 5
_RULERS: Final = 8
#: Rows from which on the bottom of a wafer need not be there to know it, and most of its codes.
_ENOUGH: Final = 5
_MOST_CODES: Final = 24
_NO_CODES: Final = frozenset(" \t\"'")


class _Axis(NamedTuple):
    """The numbers in front of rows.

    Attributes:
        start: The line that has the first one.
        first: That number.
        step: From one row to the next, 1 or -1.
        width: Its characters.
    """

    start: int
    first: int
    step: int
    width: int

    def written(self, row: int) -> str:
        """The number of a row, counted from 0."""
        number = self.first + row * self.step
        return f"{number:0{self.width}}" if self.width >= _PADDED else str(number)

    def behind(self, text: str, row: int) -> str | None:
        """A line behind the number of this row and the bar after it; None for another number."""
        prefix, number = _PREFIX.match(text), self.written(row)
        at = prefix.end() if prefix else 0
        rest = text[at + len(number) :]
        if not text.startswith(number, at) or (self.width < _PADDED and rest[:1].isdigit()):
            return None
        barred = rest.lstrip(" \t")
        return barred[1:] if barred[:1] in {"|", ":"} else rest


def is_drawn(lines: Sequence[Line]) -> bool:
    """Whether lines look like a wafer: most are of one length, with no die in the corners."""
    axis = _axis_of(lines[: _RULERS + _FEWEST])
    texts = [text.strip() for _, text in lines]
    if axis:
        bodies = [axis.behind(text, row) for row, (_, text) in enumerate(lines[axis.start :])]
        texts = [body.strip("| \t") for body in bodies if body is not None]
        if texts and all(_BEHIND.search(text[-_RULERS:]) for text in texts):
            texts = [text[: -len(text.split()[-1])].strip("| \t") for text in texts]
        if lines[axis.start][1].lstrip().startswith("MAP"):
            return len(texts) >= _PADDED
    if len(texts) < _PADDED or not (texts[0] and texts[-1]):
        return False
    corners = [texts[0], texts[-1]] if len(texts) < _ENOUGH else texts[:1]
    if any(text[at] not in NULLS for text in corners for at in (0, -1)):
        return False
    sizes = Counter(len(text.split()) if " " in text else len(text) for text in texts)
    size, count = sizes.most_common(1)[0]
    return size > _FEWEST and 2 * count >= len(texts) and len(texts[0].split()) in {1, size}


def is_even(lines: Sequence[Line]) -> bool:
    """Whether lines are a rectangle of few codes, so that they may be a map under a header."""
    texts = [text.strip() for _, text in lines]
    is_rectangle = len({len(text) for text in texts}) == 1
    codes = set("".join(texts))
    return (
        len(texts) >= _ENOUGH
        and is_rectangle
        and len(codes) <= _MOST_CODES
        and not codes & _NO_CODES
    )


def drawn(
    lines: Sequence[Line],
    source: str,
    columns: int | None = None,
    width: int | None = None,
    most: int | None = None,
) -> TokenGrid:
    """The grid that lines draw.

    Args:
        lines: Not empty ones; not trimmed, as blanks may be positions.
        source: Name for messages.
        columns: Dies a row, where the file says.
        width: Characters of a token, where the file says.
        most: Rows, where the file says; empty ones below these are none.

    Raises:
        InputError: rows of different length, a row that is missing.
    """
    axis = _axis_of(lines, columns)
    rows = _numbered(lines[axis.start :], axis, source) if axis else _without_rulers(lines)
    while most and len(rows) > most and not rows[-1][1].strip("| \t"):
        rows.pop()
    grid = TokenGrid(source)
    for line, tokens in _tokens(rows, source, columns, width, is_numbered=axis is not None):
        grid.add(tokens, line)
    return grid


def _axis_of(lines: Sequence[Line], columns: int | None = None) -> _Axis | None:
    """The numbers in front of rows, below lines that count columns; None without such."""
    for at in range(len(lines) - 1):
        text = lines[at][1]
        prefix = _PREFIX.match(text)
        number = _NUMBER.match(text, prefix.end()) if prefix else None
        cells = text.split()
        if number and len(cells) != columns and not counts_up(cells):
            width = len(number[0])
            for step in (1, -1):
                axis = _Axis(at, int(number[0]), step, width)
                bodies = [axis.behind(lines[at + row][1], row) for row in range(2)]
                if None not in bodies and axis.first + step >= 0:
                    is_sure = width >= _PADDED or len(lines) - at >= _FEWEST
                    return axis if is_sure and any(map(_has_cells, bodies)) else None
        if not _RULER.fullmatch(text):
            return None
    return None


def _has_cells(body: str | None) -> bool:
    """Whether something stands behind a number: else it is a die itself."""
    return bool(body and body.strip(" \t|"))


def _numbered(lines: Sequence[Line], axis: _Axis, source: str) -> list[Line]:
    """The rows without the numbers that stand before and behind them, and without rulers below."""
    rows = list[Line]()
    for line, text in lines:
        if (body := axis.behind(text, len(rows))) is not None:
            rows.append((line, body))
        elif not _RULER.fullmatch(text):
            what = f"line {line} must begin with {axis.written(len(rows))}, the number of its row"
            raise InputError(source, InputKind.UNREADABLE, f"{what}; export or copy it again")
    return _without_right_axis(rows, axis)


def counts_up(cells: list[str]) -> bool:
    """Whether these are numbers of rows or columns, three or more, one after the other."""
    if len(cells) < _FEWEST or not all(cell.isdecimal() and cell.isascii() for cell in cells):
        return False
    numbers = [int(cell[: _DIGITS + 1]) for cell in cells]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _without_right_axis(rows: list[Line], axis: _Axis) -> list[Line]:
    """The rows without the same numbers behind, after a blank or a bar, or the bar alone."""
    bare = [text.rstrip() for _, text in rows]
    if all(text.endswith("|") for text in bare):
        return [(line, text[:-1]) for (line, _), text in zip(rows, bare, strict=True)]
    cut = [max(text.rfind(" "), text.rfind("|"), text.rfind("\t")) for text in bare]
    for row, (text, at) in enumerate(zip(bare, cut, strict=True)):
        if at < 0 or text[at + 1 :].lstrip("0") != axis.written(row).lstrip("0"):
            return rows
    return [(rows[at][0], bare[at][: cut[at]].rstrip("| \t")) for at in range(len(rows))]


def _without_rulers(lines: Sequence[Line]) -> list[Line]:
    """The rows below (and above) lines that count columns: the last of those counts by ones."""
    rows = list(lines)
    for end in (0, -1):
        for at in range(min(_FEWEST, len(rows))):
            index = at if end == 0 else -1 - at
            cells = rows[index][1].strip("| \t").split()
            if _counts(cells) or counts_up(cells):
                rows = rows[at + 1 :] if end == 0 else rows[: len(rows) - 1 - at]
                break
    return rows


def _counts(cells: list[str]) -> bool:
    """Whether these are the last digits of column numbers, one after the other."""
    digits = "".join(cells)
    if len(digits) <= _FEWEST or not digits.isdecimal() or not digits.isascii():
        return False
    return all((int(one) + 1) % 10 == int(other) for one, other in pairwise(digits))


def _tokens(
    rows: Sequence[Line],
    source: str,
    columns: int | None,
    width: int | None,
    *,
    is_numbered: bool,
) -> list[tuple[int, list[str]]]:
    bare = [(line, text.strip()) for line, text in rows]
    cut = [(line, split(text)) for line, text in bare]
    counts = Counter(len(cells) for _, cells in cut)
    count = counts.most_common(1)[0][0] if counts else 0
    if count > 1 and _are_tokens([cells for _, cells in cut], count, columns):
        return _without_digits(cut, count, columns)
    if (is_numbered or columns) and _blanks_are_positions([text for _, text in rows]):
        return _with_blanks(rows)
    for line, text in bare:
        if " " in text:
            what = f"line {line} has blanks among its dies, and other lines have not as many"
            raise InputError(source, InputKind.UNREADABLE, f"{what}; export or copy it again")
    length = Counter(len(text) for _, text in bare).most_common(1)[0][0] if bare else 0
    if width is None and columns and length != columns and length % columns == 0:
        width = length // columns if length // columns <= _WIDEST else None
    step = width or 1
    return [
        (line, [text[at : at + step] for at in range(0, len(text), step)]) for line, text in bare
    ]


def _blanks_are_positions(texts: list[str]) -> bool:
    """Whether blanks are where no die is: nothing else is, and some rows begin further in."""
    left = {len(text) - len(text.lstrip()) for text in texts if text.strip()}
    return len(left) > 1 and not any(mark in text for text in texts for mark in "._~-")


def split(text: str) -> list[str]:
    """The cells of a row, between commas, semicolons, tabs or blanks."""
    for mark in (",", ";", "\t"):
        if mark in text:
            return [cell.strip() for cell in text.split(mark)]
    return text.split()


def _cells_in(text: str) -> int:
    """Tokens of a row of tokens with a blank between; 0 for other texts."""
    cells = text.split()
    return len(cells) if len({len(cell) for cell in cells}) == 1 else 0


def _are_tokens(rows: list[list[str]], count: int, columns: int | None) -> bool:
    """Whether what stands between blanks is a token each: rows have as many, or of one width."""
    if count == columns or (count > _FEWEST and all(len(row) == count for row in rows)):
        return True
    alike = [row for row in rows if len(row) == count]
    widths = {len(cell) for row in alike for cell in row}
    return len(widths) == 1 and 2 * len(alike) > len(rows)


def _without_digits(
    rows: list[tuple[int, list[str]]], count: int, columns: int | None
) -> list[tuple[int, list[str]]]:
    """The rows without the digits of their numbers, where blanks stand between these, too."""
    before = count - columns if columns else 0
    if not 0 < before <= _DIGITS:
        return rows
    numbers = ["".join(cells[:before]) for _, cells in rows if len(cells) == count]
    if not all(number.isdecimal() for number in numbers) or len(set(numbers)) < len(numbers):
        return rows
    return [(line, cells[before:] if len(cells) == count else cells) for line, cells in rows]


def _with_blanks(rows: Sequence[Line]) -> list[tuple[int, list[str]]]:
    """Rows in which a blank is a position without a die; those around the wafer do not count."""
    texts = [(line, text.expandtabs().rstrip()) for line, text in rows]
    left = min((len(text) - len(text.lstrip()) for _, text in texts if text), default=0)
    right = max((len(text) for _, text in texts), default=0)
    return [(line, list(text.ljust(right)[left:])) for line, text in texts]
