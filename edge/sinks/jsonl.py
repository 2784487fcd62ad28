"""One JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.sinks.record import Record
from edge.sinks.stream import Stream
from edge.text import utf8

if TYPE_CHECKING:
    from edge.sinks.append import AppendSink

#: One record as one line of text.
encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode

#: What a station's line begins with.
_BEGIN: Final = b'{"id": "'


class JsonlSink:
    """Records as JSON lines."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, record: dict[str, Any]) -> None:
        """Write one line."""
        line = encode(record)
        if utf8(line) is not line:  # within JSON the escapes are escaped in their turn
            plain = {key: utf8(one) if isinstance(one, str) else one for key, one in record.items()}
            line = encode(plain)
        self._stream.write_line(line)

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()


class JsonLines:
    """How a station appends records as JSON lines; see ``edge.sinks.append.Lines``."""

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
    """JSON lines as a station's sink; see ``edge.sinks.durable.Kind``."""
    from edge.sinks.append import AppendSink, Fsync

    return AppendSink("jsonl", Path(target), JsonLines(), Fsync(fsync))
