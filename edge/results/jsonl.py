"""One JSON object a line."""

from __future__ import annotations

import json
from typing import Any

from edge.results.line_stream import Stream
from edge.system.text import utf8

#: One record as one line of text.
encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode


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
