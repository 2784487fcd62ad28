"""Comma-separated values (RFC 4180) with a header line; one column a pattern."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.patterns import PATTERNS
from edge.sinks.record import RESULT_KEYS, Record
from edge.sinks.stream import Stream
from edge.text import utf8

if TYPE_CHECKING:
    from edge.sinks.append import AppendSink

COLUMNS: Final = (
    "source",
    "index",
    "lot",
    "wafer",
    "pattern",
    "probability",
    "verdict",
    "reason",
    "confidence",
    "below",
    "unfamiliarity",
    "mixture",
    "dies",
    "fails",
    "model",
    "symmetries",
    "latency_us",
    "error",
    "kind",
    *(f"p_{name}" for name in PATTERNS),
)

#: What a station appends: what it knows of a record beside what ``classify`` knows.
STATION_COLUMNS: Final = (
    "id",
    *(name for name in RESULT_KEYS if name != "probabilities"),
    "error",
    "kind",
    *(f"p_{name}" for name in PATTERNS),
)

#: The writer quotes what holds a character of its line end, so it must know both; the stream ends
#: the line itself.
_END: Final = "\r\n"

#: A spreadsheet takes a cell that starts with one of these for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class _Rows:
    """Records as text lines without their end.

    Args:
        columns: Names of the columns; ``p_<pattern>`` is the probability of a pattern.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator=_END)

    def header(self) -> str:
        return self._text(self._columns)

    def row(self, record: dict[str, Any]) -> str:
        shares = record.get("probabilities", {})
        values = {**record, **{f"p_{name}": value for name, value in shares.items()}}
        return self._text([_cell(values.get(column)) for column in self._columns])

    def _text(self, cells: tuple[str, ...] | list[Any]) -> str:
        self._writer.writerow(cells)
        text = self._buffer.getvalue().removesuffix(_END)
        self._buffer.seek(0)
        self._buffer.truncate()
        return text


class CsvSink:
    """Records as CSV lines."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._rows = _Rows(COLUMNS)
        self._stream.write_line(self._rows.header())

    def write(self, record: dict[str, Any]) -> None:
        """Write one line; what a record does not have stays empty."""
        self._stream.write_line(self._rows.row(record))

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()


class CsvLines:
    """How a station appends records as CSV; see ``edge.sinks.append.Lines``."""

    def __init__(self) -> None:
        self._rows = _Rows(STATION_COLUMNS)
        self._header = f"{self._rows.header()}\n".encode()

    def header(self) -> bytes:
        """The names of the columns."""
        return self._header

    def line(self, record: Record) -> bytes:
        """One row."""
        return f"{self._rows.row(record)}\n".encode()

    def identity(self, line: bytes) -> str | None:
        """The first cell."""
        return line.partition(b",")[0].decode("ascii", "replace")

    def begins(self, start: bytes) -> bool:
        """The header."""
        return start.startswith(self._header[: len(start)])

    def is_of_before(self, start: bytes) -> bool:
        """Another header of ours."""
        return start.startswith(b"id,source,index,") and not self.begins(start)

    def is_whole(self, line: bytes) -> bool:
        """A line end within quotes does not end the record."""
        return line.count(b'"') % 2 == 0


def open_durable(target: str, fsync: str = "always") -> AppendSink:
    """CSV as a station's sink; see ``edge.sinks.durable.Kind``."""
    from edge.sinks.append import AppendSink, Fsync

    return AppendSink("csv", Path(target), CsvLines(), Fsync(fsync))


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return utf8(f"'{value}" if value.startswith(_FORMULA) else value)
    return value
