"""Zip archives within bounds that no archive can talk its way out of."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Largest table of contents that is read. ``zipfile`` reads it whole, wherever the archive says
#: that it is, and takes some thirty times as much memory for it; ours have ten members.
MAX_CONTENTS: Final = 2**20

#: A labelled set's wafers, and the bytes that its arrays unpack to. All 811,457 wafers of WM-811K
#: take 1.4 GB.
MAX_WAFERS: Final = 10_000_000
MAX_UNPACKED: Final = 4 * 2**30

#: What reading an archive raises. RuntimeError: encrypted, or packed in a way that ``zipfile`` does
#: not know.
UNREADABLE: Final = (
    OSError,
    ValueError,
    EOFError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


class _Bounded:
    """A file as ``zipfile`` sees it, which hands out no table of contents that is too large."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self.opened = False

    def read(self, size: int = -1) -> bytes:
        if size > MAX_CONTENTS and not self.opened:
            raise zipfile.BadZipFile("too many members")
        # Without a size, it is the end of the file, in which the table's place is looked up.
        return self._file.read(min(size, MAX_CONTENTS) if size >= 0 else MAX_CONTENTS)

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """It stays open."""


def open_archive(file: IO[bytes] | Source) -> zipfile.ZipFile:
    """Open a zip archive whose table of contents has at most ``MAX_CONTENTS`` bytes.

    Args:
        file: Binary and seekable; stays open when the archive is closed.

    Raises:
        zipfile.BadZipFile: no archive, or one of too many members.
        OSError: the file cannot be read.
    """
    bounded = _Bounded(cast(IO[bytes], file))
    archive = zipfile.ZipFile(cast(IO[bytes], bounded))
    bounded.opened = True
    return archive
