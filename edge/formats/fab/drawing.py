"""Lines of a drawing in, its rows of tokens out: with row and column numbers around it or without.

Tokens stand side by side or with blanks between, or blanks are where no die is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.fab.frame import (
    DIGITS,
    FEWEST,
    PADDED,
    Line,
    axis_of,
    numbered,
    without_frame,
    without_rulers,
)
from edge.formats.fab.grid import TokenGrid

#: What no family draws but where there is no die.
NULLS: Final = frozenset(" ._~")

_BEHIND: Final = re.compile(r"[ \t|]{1,8}\d{1,5}[ \t]*")
#: Longest token of dies side by side, and lines above the rows that count columns.
_WIDEST: Final = 3
_RULERS: Final = 8
#: Rows from which on the bottom of a wafer need not be there to know it, and most of its codes.
_ENOUGH: Final = 5
_MOST_CODES: Final = 24
_NO_CODES: Final = frozenset(" \t\"'")


def is_drawn(lines: Sequence[Line]) -> bool:
    """Whether lines look like a wafer: most are of one length, with no die in the corners."""
    axis = axis_of(lines[: _RULERS + FEWEST])
    texts = [text.strip() for _, text in lines]
    if axis:
        bodies = [axis.behind(text, row) for row, (_, text) in enumerate(lines[axis.start :])]
        texts = [body.strip("| \t") for body in bodies if body is not None]
        if texts and all(_BEHIND.search(text[-_RULERS:]) for text in texts):
            texts = [text[: -len(text.split()[-1])].strip("| \t") for text in texts]
        if lines[axis.start][1].lstrip().startswith("MAP"):
            return len(texts) >= PADDED
    if len(texts) < PADDED or not (texts[0] and texts[-1]):
        return False
    corners = [texts[0], texts[-1]] if len(texts) < _ENOUGH else texts[:1]
    if any(text[at] not in NULLS for text in corners for at in (0, -1)):
        return False
    sizes = Counter(len(text.split()) if " " in text else len(text) for text in texts)
    size, count = sizes.most_common(1)[0]
    return size > FEWEST and 2 * count >= len(texts) and len(texts[0].split()) in {1, size}


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
    lines = without_frame(lines)
    axis = axis_of(lines, columns)
    rows = numbered(lines[axis.start :], axis, source) if axis else without_rulers(lines)
    while most and len(rows) > most and not rows[-1][1].strip("| \t"):
        rows.pop()
    grid = TokenGrid(source)
    for line, tokens in _tokens(rows, source, columns, width, is_numbered=axis is not None):
        grid.add(tokens, line)
    return grid


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
    if width is None and not columns and _may_be_pairs([text for _, text in bare]):
        what = "each die may have one character or two, and no header says how many columns"
        raise InputError(source, InputKind.AMBIGUOUS, f"{what}; write blanks between the dies")
    step = width or 1
    return [
        (line, [text[at : at + step] for at in range(0, len(text), step)]) for line, text in bare
    ]


def _may_be_pairs(texts: list[str]) -> bool:
    """Whether dies seem to have two characters: ``..`` where none is, else ``0`` before one."""
    pairs = {text[at : at + 2] for text in texts for at in range(0, len(text), 2)}
    dies = {pair for pair in pairs if not set(pair) <= NULLS}
    return len(dies) > 1 and all(len(pair) == 2 and pair[0] == "0" for pair in dies)


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
    if count == columns or (count > FEWEST and all(len(row) == count for row in rows)):
        return True
    alike = [row for row in rows if len(row) == count]
    widths = {len(cell) for row in alike for cell in row}
    return len(widths) == 1 and 2 * len(alike) > len(rows)


def _without_digits(
    rows: list[tuple[int, list[str]]], count: int, columns: int | None
) -> list[tuple[int, list[str]]]:
    """The rows without the digits of their numbers, where blanks stand between these, too."""
    before = count - columns if columns else 0
    if not 0 < before <= DIGITS:
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
