"""The parent's end of a child process: commands go in, answers come out, failures are named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Final

from edge.bench.subject import Subject
from edge.errors import RuntimeUnavailableError
from edge.system.native_log import QUIET
from edge.system.text import printable

#: Seconds until a child that says nothing is given up: importing TensorFlow takes a minute on a
#: slow card.
PATIENCE: Final = 300.0

#: What TensorFlow logs would hide the reason of a failure.
ENVIRONMENT: Final = {**QUIET, "KERAS_BACKEND": "tensorflow"}

_START: Final = "import sys; sys.path = sys.argv[2:]; from edge.bench.child import main; main()"


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
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._pipe, theirs = Pipe()
        began = time.perf_counter()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own Python
                # The same import path as this process, whatever folder it was started in.
                [sys.executable, "-c", _START, str(theirs.fileno()), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ENVIRONMENT},
            )
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
        self._process.kill()
        self._process.wait()
        self._pipe.close()
        self._said.close()

    def _asked(self, question: object, work: float = 0.0) -> Any:
        """The answer; the child is given ``work`` seconds on top of the patience."""
        try:
            self._pipe.send(question)
            if not self._pipe.poll(self._patience + work):
                raise ChildError(f"no answer within {self._patience + work:g} s")
            answer, failure = self._pipe.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if failure is not None:
            raise ChildError(failure)
        return answer

    def _ended(self) -> ChildError:
        """How the process ended, and the last it said."""
        code = self._process.wait()
        how = f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
        self._said.seek(0)
        said = self._said.read()[-4096:].decode("utf-8", "replace").strip().splitlines()
        last = f": {printable(said[-1])}" if said else ""
        return ChildError(f"its process ended with {how}{last}")
