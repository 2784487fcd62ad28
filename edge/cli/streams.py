"""stdout and stderr that no letter, and no reader who has gone, can break.

Python's own raise an error where the terminal's encoding lacks a letter, and at a pipe that nobody
reads any more; the work would end in the middle, with an exit code that says nothing of it.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from edge.text import PLAIN

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Lasting(io.FileIO):
    """A descriptor that swallows what its reader, who has gone, does not want any more.

    Args:
        descriptor: Open for writing; stays open.
        lost: Errors after which nothing more is written.
    """

    def __init__(self, descriptor: int, lost: type[OSError]) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._lost = lost

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except self._lost:
            forget(self.fileno())
            return memoryview(data).nbytes


def make_safe() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr``; for the start of a process.

    A letter that their encoding lacks becomes one like it, or ``?``. A reader who goes is no error:
    the work goes on to its end, so that the exit code is true. What cannot be written to stdout for
    another reason (a full disk) raises as before; messages to stderr are lost then.
    """
    if sys.stdout is not None:
        sys.stdout = _wrapped(sys.stdout, BrokenPipeError)
    if sys.stderr is not None:
        sys.stderr = _wrapped(sys.stderr, OSError)


def forget(descriptor: int) -> None:
    """What is written there from now on goes nowhere, at the end of the process, too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def tell(line: str, indent: int) -> None:
    """Write a line to stdout; on a terminal it is broken at words, to go on where ``indent`` is."""
    if sys.stdout is None:  # closed before Python started: nobody wants to know
        return
    if sys.stdout.isatty():
        import shutil
        import textwrap

        width = shutil.get_terminal_size((80, 24)).columns
        if len(line) > width > 2 * indent:
            lines = textwrap.wrap(line[indent:], width - indent)
            line = line[:indent] + f"\n{'':<{indent}}".join(lines)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # a full disk is known at once


def _wrapped(stream: TextIO, lost: type[OSError]) -> TextIO:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(stream.fileno(), lost)),
        encoding=stream.encoding,
        errors=PLAIN,
        line_buffering=stream is sys.stderr or stream.isatty(),
    )
