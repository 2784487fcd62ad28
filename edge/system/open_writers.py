"""Does another program still write a file? Asked of the operating system where it can tell."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

#: File systems of which every writer goes through this kernel, so that it knows them all. Of a
#: share, or of anything that a program makes up (FUSE), it knows its own alone.
LOCAL: Final = (
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "nilfs2", "reiserfs", "bcachefs", "zfs",
    "tmpfs", "ramfs", "overlay", "vfat", "msdos", "exfat", "ntfs3", "fuseblk", "hfsplus", "udf",
)  # fmt: skip

_MOUNTS: Final = Path("/proc/self/mountinfo")


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
    """Whether somebody has a file, open here for reading, open for writing.

    A program that opens the file in that moment waits for microseconds.
    """
    lease = Lease(descriptor)
    lease.give_back()
    return lease.writer


def leases_harmless() -> None:
    """Ignore the signal by which the kernel asks for a lease back; called in the main thread."""
    if hasattr(signal, "SIGIO"):
        signal.signal(signal.SIGIO, signal.SIG_IGN)


class FileSystems:
    """Where the operating system knows who writes a file; for one thread.

    Asked by device, so that whatever is mounted somewhere below a folder, and whenever, is seen.
    """

    def __init__(self) -> None:
        self._tells: dict[int, bool] = {}
        self._changes = select.poll()
        self._mounts: BinaryIO | None = None
        with contextlib.suppress(OSError):
            self._mounts = _MOUNTS.open("rb")
            self._changes.register(self._mounts, select.POLLPRI)

    def tell(self, path: str) -> bool:
        """Whether the file system of a file tells who writes it."""
        try:
            device = os.lstat(path).st_dev
        except (OSError, ValueError):
            return False
        if self._changes.poll(0):  # a device's number may be given to another one
            self._tells.clear()
        known = self._tells.get(device)
        if known is None:
            known = self._tells[device] = _kind(path) in LOCAL
        return known

    def close(self) -> None:
        """Let go of the list of mounts."""
        if self._mounts is not None:
            self._mounts.close()


def _kind(path: str) -> str:
    """What file system a file lies in; empty where that cannot be found out.

    By the mount, not by the device: Btrfs and overlays give numbers that no list of mounts has.
    """
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            about = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        finally:
            os.close(descriptor)
        number = about.partition("mnt_id:")[2].split()[0]
        for line in _MOUNTS.read_text("utf-8", "replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[0] == number:
                return after.split()[0]
    return ""
