"""One JSON object a line."""

from __future__ import annotations

import json
from typing import Any

from edge.sinks.stream import Stream

_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode


class JsonlSink:
    """Records as JSON lines.

    File names that are not valid UTF-8 come out with their bytes as they are.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, record: dict[str, Any]) -> None:
        """Write one line."""
        self._stream.write_line(_encode(record))

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()
