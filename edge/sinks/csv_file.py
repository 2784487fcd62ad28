"""A CSV file that a station appends to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge.results.csv import STATION_COLUMNS, Rows

if TYPE_CHECKING:
    from edge.sinks.append_file import AppendSink


def open_durable(target: str, fsync: str = "always") -> AppendSink:
    """CSV as a station's sink; see ``edge.sinks.durable_sink.SinkKind``."""
    from edge.sinks.append_file import AppendSink, Fsync, Lines

    rows = Rows(STATION_COLUMNS)
    lines = Lines(
        lambda record: f"{rows.row(record)}\n".encode(),
        header=f"{rows.header()}\n".encode(),
        any_header=b"id,source,index,",
        is_quoted=True,
    )
    return AppendSink("csv", Path(target), lines, Fsync(fsync))
