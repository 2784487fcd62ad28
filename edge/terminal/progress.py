"""A progress bar on stderr for long work; silent where nobody looks."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from typing import Any, Final, TextIO

import click

from edge.system.text import printable
from edge.terminal.streams import tell

#: Seconds between two updates.
INTERVAL: Final = 0.1

#: Wipes the line and shows the cursor, which a bar hides.
_WIPE: Final = "\r\033[2K\033[?25h"


class Progress:
    """Shows how far the work is while a ``with`` block runs.

    Args:
        label: What is being done; empty for stages, whose bars leave nothing behind.
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
        self._staged = not label
        self._bar: Any = None
        self._own = contextlib.ExitStack()
        self._file: TextIO | None = None

    def __enter__(self) -> Progress:  # noqa: PYI034 - `Self` needs Python 3.11
        if self._wanted:
            self._file = self._own.enter_context(_apart(sys.stderr))
        self._show()
        return self

    def _show(self) -> None:
        """Begin the bar, once it is known how much there is to do."""
        if self._wanted and self._bar is None and self._total:
            self._bar = click.progressbar(
                length=self._total, label=self._label, file=self._file, show_pos=True
            )
            self._bar.__enter__()

    def __exit__(self, *error: object) -> None:
        if self._staged:
            self._wipe()
        elif self._bar is not None:
            self._bar.__exit__(*error)
        self._own.close()

    def stage(self, label: str, done: int, total: int) -> None:
        """So much of a stage is done; each has a bar of its own, in the place of the one before."""
        if printable(label) != self._label:
            self._wipe()
            self._label = printable(label)
        self.at(done, total)

    def tell(self, text: str) -> None:
        """Write lines to stderr, in the place of a bar."""
        self._wipe()
        for line in text.split("\n"):
            tell(line, err=True)

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

    def _wipe(self) -> None:
        """A stage is over, and its bar goes."""
        if self._bar is not None:
            click.echo(_WIPE, self._file, nl=False)
        self._bar, self._done, self._total = None, 0, None


def _apart(stream: TextIO) -> contextlib.AbstractContextManager[TextIO]:
    """The same terminal by a descriptor of its own, while native code is kept off the other one."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, io.UnsupportedOperation):
        return contextlib.nullcontext(stream)
    return os.fdopen(descriptor, "w", encoding=stream.encoding, errors=stream.errors)
