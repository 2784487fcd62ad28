"""A file of JSON lines that a station appends to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.results.jsonl import encode
from edge.results.record import Record

if TYPE_CHECKING:
    from edge.sinks.append_file import AppendSink

#: What a station's line begins with.
_BEGIN: Final = b'{"id": "'


class JsonLines:
    """How a station appends records as JSON lines; see ``edge.sinks.append_file.Lines``."""

    def header(self) -> bytes:
        """Nothing."""
        return b""

    def line(self, record: Record) -> bytes:
        """One JSON object."""
        return f"{encode(record)}\n".encode()

    def identity(self, line: bytes) -> str | None:
        """The object's ``id``, which comes first; a file may have millions of lines."""
        if not line.startswith(_BEGIN):
            return None
        return line[len(_BEGIN) :].partition(b'"')[0].decode("ascii", "replace")

    def begins(self, start: bytes) -> bool:
        """An object, the ``id`` first."""
        return _BEGIN.startswith(start[: len(_BEGIN)])

    def is_of_before(self, start: bytes) -> bool:
        """Objects may have more members in time."""
        return False

    def is_whole(self, line: bytes) -> bool:
        """JSON escapes line ends."""
        return True


def open_durable(target: str, fsync: str = "always") -> AppendSink:
    """JSON lines as a station's sink; see ``edge.sinks.durable_sink.SinkKind``."""
    from edge.sinks.append_file import AppendSink, Fsync

    return AppendSink("jsonl", Path(target), JsonLines(), Fsync(fsync))
