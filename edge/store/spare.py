"""A second copy of a write-ahead log while a station runs: what harms the log loses no record.

A log holds the records of the last seconds alone, a few megabytes; the copy is in memory that the
process does not map.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.store.wal import Index, LogFile
from edge.system.files import replacing

#: Bytes of a log beyond which there is no copy of it: another program keeps it from being emptied.
LARGEST: Final = 16 * 2**20


class Spare:
    """The copy; nothing is copied where the system has no such memory."""

    def __init__(self) -> None:
        self._copy: int | None = None
        self._salts = b""
        self._length = 0
        self._log: LogFile | None = None
        with suppress(OSError, AttributeError):
            self._copy = os.memfd_create("wm-edge-log")

    def follow(self, descriptor: int, index: Index | None) -> bool:
        """A transaction was finished: copy what it added of the log.

        Returns:
            False where the log holds less; what was copied before stays.
        """
        if self._copy is None or index is None:
            return True
        if self._log is None or self._log.salts != index.salts:
            self._log = LogFile(descriptor)
        length = self._log.length(index.frames)
        start = self._length if self._salts == index.salts and self._length <= length else 0
        self._salts, self._length = index.salts, start
        try:
            if not start or length > LARGEST:
                self._length = 0
                os.ftruncate(self._copy, 0)
            if length <= LARGEST:
                copy_range(descriptor, self._copy, start, length)
                self._length = length
        except OSError as error:
            return error.errno != errno.EIO  # else there is no room for a copy
        return True

    def of(self, index: Index | None = None) -> tuple[int, int] | None:
        """The copy's descriptor and length, if there is one of the log that ``index`` tells of.

        Another program may have written more since.
        """
        if self._copy is None or not self._length or (index and index.salts != self._salts):
            return None
        return self._copy, self._length

    def close(self) -> None:
        """Let go of the memory."""
        if self._copy is not None:
            os.close(self._copy)
            self._copy = None


def write_copy(descriptor: int, length: int, target: str) -> None:
    """Write the beginning of a file to another one, whole or not at all, and onto the disk."""
    with replacing(Path(target)) as file:
        copy_range(descriptor, file.fileno(), 0, length)
        os.fsync(file.fileno())


def copy_range(source: int, target: int, start: int, stop: int) -> None:
    """Copy bytes of one file to the same place in another; an ``OSError`` where there are fewer."""
    os.lseek(target, start, os.SEEK_SET)
    while start < stop:
        count = os.sendfile(target, source, start, stop - start)
        if not count:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        start += count
