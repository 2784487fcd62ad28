"""Whether something that works in a thread of its own gives signs of life."""

from __future__ import annotations

import time


class Heartbeat:
    """The time since the last sign of life; from any thread.

    Args:
        patience: Seconds of silence that are usual.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.beat()

    def beat(self) -> None:
        """A sign of life."""
        self._last = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds without one, where that are too many; else 0."""
        silent = time.monotonic() - self._last
        return silent if silent > self._patience else 0.0
