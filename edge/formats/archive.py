"""Zip archives, and the arrays in them, within bounds that no archive can talk its way out of."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from edge.errors import InputError
from edge.system.regular_file import open_regular

if TYPE_CHECKING:
    from edge.formats.reading import Source

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

_MEMBER: Final = ".npy"
_PIECE: Final = 2**20


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


class Arrays:
    """The arrays of an ``.npz`` file, read one by one within a ``with`` block.

    What goes wrong leaves as one of ``UNREADABLE``.

    Attributes:
        names: Of the arrays.
    """

    def __init__(self, path: Path) -> None:
        self._left = MAX_UNPACKED
        with ExitStack() as opened:
            file = opened.enter_context(open_regular(path))
            self._archive = opened.enter_context(open_archive(file))
            self._opened = opened.pop_all()
        members = self._archive.namelist()
        self.names = frozenset(
            name.removesuffix(_MEMBER) for name in members if name.endswith(_MEMBER)
        )

    def __enter__(self) -> Arrays:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def read(self, name: str) -> npt.NDArray[Any]:
        """An array in memory; never one of Python objects.

        Raises:
            KeyError: there is none of that name.
            ValueError: it is no plain array, or all that were read unpack to more than
                ``MAX_UNPACKED`` bytes.
        """
        with self._archive.open(name + _MEMBER) as stream:
            try:
                from edge.formats.npy import read_header

                header = read_header(cast("Source", stream), name)
            except InputError as error:
                raise ValueError(str(error)) from error
            size = header.size
            self._left -= size
            if self._left < 0:
                raise ValueError(f"its arrays unpack to more than {MAX_UNPACKED >> 30} GiB")
            content = bytearray(size)
            done = 0
            while piece := stream.read(min(_PIECE, size + 1 - done)):  # the last: its checksum
                if done + len(piece) > size:
                    raise ValueError(f"{name}: more data than declared")
                content[done : done + len(piece)] = piece
                done += len(piece)
        if done < size:
            raise ValueError(f"{name}: less data than declared")
        if not size:
            return np.zeros(header.shape, header.dtype)
        return header.shaped(np.frombuffer(content, header.dtype))
