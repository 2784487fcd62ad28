"""stdout and stderr that no letter, and no reader who has gone, can break.

Python's own raise an error where the terminal's encoding lacks a letter, and at a pipe that nobody
reads any more; the work would end in the middle, with an exit code that says nothing of it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

import click

from edge.system.text import PLAIN, printable

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


def tell(line: str, indent: int = 0, *, err: bool = False, **style: Any) -> None:
    """Write a line; on a terminal it is broken at words, a path nowhere.

    Args:
        line: Printable, but for line ends behind it.
        indent: Column where the broken line goes on.
        err: To stderr instead of stdout.
        style: As ``click.style`` has it.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # closed before Python started: nobody wants to know
        return
    if stream.isatty():
        import shutil
        import textwrap

        # On stderr, which may be no terminal of ours, the width is that of stdout or COLUMNS.
        width = shutil.get_terminal_size((80, 24)).columns
        if len(line) > width > 2 * indent:
            lines = textwrap.wrap(
                line[indent:], width - indent, break_long_words=False, break_on_hyphens=False
            )
            line = line[:indent] + f"\n{'':<{indent}}".join(lines)
    # Flushed: a full disk is known at once.
    click.echo(click.style(line, **style) if style else line, err=err)


def warn(sentences: Iterable[str]) -> None:
    """Say on stderr what may be wrong with results."""
    for sentence in sentences:
        tell(f"warning: {printable(sentence)}", 2, err=True)


def _wrapped(stream: TextIO, lost: type[OSError]) -> TextIO:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(stream.fileno(), lost)),
        encoding=stream.encoding,
        errors=PLAIN,
        line_buffering=stream is sys.stderr or stream.isatty(),
    )
