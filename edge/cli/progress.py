"""A progress bar on stderr for long work; silent where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final

import click

#: Seconds between two updates.
INTERVAL: Final = 0.1


class Progress:
    """Shows how far the work is while a ``with`` block runs.

    Args:
        label: What is being done.
        total: How much there is to do, or None where that is not known.
        wanted: False keeps silent on a terminal, too.
    """

    def __init__(self, label: str, total: int | None = None, *, wanted: bool = True) -> None:
        # None is a stream that was closed before Python started.
        looked_at = sys.stderr is not None and sys.stderr.isatty()
        self._total = total
        self._done = 0
        self._shown = 0.0
        self._bar = None
        if wanted and looked_at:
            plain = "".join(char if char.isprintable() else "?" for char in label)
            self._bar = click.progressbar(
                length=total or 0, label=plain, file=sys.stderr, show_pos=True
            )

    def __enter__(self) -> Progress:  # noqa: PYI034 - `Self` needs Python 3.11
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, traceback)

    def at(self, done: int, total: int | None = None) -> None:
        """So much is done; ``total`` replaces what was given at the start."""
        now = time.monotonic()
        if self._bar is None or (now - self._shown < INTERVAL and done != self._total):
            return
        self._shown = now
        self._total = self._bar.length = total or self._total
        self._bar.update(done - self._done)
        self._done = done
