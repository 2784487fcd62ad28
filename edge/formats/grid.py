"""Text grids: one row of die states a line, separated by commas, semicolons, tabs or spaces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from edge.errors import InputError, InputKind
from edge.wafermap import MAX_SIDE, WaferMap, check_grid

if TYPE_CHECKING:
    from edge.formats import Source

#: Longest line that is read; leaves 16 characters a cell of the widest map.
MAX_LINE: Final = 16 * MAX_SIDE

_STATES: Final = {"0": 0, "1": 1, "2": 2}
_SEPARATORS: Final = (",", ";", "\t")
_BOM_UTF8: Final = b"\xef\xbb\xbf"
_BOM_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def read(file: Source, source: str) -> Iterator[WaferMap]:
    """Read a text grid as one wafer map.

    Args:
        file: Open text file, UTF-8 with or without a byte order mark, any line ends.
        source: Its name.

    Yields:
        One wafer map.

    Raises:
        InputError: a cell that is not 0, 1 or 2, rows of different length, a header line, no text.
    """
    cells = bytearray()
    rows, width, last, separator = 0, 0, 0, None
    for line_number, line in _lines(file, source):
        if rows == 0:
            separator = next((mark for mark in _SEPARATORS if mark in line), None)
        elif line_number > last + 1:
            raise _bad(source, f"line {last + 1} is empty; remove the gap between the rows")
        last = line_number
        row = _row(line.split(separator), line_number, source)
        if rows and len(row) != width:
            raise _bad(
                source,
                f"line {line_number} has {len(row)} columns, the lines above have {width}; "
                "write the same number of columns in every row",
            )
        rows, width = rows + 1, len(row)
        if max(rows, width) > MAX_SIDE:
            raise InputError(
                source,
                InputKind.TOO_LARGE,
                f"more than {MAX_SIDE} rows or columns; at most {MAX_SIDE} a side are accepted",
            )
        cells += row
    if not rows:
        raise InputError(source, InputKind.EMPTY, "blank lines only; write the export again")
    grid = np.frombuffer(cells, np.uint8).reshape(rows, width)
    yield WaferMap(check_grid(grid, source), source=source)


def _lines(file: Source, source: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1 as an editor does."""
    buffered = io.BufferedReader(cast(io.RawIOBase, file))
    number = 0
    while line := buffered.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise InputError(
                source,
                InputKind.TOO_LARGE,
                f"line {number} is longer than {MAX_LINE} characters; "
                "write one row of the map a line",
            )
        if number == 1:
            if line.startswith(_BOM_UTF16):
                raise InputError(
                    source, InputKind.UNREADABLE, "text in UTF-16; save it as CSV (UTF-8)"
                )
            line = line.removeprefix(_BOM_UTF8)
        try:
            text = line.decode().strip(" \r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                source,
                InputKind.UNREADABLE,
                f"line {number} is not text (UTF-8); is this a CSV file?",
            ) from error
        if text.strip():
            yield number, text


def _row(cells: list[str], line_number: int, source: str) -> bytes:
    try:
        return bytes([_STATES[cell] for cell in cells])  # the common case, at full speed
    except KeyError:
        return bytes(
            _state(cell.strip().strip('"').strip(), column, line_number, cells, source)
            for column, cell in enumerate(cells, 1)
        )


def _state(cell: str, column: int, line_number: int, cells: list[str], source: str) -> int:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
        if line_number == 1 and not any(map(_is_number, cells)):
            raise _bad(
                source,
                f"line 1 holds no numbers ({cell[:20]!r}, …): a header, or letters for die states; "
                "write a grid of 0 (no die), 1 (pass), 2 (fail), one row of dies a line",
            ) from None
    if value not in (0, 1, 2):
        shown = repr(cell[:20]) if cell else "an empty cell"
        raise _bad(
            source,
            f"{shown} at line {line_number}, column {column}; "
            "die states are 0 (no die), 1 (pass), 2 (fail)",
        )
    return int(value)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return False
    return True


def _bad(source: str, reason: str) -> InputError:
    return InputError(source, InputKind.BAD_VALUE, reason)
