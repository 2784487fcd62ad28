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


def writer_of(descriptor: int) -> Writer:
    """Whether somebody has a file open for writing.

    Linux grants a read lease on a file only while nobody does. It is given back at once; a program
    that opens the file in that moment waits for microseconds. Leases are to be had for files of
    one's own and, with CAP_LEASE, for all.

    Args:
        descriptor: Of the file, opened for reading.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return Writer.UNKNOWN
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return Writer.OPEN if error.errno == errno.EAGAIN else Writer.UNKNOWN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return Writer.NONE


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
