"""A Python process of our own at the other end of a pipe: begun, ended, and how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import Pipe
from typing import Final

from edge.system.native_log import QUIET
from edge.system.text import printable

_START: Final = "import sys; sys.path = sys.argv[2:]; from {} import main; main()"

#: Bytes of what it said that are looked at for its last line.
_LAST: Final = 4096


class ChildProcess:
    """Runs ``main`` of a module, which finds its end of the pipe as a file number in ``argv[1]``.

    TensorFlow is quiet in it: its log would hide the reason of a failure.

    Args:
        module: Whose ``main``; on the import path of this process, whatever folder that began in.
        environment: On top of this process's.

    Attributes:
        pipe: This end of the pipe.
        process: The process.
    """

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.pipe, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own module, by our own Python
                [sys.executable, "-c", _START.format(module), str(theirs.fileno()), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **QUIET, "KERAS_BACKEND": "tensorflow", **environment},
            )

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def ended(self) -> str:
        """How the process ended, waiting for that, and the last it said."""
        code = self.process.wait()
        how = f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
        self._said.seek(0)
        said = self._said.read()[-_LAST:].decode("utf-8", "replace").strip().splitlines()
        last = f": {printable(said[-1])}" if said else ""
        return f"its process ended with {how}{last}"

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.pipe.close()
        self._said.close()
