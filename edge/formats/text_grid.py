"""Text grids: one row of die states a line, separated by commas, semicolons, tabs or spaces.

What pandas, NumPy and Excel write around a grid is taken off where it is clear that it is not dies:
a header of column numbers, an index in front, comments, a comma behind, ``sep=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.wafer.wafermap import MAX_SIDE, NO_DIE, STATES, WaferMap, check_grid, mend_of

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Longest line that is read; leaves 16 characters a cell of the widest map.
MAX_LINE: Final = 16 * MAX_SIDE

#: Most lines, empty ones and comments too.
MAX_LINES: Final = 4 * MAX_SIDE

_EMPTY: Final = 3
_STATES: Final = {"0": 0, "1": 1, "2": 2, "": _EMPTY}
_SEPARATORS: Final = (",", ";", "\t")
_EXCEL: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_COMMENT: Final = "#"
_BOM_UTF8: Final = b"\xef\xbb\xbf"
_BOM_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_RETURNS: Final = re.compile(rb"\r+\n?")
_CHUNK: Final = 2**16
#: Longest cell that a message shows.
_SHOWN: Final = 8
#: Column numbers up to here might be die states.
_MISTAKABLE: Final = (["0", "1"], ["0", "1", "2"], ["1", "2"])
_PLAIN: Final = "pandas: frame.to_csv(name, header=False, index=False)"


def read(file: Source, source: str) -> Iterator[WaferMap]:
    """Read a text grid as one wafer map.

    It is UTF-8 with or without a byte order mark, with any line ends.

    Raises:
        InputError: a cell that is not 0, 1 or 2, rows of different length, what may be a header or
            may be dies, no text.
    """
    grid = _Grid(source)
    for number, line in _lines(file, source):
        grid.add(number, line)
    yield WaferMap(check_grid(grid.dies(), source), source=source)


class _Grid:
    """The rows so far."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._separator: str | None = None  # between cells; None for blanks
        self._is_chosen = False  # the file said which
        self._has_index = False  # a row's number stands in front of it
        self._mistakable = False  # the first row may be a header
        self._ended = False  # a comment came after the last row
        self._cells = bytearray()
        self._rows = self._width = self._last = 0

    def add(self, number: int, line: str) -> None:
        """The next line that is not blank."""
        if not self._last and (excel := _EXCEL.fullmatch(line)):
            self._separator, self._is_chosen = excel[1], True
            return
        if line.startswith(_COMMENT):
            self._ended = self._rows > 0
            return
        if self._ended:
            raise _bad(self._source, f"line {number - 1} is a comment; remove it from the rows")
        if self._last and number > self._last + 1:
            raise _bad(
                self._source, f"line {self._last + 1} is empty; remove the gap between the rows"
            )
        if not self._last and not self._is_chosen:
            self._separator = next((mark for mark in _SEPARATORS if mark in line), None)
        cells = line.split(self._separator) or [""]  # of a blank that is none of a line's ends
        first, self._last = not self._last, number
        if first and self._is_header(cells):
            return
        if self._has_index and cells.pop(0).strip('" ') != str(self._rows):
            raise _bad(
                self._source,
                f"line {number} does not begin with {self._rows}, as an index below a header would;"
                f" write it without ({_PLAIN})",
            )
        self._append(_row(cells, number, self._has_index, self._rows, self._source), number)

    def _is_header(self, cells: list[str]) -> bool:
        names = [cell.strip('" ') for cell in cells]
        index = names[0] == ""
        numbers = names[1:] if index else names
        if len(numbers) > 3 and numbers == [str(number) for number in range(len(numbers))]:
            self._has_index = index
            return True
        self._mistakable = numbers in _MISTAKABLE
        return False

    def _append(self, row: bytes, number: int) -> None:
        if self._rows and len(row) != self._width:
            raise _bad(
                self._source,
                f"line {number} has {len(row)} columns, the lines above have {self._width}; "
                "write the same number of columns in every row",
            )
        self._rows, self._width = self._rows + 1, len(row)
        if max(self._rows, self._width) > MAX_SIDE:
            what = f"more than {MAX_SIDE} rows or columns; at most {MAX_SIDE} a side are accepted"
            raise InputError(self._source, InputKind.TOO_LARGE, what)
        self._cells += row

    def dies(self) -> npt.NDArray[np.uint8]:
        """uint8 (rows, columns), when all lines were added.

        Raises:
            InputError: no row at all, a first row or empty cells that may mean something else.
        """
        if not self._rows:
            raise InputError(
                self._source, InputKind.EMPTY, "blank lines only; write the export again"
            )
        if self._mistakable and self._rows > 1:
            what = "the first row may be dies or a header of column numbers"
            mend = f"write it without one ({_PLAIN})"
            raise InputError(self._source, InputKind.AMBIGUOUS, f"{what}; {mend}")
        grid = np.frombuffer(self._cells, np.uint8).reshape(self._rows, self._width)
        if _EMPTY not in self._cells:
            return grid
        if NO_DIE not in self._cells:  # pandas leaves empty what is missing
            return np.where(grid == _EMPTY, NO_DIE, grid).astype(np.uint8)
        empty = grid == _EMPTY
        if empty[:, -1].all() and not empty[:, :-1].any():  # a separator behind each row
            return grid[:, :-1]
        row, column = np.argwhere(empty)[0].tolist()
        line = self._last - self._rows + 1 + row
        raise _bad(
            self._source,
            f"an empty cell at line {line}, column {column + 1 + self._has_index}, and 0 "
            f"elsewhere; die states are {STATES}",
        )


