"""How results are written: the writers of each form, and the choice of one."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from edge.results.line_stream import Stream


class Sink(Protocol):
    """What every sink can do."""

    def write(self, record: dict[str, Any]) -> None:
        """Take one record.

        Raises:
            OutputError: it cannot be kept; what was kept before is whole.
        """

    def close(self) -> None:
        """Bring everything to its place."""


class ResultFormat(str, Enum):
    """How results are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"

    def __str__(self) -> str:
        return self.value


def open_sink(
    kind: ResultFormat, output: Path | None, *, overwrite: bool = False, hold_errors: int = 0
) -> Sink:
    """Open a sink on a file, or on stdout where ``output`` is None.

    Args:
        kind: How results are written.
        output: The file.
        overwrite: Replace it.
        hold_errors: So many errors come last in a table.

    Raises:
        UsageError: the file exists and ``overwrite`` is False.
        OutputError: it cannot be opened.
    """
    stream = Stream.open(output, overwrite=overwrite)
    if kind is ResultFormat.CSV:
        from edge.results.csv import CsvSink

        return CsvSink(stream)
    if kind is ResultFormat.TABLE:
        from edge.results.table import TableSink

        return TableSink(stream, hold_errors)
    from edge.results.jsonl import JsonlSink

    return JsonlSink(stream)
