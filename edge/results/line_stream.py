"""A text stream that never leaves half a line behind, even when the disk is full."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Final

from edge.errors import OutputError, ReaderGoneError, UsageError
from edge.system.text import PLAIN

#: Lines are handed to the operating system in blocks of this size, or after this many seconds.
BLOCK: Final = 64 * 1024
INTERVAL: Final = 0.5


class Stream:
    """Whole lines into a file descriptor.

    Args:
        descriptor: Open for writing.
        name: For messages.
        interactive: Write every line at once (a terminal, a pipe that somebody reads live).
        encoding: What people's tables are written in; results for programs are UTF-8.
        is_file: It was opened for this stream, which closes it.
    """

    def __init__(
        self,
        descriptor: int,
        name: str,
        *,
        interactive: bool,
        encoding: str = "utf-8",
        is_file: bool = False,
    ) -> None:
        self._descriptor = descriptor
        self._name = name
        self._interactive = interactive
        self.encoding = encoding
        self.is_file = is_file
        self._pending = bytearray()
        self._flushed = time.monotonic()

    @classmethod
    def open(cls, path: Path | None, *, overwrite: bool) -> Stream:
        """Open a file, or stdout where ``path`` is None; raises what ``open_sink`` does."""
        if path is None:
            if sys.stdout is None:
                raise OutputError("standard output is closed; write to a file with --output")
            sys.stdout.flush()
            return cls(
                sys.stdout.fileno(),
                "standard output",
                interactive=os.isatty(1),
                encoding=sys.stdout.encoding,
            )
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if overwrite else os.O_EXCL)
        try:
            return cls(os.open(path, flags, 0o666), str(path), interactive=False, is_file=True)
        except FileExistsError:
            raise UsageError(
                f"{path}: exists already; choose another name or pass --overwrite"
            ) from None
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error

    @property
    def interactive(self) -> bool:
        """Whether a terminal shows the lines."""
        return self._interactive

    def write_line(self, line: str) -> None:
        """Add one line (without its end) for programs, of texts that ``utf8`` gave."""
        self._pending += line.encode("utf-8", "backslashreplace")
        self._end_line()

    def write_text(self, line: str) -> None:
        """Add one line (without its end) for people, in the encoding of the terminal."""
        self._pending += line.encode(self.encoding, PLAIN)
        self._end_line()

    def _end_line(self) -> None:
        self._pending += b"\n"
        full = len(self._pending) >= BLOCK
        if full or self._interactive or time.monotonic() - self._flushed > INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system.

        Raises:
            OutputError: disk full or the like; the file ends after its last whole line.
            ReaderGoneError: the reader of a pipe has gone.
        """
        written = 0
        try:
            while written < len(self._pending):
                written += os.write(self._descriptor, self._pending[written:])
        except BrokenPipeError:
            self._pending.clear()
            raise ReaderGoneError from None
        except OSError as error:
            self._drop_half_line(written)
            raise OutputError(
                f"{self._name}: cannot write any more ({error.strerror}); every line that stands "
                "there is whole, free some space and run again"
            ) from error
        self._pending.clear()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close (stdout stays open)."""
        try:
            self.flush()
        finally:
            if self.is_file:
                os.close(self._descriptor)

    def _drop_half_line(self, written: int) -> None:
        whole = self._pending.rfind(b"\n", 0, written) + 1
        self._pending.clear()
        # A pipe or terminal cannot be cut back.
        with contextlib.suppress(OSError):
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            os.ftruncate(self._descriptor, end - (written - whole))
