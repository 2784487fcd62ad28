"""A CSV file that a station appends to."""

from __future__ import annotations

from pathlib import Path

from edge.results.csv import STATION_COLUMNS, Rows
from edge.sinks.append_file import AppendSink, Fsync, Lines


def open_durable(file: Path, fsync: Fsync) -> AppendSink:
    """CSV as a station's sink."""
    rows = Rows(STATION_COLUMNS)
    lines = Lines(
        lambda record: f"{rows.row(record)}\n".encode(),
        header=f"{rows.header()}\n".encode(),
        any_header=b"id,source,index,",
        is_quoted=True,
    )
    return AppendSink("csv", file, lines, fsync)
