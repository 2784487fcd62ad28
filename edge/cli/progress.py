"""A progress line on stderr for long work; silent where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final

#: Seconds between two updates.
INTERVAL: Final = 0.1

_WIDTH: Final = 24
_ERASE: Final = "\r\033[K"


class Progress:
    """Shows how far the work is, in place, and leaves nothing behind.

    Args:
        label: What is being done.
        total: How much there is to do, or None where that is not known.
        wanted: False keeps silent on a terminal, too.
    """

    def __init__(self, label: str, total: int | None = None, *, wanted: bool = True) -> None:
        stream = sys.stderr
        # None is a stream that was closed before Python started.
        self._stream = stream if wanted and stream is not None and stream.isatty() else None
        self._label = "".join(char if char.isprintable() else "?" for char in label)
        self._total = total
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> Progress:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream:
            self._stream.write(_ERASE)
            self._stream.flush()

    def at(self, done: int, total: int | None = None) -> None:
        """So much is done; ``total`` replaces what was given at the start."""
        now = time.monotonic()
        if self._stream is None or now - self._shown < INTERVAL:
            return
        self._shown = now
        self._stream.write(_ERASE + self._line(done, total or self._total, now - self._began))
        self._stream.flush()

    def _line(self, done: int, total: int | None, seconds: float) -> str:
        if not total or done > total:
            return f"{self._label} {done:,}"
        full = _WIDTH * done // total
        left = seconds * (total - done) / done if done else 0
        bar = "#" * full + "-" * (_WIDTH - full)
        return f"{self._label} [{bar}] {done:,} of {total:,}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
