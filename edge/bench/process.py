"""The parent's end of a child process: commands go in, answers come out, failures are named."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from edge.bench.subject import Subject
from edge.errors import RuntimeUnavailableError
from edge.system.child_process import ChildProcess

#: Seconds until a child that says nothing is given up: importing TensorFlow takes a minute on a
#: slow card.
PATIENCE: Final = 300.0


class ChildError(RuntimeUnavailableError):
    """A subject cannot be measured; the others go on."""


class Child:
    """A process that runs one subject. Use as a context manager, or call ``close``.

    Attributes:
        version: Of the runtime.
        cold_start: Seconds from starting the process to its first verdict.

    Raises:
        ChildError: it came to no verdict; the message says why.
    """

    def __init__(self, subject: Subject, wafers: Path) -> None:
        self._patience = PATIENCE
        began = time.perf_counter()
        self._process = ChildProcess("edge.bench.child", {})
        try:
            self.version = str(self._asked((subject, wafers)))
        except BaseException:
            self.close()
            raise
        self.cold_start = time.perf_counter() - began

    def __enter__(self) -> Child:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, do: str, **arguments: float) -> Any:
        """Call a method of ``edge.bench.child.Session`` and wait for what it returns.

        Raises:
            ChildError: the child failed, ended, or kept silent.
        """
        return self._asked((do, arguments), arguments.get("seconds", 0.0))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.close()

    def _asked(self, question: object, work: float = 0.0) -> Any:
        """The answer; the child is given ``work`` seconds on top of the patience."""
        try:
            self._process.pipe.send(question)
            if not self._process.pipe.poll(self._patience + work):
                raise ChildError(f"no answer within {self._patience + work:g} s")
            answer, failure = self._process.pipe.recv()
        except (EOFError, OSError):
            raise ChildError(self._process.ended()) from None
        if failure is not None:
            raise ChildError(failure)
        return answer
