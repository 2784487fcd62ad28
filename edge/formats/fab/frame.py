"""What stands around the rows of a drawing: their numbers, lines that count columns, underlines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind

#: Line of a file with its number from 1.
Line = tuple[int, str]

#: Characters of a row's number that may stand right before a die; rows from which on numbers are
#: known for such; most digits of one.
PADDED: Final = 2
FEWEST: Final = 3
DIGITS: Final = 5
#: Lines in front of the first number.
_MOST_RULERS: Final = 8

_PREFIX: Final = re.compile(r"[ \t]*(?:(?:MAP|ROW|LINE|[RY])[ \t_]?)?(?=\d)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d{1,5}(?!\d)")
_QUOTED: Final = re.compile(r"[ \t]*([\"'])(.+)\1[ \t]*,?[ \t]*")
_RULER: Final = re.compile(r"[\d \t|+=-]+")
#: What lines consist of that underline.
_UNDERLINES: Final = frozenset("-=+*#")


class Axis(NamedTuple):
    """The numbers in front of rows.

    Attributes:
        start: The line that has the first one.
        first: That number.
        step: From one row to the next, 1 or -1.
        width: Its characters.
        left: Where it begins in its line.
    """

    start: int
    first: int
    step: int
    width: int
    left: int

    def written(self, row: int) -> str:
        """The number of a row, counted from 0."""
        number = self.first + row * self.step
        return f"{number:0{self.width}}" if self.width >= PADDED else str(number)

    def behind(self, text: str, row: int) -> str | None:
        """A line behind the number of this row and the bar after it; None for another number."""
        prefix, number = _PREFIX.match(text), self.written(row)
        at = prefix.end() if prefix else 0
        bare = number.lstrip("0") or "0"
        missing = len(number) - len(bare)
        if missing and text[at + len(bare) :][:1] in {" ", "|"} and text.startswith(bare, at):
            # Padded with blanks, in front or behind; of 25 down to 1 that shows in the last ones.
            end = at + len(bare) if at == self.left + missing else at + len(number)
            is_padded = at in {self.left, self.left + missing}
            number = (
                text[at:end] if is_padded and not text[at + len(bare) : end].strip() else number
            )
        rest = text[at + len(number) :]
        if not text.startswith(number, at) or (self.width < PADDED and rest[:1].isdigit()):
            return None
        barred = rest.lstrip(" \t")
        return barred[1:] if barred[:1] in {"|", ":"} else rest


def without_frame(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines without those above and below that underline, and without quotes around all."""
    for end in (0, -1):
        marks = set(lines[end][1].strip())
        rest = lines[1:] if end == 0 else lines[:-1]
        inner = rest[:-1] if end == 0 else rest[1:]
        if (
            marks
            and marks <= _UNDERLINES
            and inner
            and not any(marks & set(text) for _, text in inner)
        ):
            lines = rest
    return unquoted(lines)


