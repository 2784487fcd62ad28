"""Lines of a drawing in, its rows of tokens out: with row and column numbers around it or without.

Tokens stand side by side or with blanks between, or blanks are where no die is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.fab.die_width import WIDEST, Said, UnsureWidthError, cut, width_of
from edge.formats.fab.frame import (
    DIGITS,
    FEWEST,
    PADDED,
    Line,
    axis_of,
    bodies_of,
    counted,
    is_round,
    numbered,
    unquoted,
    without_frame,
    without_rulers,
)
from edge.formats.fab.grid import TokenGrid, check_sides

#: What no family draws but where there is no die.
NULLS: Final = frozenset(" ._~")

_BEHIND: Final = re.compile(r"[ \t|]{1,8}\d{1,5}[ \t]*")
#: Lines above the rows that count columns.
_RULERS: Final = 8
#: Rows from which on the bottom of a wafer need not be there to know it, and most of its codes.
_ENOUGH: Final = 5
_MOST_CODES: Final = 24
_MEND: Final = "write blanks between the dies, and a point where none is"
_NO_CODES: Final = frozenset(" \t\"'")


def is_drawn(lines: Sequence[Line]) -> bool:
    """Whether lines look like a wafer: most are of one length, with no die in the corners."""
    lines = unquoted(lines)
    axis = axis_of(lines[: _RULERS + FEWEST])
    texts = [text.strip() for _, text in (lines if axis else without_rulers(lines))]
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


def is_separated(lines: Sequence[Line]) -> bool:
    """Whether lines under a header are a wafer with tabs or commas between all positions."""
    rows = [split(text) if set(text) & set(",;\t") else [] for _, text in lines]
    cells = {cell for row in rows for cell in row}
    if len(rows) < _ENOUGH or len({len(row) for row in rows}) > 1 or len(rows[0]) <= FEWEST:
        return False
    is_short = len(cells) <= _MOST_CODES and max(map(len, cells)) <= WIDEST
    return is_short and all(set(rows[0][at]) <= NULLS for at in (0, -1))


def is_even(lines: Sequence[Line]) -> bool:
    """Whether lines are a rectangle of few codes, so that they may be a map under a header.

    Of codes with blanks between, rows may be longer or shorter: such a map is refused when read. Of
    a wafer with blanks around it, they are.
    """
    lines = unquoted(lines)
    texts = [text.strip() for _, text in lines]
    rows = [split(text) for text in texts]
    tokens = {cell for row in rows for cell in row}
    count, alike = Counter(map(len, rows)).most_common(1)[0]
    if count > FEWEST and len(tokens) <= _MOST_CODES and len({len(cell) for cell in tokens}) == 1:
        return len(rows) >= _ENOUGH and 2 * alike > len(rows)
    if len({len(text) for text in texts}) > 1:
        bodies = bodies_of(lines)
        texts = [body.strip() for body in bodies] if is_round(bodies) else []
    codes = set("".join(texts))
    return len(texts) >= _ENOUGH and len(codes) <= _MOST_CODES and not codes & _NO_CODES


def drawn(
    lines: Sequence[Line],
    source: str,
    columns: int | None = None,
    width: int | None = None,
    most: int | None = None,
    said: Said = Said(),  # noqa: B008 - a tuple
) -> TokenGrid:
    """The grid that lines draw.

    Args:
        lines: Not empty ones; not trimmed, as blanks may be positions.
        source: Name for messages.
        columns: Dies a row, where the file says.
        width: Characters of a token, where the file says.
        most: Rows, where the file says; empty ones below these are none.
        said: What else tells characters of a token, where the file does not say them.

    Raises:
        UnsureWidthError: nothing tells how many characters a token has.
        InputError: rows of different length, a row that is missing.
    """
    lines = without_frame(lines)
    axis = axis_of(lines, columns)
    rows = numbered(lines[axis.start :], axis, source) if axis else without_rulers(lines)
    while most and len(rows) > most and not rows[-1][1].strip("| \t"):
        rows.pop()
    said = said._replace(columns=counted(lines[: axis.start if axis else FEWEST]))
    if rows:
        check_sides(len(rows), 1, source)
    grid = TokenGrid(source)
    for line, tokens in _tokens(rows, source, columns, width, said):
        grid.add(tokens, line)
    if odd := next((text for text in grid.texts if " " in text.strip()), None):
        what = f"{odd[:16]!r} is no die; write the rows without numbers"
        raise InputError(source, InputKind.UNREADABLE, what)
    return grid


def _tokens(
    rows: Sequence[Line],
    source: str,
    columns: int | None,
    width: int | None,
    said: Said,
) -> list[tuple[int, list[str]]]:
    if tabbed := _between_tabs(rows, columns):
        return tabbed
    bare = [(line, text.strip()) for line, text in rows]
    parts = [(line, split(text)) for line, text in bare]
    counts = Counter(len(cells) for _, cells in parts)
    count = counts.most_common(1)[0][0] if counts else 0
    has_blanks = _blanks_are_positions([text for _, text in rows])
    is_uneven = columns is not None and len(counts) > 1 and has_blanks
    if count > 1 and not is_uneven and _are_tokens([cells for _, cells in parts], count, columns):
        return _without_digits(parts, count, columns)
    if has_blanks:
        return _with_blanks(rows, source, columns, width, said)
    for line, text in bare:
        if " " in text:
            what = f"line {line} has blanks among its dies, and other lines have not as many"
            raise InputError(source, InputKind.UNREADABLE, f"{what}; export or copy it again")
    length = Counter(len(text) for _, text in bare).most_common(1)[0][0] if bare else 0
    if width is None and columns and length != columns and length % columns == 0:
        width = length // columns if length // columns <= WIDEST else None
    if width is None and columns and length >= 2 * columns:
        raise _uncertain(source, length, columns)
    if width is None and not columns:
        width = _sure_width([text for _, text in bare], said, source)
    return [(line, cut(text, width or 1)) for line, text in bare]


def _sure_width(rows: list[str], said: Said, source: str) -> int:
    if width := width_of(rows, said):
        return width
    raise UnsureWidthError(source)


def _uncertain(source: str, length: int, columns: int) -> InputError:
    what = f"rows of {length} characters, and its header promises {columns} columns"
    return InputError(source, InputKind.AMBIGUOUS, f"{what}; {_MEND}")


def _between_tabs(rows: Sequence[Line], columns: int | None) -> list[tuple[int, list[str]]]:
    """Rows with a tab between positions, of which some are empty; nothing for others.

    There may be one more in front of each row, or behind.
    """
    parts = [(line, [cell.strip() for cell in text.split("\t")]) for line, text in rows]
    if all(all(cells) for _, cells in parts):
        return []
    for end, rest in ((-1, slice(None, -1)), (0, slice(1, None))):
        most = max(len(cells) for _, cells in parts)
        if most > (columns or 1) and not any(cells[end] for _, cells in parts):
            parts = [(line, cells[rest]) for line, cells in parts]
    count = columns or max(len(cells) for _, cells in parts)
    is_even = {len(cells) for _, cells in parts} == {count}
    is_even |= columns == max(len(cells) for _, cells in parts)
    is_short = all(len(cell) <= WIDEST for _, cells in parts for cell in cells)
    if count <= FEWEST or not (is_even and is_short):
        return []
    return [(line, cells + [""] * (count - len(cells))) for line, cells in parts]


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


def _with_blanks(
    rows: Sequence[Line], source: str, columns: int | None, width: int | None, said: Said
) -> list[tuple[int, list[str]]]:
    """Rows in which a blank is a position without a die; those around the wafer do not count."""
    texts = [(line, text.expandtabs()) for line, text in rows]
    bare = [text.rstrip() for _, text in texts]
    left = min((len(text) - len(text.lstrip()) for text in bare if text), default=0)
    right = max(map(len, bare), default=0)
    body = [text.ljust(right)[left:] for text in bare]
    if not columns and not width:
        width = _sure_width(body, said, source)
        if width == 1 and any(not "".join(cells).strip() for cells in zip(*body, strict=True)):
            raise UnsureWidthError(source)  # a blank may stand between
    if width and width > 1 and not columns:
        columns = -(-(right - left) // width)
    if columns and right - left > columns:
        return _of_width(texts, source, columns, left, right)
    return [(line, list(text)) for (line, _), text in zip(texts, body, strict=True)]


def _of_width(
    texts: Sequence[Line], source: str, columns: int, left: int, right: int
) -> list[tuple[int, list[str]]]:
    """Rows of tokens of the only width that fits, with a blank between or without.

    Args:
        texts: Lines with blanks where no die is, also behind the last one.
        source: Name for messages.
        columns: Positions of a row.
        left: Blanks that all have in front.
        right: Length of the longest one without blanks behind.

    Raises:
        InputError: none fits, or several do.
    """
    ends = {right, max(len(text) for _, text in texts)}
    found = list[list[tuple[int, list[str]]]]()
    for width, between in ((1, 1), (2, 0), (2, 1), (3, 0), (3, 1)):
        step = width + between
        for end in ends:
            start = end - (columns * step - between)
            if not 0 <= start <= left:
                continue
            bodies = [text[start:].ljust(columns * step) for _, text in texts]
            parts = [cut(body, step)[:columns] for body in bodies]
            tokens = [[cell[:width].strip() for cell in row] for row in parts]
            is_cut = any(" " in token for row in tokens for token in row)
            is_joined = any(cell[width:].strip() for row in parts for cell in row)
            if not (is_cut or is_joined):
                found.append([(line, row) for (line, _), row in zip(texts, tokens, strict=True)])
    if not found or any(each != found[0] for each in found):
        raise _uncertain(source, right - left, columns)
    return found[0]
