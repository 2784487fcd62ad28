"""A CSV file that a station appends to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.results.csv import Rows
from edge.results.record import RESULT_KEYS, Record
from edge.wafer.patterns import PATTERNS

if TYPE_CHECKING:
    from edge.sinks.append_file import AppendSink

#: What a station appends: what it knows of a record beside what ``classify`` knows.
STATION_COLUMNS: Final = (
    "id",
    *(name for name in RESULT_KEYS if name != "probabilities"),
    "error",
    "kind",
    *(f"p_{name}" for name in PATTERNS),
)


class CsvLines:
    """How a station appends records as CSV; see ``edge.sinks.append_file.Lines``."""

    def __init__(self) -> None:
        self._rows = Rows(STATION_COLUMNS)
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
    """CSV as a station's sink; see ``edge.sinks.durable_sink.SinkKind``."""
    from edge.sinks.append_file import AppendSink, Fsync

    return AppendSink("csv", Path(target), CsvLines(), Fsync(fsync))
