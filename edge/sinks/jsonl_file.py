"""A file of JSON lines that a station appends to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge.results.jsonl import encode

if TYPE_CHECKING:
    from edge.sinks.append_file import AppendSink


def open_durable(target: str, fsync: str = "always") -> AppendSink:
    """JSON lines as a station's sink; see ``edge.sinks.durable_sink.SinkKind``."""
    from edge.sinks.append_file import AppendSink, Fsync, Lines

    lines = Lines(
        lambda record: f"{encode(record)}\n".encode(), before_id=b'{"id": "', after_id=b'"'
    )
    return AppendSink("jsonl", Path(target), lines, Fsync(fsync))
