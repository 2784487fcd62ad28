"""How results are written: the writers of each form, and the choice of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge.results.line_stream import Stream
from edge.system.choice import Choice
from edge.wafer.patterns import WM811K, PatternSet

if TYPE_CHECKING:
    from edge.results.record import Record


class Sink(Protocol):
    """What every sink can do."""

    def write(self, record: Record) -> None:
        """Take one record.

        Raises:
            OutputError: it cannot be kept; what was kept before is whole.
        """

    def close(self) -> None:
        """Bring everything to its place."""


class LineSink:
    """Records as lines that programs read, each made by ``line``, without its end."""

    def __init__(self, stream: Stream, line: Callable[[Record], str]) -> None:
        self._stream = stream
        self._line = line

    def write(self, record: Record) -> None:
        """Write one line."""
        self._stream.write_line(self._line(record))

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()


class ResultFormat(Choice):
    """How results are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


def open_sink(
    kind: ResultFormat,
    output: Path | None,
    *,
    overwrite: bool = False,
    hold_errors: int = 0,
    patterns: PatternSet = WM811K,
    suggested: bool = False,
) -> Sink:
    """Open a sink on a file, or on stdout where ``output`` is None.

    Args:
        kind: How results are written.
        output: The file.
        overwrite: Replace it.
        hold_errors: So many errors come last in a table.
        patterns: Those of the model file, for columns of their own and for what they point to.
        suggested: CSV has a column for patterns of one's own.

    Raises:
        UsageError: the file exists and ``overwrite`` is False.
        OutputError: it cannot be opened.
    """
    stream = Stream.open(output, overwrite=overwrite)
    if kind is ResultFormat.TABLE:
        from edge.results.table import TableSink

        return TableSink(stream, hold_errors, patterns.hints)
    if kind is ResultFormat.CSV:
        from edge.results.csv import Rows, classify_columns

        rows = Rows(classify_columns(patterns, suggested=suggested))
        stream.write_line(rows.header())
        return LineSink(stream, rows.row)
    from edge.results.jsonl import line

    return LineSink(stream, line)
