"""Comma-separated values (RFC 4180) with a header line; one column a pattern."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from edge.patterns import PATTERNS
from edge.sinks.stream import Stream

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

#: The writer quotes what holds a character of its line end, so it must know both; the stream ends
#: the line itself.
_END: Final = "\r\n"

#: A spreadsheet takes a cell that starts with one of these for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class CsvSink:
    """Records as CSV lines."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator=_END)
        self._write_row(COLUMNS)

    def write(self, record: dict[str, Any]) -> None:
        """Write one line; what a record does not have stays empty."""
        shares = record.get("probabilities", {})
        values = {**record, **{f"p_{name}": value for name, value in shares.items()}}
        self._write_row([_cell(values.get(column)) for column in COLUMNS])

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()

    def _write_row(self, cells: tuple[str, ...] | list[Any]) -> None:
        self._writer.writerow(cells)
        self._stream.write_line(self._buffer.getvalue().removesuffix(_END))
        self._buffer.seek(0)
        self._buffer.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
