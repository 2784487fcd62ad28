"""Does another program still write a file? Asked of the operating system where it can tell."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
from enum import Enum
from pathlib import Path
from typing import Final

#: File systems of other machines: what a writer there does is not known here.
_REMOTE: Final = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "afs", "glusterfs", "lustre")


class Writer(str, Enum):
    """What the operating system says of a file."""

    NONE = "none"
    OPEN = "open"
    UNKNOWN = "unknown"


class Lease:
    """A read lease on a file: as long as it is held, nobody can begin to write the file.

    Linux grants it only while nobody has the file open for writing; a program that opens it
    meanwhile waits until the lease is given back, or the file closed. Leases are to be had for
    files of one's own and, with CAP_LEASE, for all.

    Args:
        descriptor: Of the file, opened for reading.

    Attributes:
        writer: ``NONE`` where the lease is held.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.writer = Writer.UNKNOWN
        if hasattr(fcntl, "F_SETLEASE"):
            try:
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                self.writer = Writer.NONE
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    self.writer = Writer.OPEN

    def is_wanted(self) -> bool:
        """Whether somebody waits to write the file."""
        if self.writer is not Writer.NONE:
            return False
        return fcntl.fcntl(self._descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK

    def give_back(self) -> None:
        """Let others write."""
        if self.writer is Writer.NONE:
            fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def writer_of(descriptor: int) -> Writer:
    """Whether somebody has a file open for writing.

    A program that opens the file in that moment waits for microseconds.

    Args:
        descriptor: Of the file, opened for reading.
    """
    lease = Lease(descriptor)
    lease.give_back()
    return lease.writer


def leases_harmless() -> None:
    """Ignore the signal by which the kernel asks for a lease back; called in the main thread."""
    if hasattr(signal, "SIGIO"):
        signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_remote(path: str | Path) -> bool:
    """Whether a folder lies on another machine; False where that cannot be found out."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        device = os.stat(path).st_dev  # noqa: PTH116
        wanted = f"{os.major(device)}:{os.minor(device)}"
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2] == wanted:
                return after.split()[0].startswith(_REMOTE)
    return False