def _lines(file: Source, source: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1 as an editor does."""
    for number, line in enumerate(_split(file), 1):
        if number > MAX_LINES:
            raise InputError(source, InputKind.TOO_LARGE, f"more than {MAX_LINES} lines")
        if len(line) > MAX_LINE:
            what = f"line {number} is longer than {MAX_LINE} characters"
            mend = "write one row of the map a line"
            raise InputError(source, InputKind.TOO_LARGE, f"{what}; {mend}")
        if number == 1:
            if line.startswith(_BOM_UTF16):
                raise InputError(
                    source, InputKind.UNREADABLE, "text in UTF-16; save it as CSV (UTF-8)"
                )
            line = line.removeprefix(_BOM_UTF8)  # noqa: PLW2901
        try:
            text = line.decode().strip(" ")
        except UnicodeDecodeError as error:
            what = f"line {number} is not text (UTF-8); is this a CSV file?"
            raise InputError(source, InputKind.UNREADABLE, what) from error
        if text:
            yield number, text


def _split(file: Source) -> Iterator[bytes]:
    """The lines without their ends: LF, CR LF, CR alone. One that is too long is not read on."""
    rest = b""
    while chunk := file.read(_CHUNK):
        rest += chunk
        whole = rest.rstrip(b"\r")  # the first half of a line's end waits for the other
        held = rest[len(whole) :]
        *lines, rest = _to_lf(whole).split(b"\n")
        yield from lines
        rest += held
        if len(rest) > MAX_LINE:
            break
    yield from _to_lf(rest).split(b"\n")


def _to_lf(text: bytes) -> bytes:
    """One LF for returns before a LF, else one each."""
    return _RETURNS.sub(_line_ends, text) if b"\r" in text else text


def _line_ends(found: re.Match[bytes]) -> bytes:
    return b"\n" if found[0].endswith(b"\n") else b"\n" * len(found[0])


def _row(cells: list[str], line: int, index: bool, rows: int, source: str) -> bytes:
    try:
        return bytes([_STATES[cell] for cell in cells])  # the common case, at full speed
    except KeyError:
        plain = [cell.strip().strip('"').strip() for cell in cells]
    values = [_value(cell) for cell in plain]
    if None not in values:
        return bytes(value for value in values if value is not None)
    if not rows and all(_number(cell) is None for cell in plain):
        if {"x", "y"} <= {name.lower() for name in plain}:
            raise _bad(
                source,
                f"line {line} is the header of a list of dies by x and y without their bins; "
                "export the bins (a column bin or hbin), a measured value says not what passes",
            )
        raise _bad(
            source,
            f"line {line} holds no numbers: a header, or letters for die states; write a grid of "
            f"{STATES}, one row of dies a line ({_PLAIN}), or say which bins pass (--pass-bins)",
        )
    column = values.index(None)
    raise _bad(
        source,
        f"{_shown(plain, values, rows)} at line {line}, column {column + 1 + index}; "
        f"die states are {STATES}{_hint(plain[column], rows)}",
    )


def _value(cell: str) -> int | None:
    if cell in _STATES:
        return _STATES[cell]
    value = _number(cell)
    return int(value) if value in (0, 1, 2) else None


def _shown(cells: list[str], values: list[int | None], rows: int) -> str:
    """A cell that is no die state, quoted only where it stands among die states.

    What is no grid may be anything, a secret that a link led to, too.
    """
    wrong = cells[values.index(None)]
    among = values.count(None) == 1 and len(values) > (1 if rows else 3)
    return repr(wrong) if among and len(wrong) <= _SHOWN else "something else"


def _hint(cell: str, rows: int) -> str:
    value = _number(cell)
    header = "" if rows else f"; if this is a header, leave it out ({_PLAIN})"
    if value is None:
        return header
    mend = "of bins, say which pass (--pass-bins, or a recipe for `grid of bins`)"
    return f"{mend_of(value) if rows else header}; {mend}"


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _bad(source: str, reason: str) -> InputError:
    return InputError(source, InputKind.BAD_VALUE, reason)
