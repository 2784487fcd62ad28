"""Where wafer maps come from: generators that hand them on one at a time."""

from __future__ import annotations

from edge.sources.files import count, expand, read_all

__all__ = ["count", "expand", "read_all"]
