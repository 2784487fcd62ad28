"""A progress bar on stderr for long work; silent where nobody looks."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

import click

from edge.system.text import printable

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
        self._wanted = wanted and looked_at
        self._label = printable(label)
        self._bar: Any = None

    def __enter__(self) -> Progress:  # noqa: PYI034 - `Self` needs Python 3.11
        self._show()
        return self

    def _show(self) -> None:
        """Begin the bar, once it is known how much there is to do."""
        if self._wanted and self._bar is None and self._total:
            self._bar = click.progressbar(
                length=self._total, label=self._label, file=sys.stderr, show_pos=True
            )
            self._bar.__enter__()

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(*error)

    def stage(self, label: str, done: int, total: int) -> None:
        """So much of a stage is done; each stage has a bar of its own."""
        if printable(label) != self._label:
            self.__exit__(None, None, None)
            self._label, self._bar, self._done = printable(label), None, 0
        self.at(done, total)

    def at(self, done: int, total: int | None = None) -> None:
        """So much is done; ``total`` replaces what was given at the start."""
        self._total = total or self._total
        self._show()
        now = time.monotonic()
        if self._bar is None or (now - self._shown < INTERVAL and done != self._total):
            return
        self._shown = now
        self._bar.length = self._total
        self._bar.update(done - self._done)
        self._done = done