def unquoted(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines without quotes around all of them, and commas behind these."""
    found = [_QUOTED.fullmatch(text) for _, text in lines]
    rows = [(line, each[2]) for (line, _), each in zip(lines, found, strict=True) if each]
    return rows if len(rows) == len(lines) else lines


def axis_of(lines: Sequence[Line], columns: int | None = None) -> Axis | None:
    """The numbers in front of rows, below lines that count columns; None without such."""
    for at in range(min(_MOST_RULERS, len(lines) - 1)):
        text = lines[at][1]
        prefix = _PREFIX.match(text)
        number = _NUMBER.match(text, prefix.end()) if prefix else None
        cells = text.split()
        is_barred = number and text[number.end() :].lstrip(" \t")[:1] == "|"
        if number and (is_barred or (len(cells) != columns and not counts_up(cells))):
            width = len(number[0])
            for step in (1, -1):
                axis = Axis(at, int(number[0]), step, width, number.start())
                bodies = [axis.behind(lines[at + row][1], row) for row in range(2)]
                if (
                    None not in bodies
                    and axis.first + step >= 0
                    and _goes_on(lines, axis)
                    and _are_rulers(lines[:at])
                ):
                    is_sure = width >= PADDED or len(lines) - at >= FEWEST
                    return axis if is_sure and any(map(_has_cells, bodies)) else None
        if not _RULER.fullmatch(text):
            return None
    return None


def _goes_on(lines: Sequence[Line], axis: Axis) -> bool:
    """Whether a third line has no number or a later one: else the first two are dies."""
    if axis.start + 2 >= len(lines):
        return axis.start == 0
    text = lines[axis.start + 2][1]
    prefix = _PREFIX.match(text)
    number = _NUMBER.match(text, prefix.end()) if prefix else None
    return number is None or (int(number[0]) - axis.first) * axis.step > 1


def _has_cells(body: str | None) -> bool:
    """Whether something stands behind a number: else it is a die itself."""
    return bool(body and body.strip(" \t|"))


def numbered(lines: Sequence[Line], axis: Axis, source: str) -> list[Line]:
    """The rows without the numbers that stand before and behind them, and without rulers below."""
    rows, below = list[Line](), list[Line]()
    for line, text in lines:
        if (body := axis.behind(text, len(rows))) is not None and _are_rulers(below):
            rows.append((line, body))
        elif _RULER.fullmatch(text):
            below.append((line, text))
        else:
            raise _unnumbered(source, line, axis.written(len(rows)))
    if not _are_rulers(below):
        raise _unnumbered(source, below[0][0], axis.written(len(rows)))
    return _without_right_axis(rows, axis)


def _unnumbered(source: str, line: int, number: str) -> InputError:
    what = f"line {line} must begin with {number}, the number of its row"
    return InputError(source, InputKind.UNREADABLE, f"{what}; export or copy it again")


def _are_rulers(lines: Sequence[Line]) -> bool:
    """Whether lines of digits and marks are no dies: there is no digit, or one counts columns."""
    with_digits = [text for _, text in lines if any(map(str.isdecimal, text))]
    cut = [text.strip("| \t").split() for text in with_digits]
    return not cut or any(_counts(cells) or counts_up(cells) for cells in cut)


def counts_up(cells: list[str]) -> bool:
    """Whether these are numbers of rows or columns, three or more, one after the other."""
    if len(cells) < FEWEST or not all(cell.isdecimal() and cell.isascii() for cell in cells):
        return False
    numbers = [int(cell[: DIGITS + 1]) for cell in cells]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _without_right_axis(rows: list[Line], axis: Axis) -> list[Line]:
    """The rows without the same numbers behind, after a blank or a bar, or the bar alone."""
    bare = [text.rstrip() for _, text in rows]
    if all(text.endswith("|") for text in bare):
        return [(line, text[:-1]) for (line, _), text in zip(rows, bare, strict=True)]
    cut = [max(text.rfind(" "), text.rfind("|"), text.rfind("\t")) for text in bare]
    for row, (text, at) in enumerate(zip(bare, cut, strict=True)):
        if at < 0 or text[at + 1 :].lstrip("0") != axis.written(row).lstrip("0"):
            return rows
    return [(rows[at][0], bare[at][: cut[at]].rstrip("| \t")) for at in range(len(rows))]


def without_rulers(lines: Sequence[Line]) -> list[Line]:
    """The rows below (and above) lines that count columns: the last of those counts by ones."""
    rows = list(lines)
    for end in (0, -1):
        for at in range(min(FEWEST, len(rows))):
            index = at if end == 0 else -1 - at
            cells = rows[index][1].strip("| \t").split()
            if _counts(cells) or counts_up(cells):
                rows = rows[at + 1 :] if end == 0 else rows[: len(rows) - 1 - at]
                break
    return rows


def counted(lines: Sequence[Line]) -> int | None:
    """The columns that the last of these lines counts by ones; None where none does."""
    for _, text in reversed(lines):
        cells = text.strip("| \t").split()
        if counts_up(cells):
            return len(cells)
        if _counts(cells):
            return len("".join(cells))
    return None


def _counts(cells: list[str]) -> bool:
    """Whether these are the last digits of column numbers, one after the other."""
    digits = "".join(cells)
    if len(digits) <= FEWEST or not digits.isdecimal() or not digits.isascii():
        return False
    steps = {(int(other) - int(one)) % 10 for one, other in pairwise(digits)}
    return steps in ({1}, {9})  # to the left or to the right


def bodies_of(lines: Sequence[Line]) -> list[str]:
    """The rows as they stand, without the numbers in front."""
    axis = axis_of(lines[: _MOST_RULERS + FEWEST])
    if axis is None:
        return [text for _, text in lines]
    return [axis.behind(text, row) or "" for row, (_, text) in enumerate(lines[axis.start :])]


def is_round(rows: Sequence[str]) -> bool:
    """Whether rows without a blank in them get longer, then shorter, to both sides."""
    texts = [text.expandtabs().rstrip() for text in rows]
    left = [len(text) - len(text.lstrip()) for text in texts]
    right = [-len(text) for text in texts]
    return not any(" " in text.strip() for text in texts) and all(map(_is_bent, (left, right)))


def _is_bent(margins: list[int]) -> bool:
    """Whether they get smaller, then larger."""
    at = margins.index(min(margins))
    before, behind = margins[:at], margins[at:]
    return (
        before == sorted(before, reverse=True)
        and behind == sorted(behind)
        and (min(margins[0], margins[-1]) > margins[at])
    )
