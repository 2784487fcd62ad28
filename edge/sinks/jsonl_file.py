"""A file of JSON lines that a station appends to."""

from __future__ import annotations

from pathlib import Path

from edge.results.jsonl import encode
from edge.sinks.append_file import AppendSink, Fsync, Lines


def open_durable(file: Path, fsync: Fsync) -> AppendSink:
    """JSON lines as a station's sink."""
    lines = Lines(
        lambda record: f"{encode(record)}\n".encode(), before_id=b'{"id": "', after_id=b'"'
    )
    return AppendSink("jsonl", file, lines, fsync)
