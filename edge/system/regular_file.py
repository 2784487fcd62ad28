"""Opening a file that a person named, without ever waiting for it.

A pipe that nobody writes to, a device that never ends: a name may lead to any of them, and to
another one a moment after it was looked at. So it is opened without waiting, and what was opened is
looked at.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Final

from edge.errors import UsageError

#: Not to be had on Windows, where opening does not wait.
_NOW: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

#: Read at a time: so much is set aside, whatever the file holds.
_PIECE: Final = 2**18

#: Largest text file where nothing else is said: settings, and what runs note of themselves.
MAX_TEXT: Final = 64 * 2**20


def open_regular(path: str | Path) -> io.FileIO:
    """Open a file for reading, unbuffered; its number is not inherited by child processes.

    Raises:
        OSError: it cannot be opened, or is a folder, pipe, socket or device.
        ValueError: not a file name (a NUL in it).
    """
    descriptor = os.open(path, os.O_RDONLY | _NOW)
    try:
        check_regular(os.fstat(descriptor), path)
        return io.FileIO(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def expanded(text: str) -> Path:
    """A path with ``~`` or ``~user`` replaced by the home.

    Raises:
        UsageError: nobody has that home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        home = text.partition("/")[0]
        raise UsageError(f"there is no home {home}; write the path in full") from None


def check_regular(status: os.stat_result, path: str | Path) -> None:
    """Refuse what is no regular file.

    Raises:
        OSError: it is a folder, pipe, socket or device.
    """
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(
            errno.ENXIO, "not a regular file but a pipe, socket or device", os.fspath(path)
        )


def read_bytes(path: str | Path, most: int) -> bytes:
    """All of a file.

    Raises:
        OSError: as ``open_regular``; it has more than ``most`` bytes.
        ValueError: as ``open_regular``.
    """
    with open_regular(path) as file:
        content = bytearray()
        while piece := file.read(min(_PIECE, most + 1 - len(content))):
            content += piece
            if len(content) > most:
                raise OSError(errno.EFBIG, f"larger than {most:,} bytes", os.fspath(path))
    return bytes(content)


def read_text(path: str | Path, most: int = MAX_TEXT) -> str:
    """All of a text file in UTF-8, with or without a byte order mark; LF alone at line ends.

    Raises:
        OSError: as ``read_bytes``.
        ValueError: as ``open_regular``; not UTF-8.
    """
    return read_bytes(path, most).decode("utf-8-sig").replace("\r\n", "\n")
