"""One station a file: locks that the operating system lets go of when their holder dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.errors import OutputError, UsageError

#: A link that somebody laid under its name must not lead the number of the holder elsewhere.
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

#: ``struct flock`` with 64-bit offsets: type, whence, start, length, process.
_FLOCK: Final = struct.Struct("@hhqqi0q")

#: Locks that belong to the open file. Linux has them; ``fcntl`` names them from Python 3.9 on.
_GET: Final = getattr(fcntl, "F_OFD_GETLK", 36)
_SET: Final = getattr(fcntl, "F_OFD_SETLK", 37)

#: Where a database file is claimed: far beyond what SQLite locks, and beyond any content.
_FAR: Final = 2**62

#: The bytes that SQLite locks while a connection is open (SHARED_FIRST, SHARED_SIZE).
_SQLITE: Final = (0x40000002, 510)

#: The bytes of ``-shm`` that whoever writes, checkpoints or recovers a log locks.
_WRITERS: Final = (120, 3)

#: Bytes of the lock file: the holder's number, and a note.
_NOTE: Final = 160


class Lock:
    """An exclusive lock beside a file, held by this process until it ends.

    POSIX record locks belong to the process: a child does not inherit them, and nothing is left
    behind by ``kill -9``. The lock file itself stays; it holds the number of the last holder and
    what it noted.

    Args:
        path: What is locked; links to one file share its lock.

    Attributes:
        noted: What the last holder noted; empty where nothing is known.

    Raises:
        UsageError: another process holds it.
        OutputError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        real = path.resolve()
        self._path = real.with_name(f"{real.name}.lock")
        self._is_made = not os.path.lexists(self._path)
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
            holder = self._lines()[0]
            os.close(self._descriptor)
            raise in_use(path, holder) from None
        self.note(self._lines()[1])

    def note(self, text: str) -> None:
        """Leave a line for the next holder; it need not survive a power cut."""
        self.noted = text
        with contextlib.suppress(OSError):  # on a full disk it is missing, no more
            content = f"{os.getpid()}\n{text}\n".encode().ljust(_NOTE)
            os.pwrite(self._descriptor, content, 0)

    def release(self, *, discard: bool = False) -> None:
        """Let go of it; ``discard`` takes the lock file away, if this made it."""
        if discard and self._is_made:
            with contextlib.suppress(OSError):
                self._path.unlink()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _lines(self) -> list[str]:
        content = os.pread(self._descriptor, _NOTE, 0).decode("ascii", "replace")
        return [line.strip() for line in [*content.split("\n"), "", ""][:2]]


def in_use(path: Path, holder: str) -> UsageError:
    """Another station has a file."""
    what = f"{path}: in use by another station (process {holder or 'unknown'})"
    return UsageError(f"{what}; stop that one, or give this one a file of its own")


def claim(descriptor: int, path: Path) -> None:
    """Claim an open database file for this process, whatever becomes of its lock file.

    Held until the descriptor is closed. To close any other descriptor of the file meanwhile would
    let go of SQLite's own locks, not of this one. Where the system has no such locks, the lock file
    is all there is.

    Raises:
        UsageError: another one has claimed it.
    """
    # The length of what is locked tells who holds it: locks of an open file carry no process.
    if not _lock(descriptor, fcntl.F_WRLCK, _FAR, 1 + os.getpid()):
        raise in_use(path, _claimer(descriptor))


def keep_log(descriptor: int) -> None:
    """Let nobody's last connection, ours neither, put a log into the database and delete it."""
    _lock(descriptor, fcntl.F_RDLCK, *_SQLITE)


def let_log_go(descriptor: int) -> None:
    """Undo ``keep_log``."""
    _lock(descriptor, fcntl.F_UNLCK, *_SQLITE)


@contextlib.contextmanager
def alone(descriptor: int, path: Path) -> Iterator[None]:
    """While the block runs, no other program writes the log or puts it into the database.

    Args:
        descriptor: Of the log's index, open for writing.
        path: The database file, for messages.

    Raises:
        OutputError: another one is at it.
    """
    if not _lock(descriptor, fcntl.F_WRLCK, *_WRITERS):
        raise OutputError(
            f"{path}: its log is damaged, and another program writes the store; end that one"
        )
    try:
        yield
    finally:
        _lock(descriptor, fcntl.F_UNLCK, *_WRITERS)


def _lock(descriptor: int, kind: int, start: int, length: int) -> bool:
    """Returns whether it is locked, or cannot be on this system."""
    try:
        fcntl.fcntl(descriptor, _SET, _FLOCK.pack(kind, os.SEEK_SET, start, length, 0))
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)
    return True


def _claimer(descriptor: int) -> str:
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _FAR, 1, 0)
    with contextlib.suppress(OSError):
        kind, _, _, length, _ = _FLOCK.unpack(fcntl.fcntl(descriptor, _GET, asked))
        if kind != fcntl.F_UNLCK:
            return str(length - 1)
    return ""
