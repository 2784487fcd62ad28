"""Comma-separated values (RFC 4180) with a header line; one column a pattern."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from edge.results.record import CLASSIFY_KEYS, ERROR_KEYS, FAB_KEYS, RESULT_KEYS, Record
from edge.system.text import utf8

#: Keys that hold a number a pattern, which has a column of its own.
_BY_PATTERN: Final = ("probabilities", "patterns")


def _columns(keys: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Columns for these keys of a result, for those that an error alone has, and one a pattern."""
    plain = (key for key in keys if key not in _BY_PATTERN)
    of_errors = (key for key in ERROR_KEYS if key not in RESULT_KEYS)
    return (*plain, *of_errors, *(f"p_{name}" for name in patterns))


def classify_columns(patterns: Iterable[str], *, suggested: bool = False) -> tuple[str, ...]:
    """What ``classify`` writes with a model file of these patterns, and with a station's own.

    What only files of a fab have stands last: any of the wafers to come may be of one.
    """
    keys = (*CLASSIFY_KEYS, *(("suggested",) if suggested else ()))
    return (*_columns(keys, patterns), *FAB_KEYS)


def station_columns(patterns: Iterable[str]) -> tuple[str, ...]:
    """What a station appends, which knows more."""
    return _columns(("id", *RESULT_KEYS), patterns)


#: The writer quotes what holds a character of its line end, so it must know both; the stream ends
#: the line itself.
_END: Final = "\r\n"

#: A spreadsheet takes a cell that starts with one of these for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Rows:
    """Records as text lines without their end.

    Args:
        columns: Names of the columns; ``p_<pattern>`` is the probability of a pattern.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator=_END)

    def header(self) -> str:
        """The names of the columns."""
        return self._text(self._columns)

    def row(self, record: Record) -> str:
        """One row; what a record does not have stays empty."""
        shares = record.get("probabilities", {})
        values = {**record, **{f"p_{name}": value for name, value in shares.items()}}
        return self._text([_cell(values.get(column)) for column in self._columns])

    def _text(self, cells: tuple[str, ...] | list[Any]) -> str:
        self._writer.writerow(cells)
        text = self._buffer.getvalue().removesuffix(_END)
        self._buffer.seek(0)
        self._buffer.truncate()
        return text


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return utf8(f"'{value}" if value.startswith(_FORMULA) else value)
    return value
