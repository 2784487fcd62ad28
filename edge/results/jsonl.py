"""One JSON object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge.system.text import utf8

if TYPE_CHECKING:
    from edge.results.record import Record

#: One record as one line of text.
encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode


def line(record: Record) -> str:
    """One JSON object in UTF-8, whatever bytes stand in names."""
    text = encode(record)
    if utf8(text) is text:
        return text
    # Within JSON the escapes are escaped in their turn.
    return encode({key: utf8(one) if isinstance(one, str) else one for key, one in record.items()})
