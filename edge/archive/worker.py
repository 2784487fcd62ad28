"""The process that judges parts: settings come in first, then one part after another."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from edge.archive.judging import judge_part
from edge.archive.results import Settings
from edge.errors import OutputError, WmEdgeError, cause

#: What an answer begins with.
DONE: Final = "done"
FAILED: Final = "failed"
STOP: Final = "stop"


def main() -> None:
    """Judge parts until the other end of the pipe is gone; each answer is a word and a text."""
    pipe = Connection(int(sys.argv[1]))
    try:
        folder: Path
        settings: Settings
        folder, settings = pipe.recv()
        try:
            classifier = settings.classifier()
        except WmEdgeError as error:
            pipe.send((STOP, str(error)))
            return
        pipe.send((DONE, ""))
        while True:
            part: Path = pipe.recv()
            try:
                pipe.send((DONE, judge_part(part, folder, settings, classifier)))
            except OutputError as error:  # a full disk is full for every part
                pipe.send((STOP, str(error)))
            except WmEdgeError as error:
                pipe.send((FAILED, str(error)))
            except (ValueError, ArithmeticError, LookupError, TypeError, MemoryError) as error:
                pipe.send((FAILED, f"{part}: {type(error).__name__}: {cause(error)}"))
    except (EOFError, OSError):
        return
