"""One station a file: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from edge.errors import OutputError, UsageError

#: A link that somebody laid under its name must not lead the number of the holder elsewhere.
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Lock:
    """An exclusive lock beside a file, held by this process until it ends.

    POSIX record locks belong to the process: a child does not inherit them, and nothing is left
    behind by ``kill -9``. The lock file itself stays; it holds the number of the last holder.

    Args:
        path: What is locked; links to one file share its lock.

    Raises:
        UsageError: another process holds it.
        OutputError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        real = path.resolve()
        self._path = real.with_name(f"{real.name}.lock")
        try:
            self._descriptor = os.open(self._path, _FLAGS, 0o644)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                os.close(self._descriptor)
                raise OutputError(f"{self._path}: cannot be locked ({error.strerror})") from error
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise UsageError(
                f"{path}: in use by another station (process {holder or 'unknown'}); "
                "stop that one, or give this one a file of its own"
            ) from None
        with contextlib.suppress(OSError):  # on a full disk the number is missing, no more
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
