"""The file of a pickle on its way to the unpickler: counted, unpacked, and bounded.

A few bytes can make the unpickler ask for any amount of memory; on Linux it gets ``MAX_MEMORY``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle  # for its exception only
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from edge.errors import DataError
from edge.formats.archive import open_archive
from edge.system.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

#: Called with the bytes (or items) done and in all.
Progress = Callable[[int, int], None]

_BUFFER: Final = 1 << 20

#: First bytes of a compressed file, and what opens it. pandas compresses by the name it is given.
_COMPRESSED: Final[dict[bytes, Callable[..., Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}

#: First bytes of a zip archive, which may hold one pickle beside other things, and ends of names.
ZIP: Final = b"PK\x03\x04"
PICKLES: Final = (".pkl", ".pickle")

#: Bytes that a compressed pickle may unpack to; WM-811K's has 2.1e9.
MAX_UNPACKED: Final = 4 * 2**30

#: Bytes of memory that a pickle may take; WM-811K's takes 3.2e9 until it is imported.
MAX_MEMORY: Final = 8 * 2**30

#: What reading what is packed wrongly may raise, beside an ``OSError``.
BADLY_PACKED: Final = (
    lzma.LZMAError,
    zipfile.BadZipFile,
    RuntimeError,  # an archive's member that is encrypted or packed in an unknown way
    zlib.error,
)


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins so is one that ``opened`` unpacks."""
    return start.startswith(tuple(_COMPRESSED))


@contextmanager
def opened(path: Path, progress: Progress | None) -> Iterator[BinaryIO]:
    """The pickle in a file, while it is read.

    Args:
        path: A pickle; also compressed with gzip, bzip2, xz, or in a zip archive.
        progress: Called with bytes read and bytes in all, about once a megabyte.

    Raises:
        DataError: it unpacks to more than ``MAX_UNPACKED`` bytes.
        MemoryError: reading it takes more than ``MAX_MEMORY``.
        OSError: it cannot be read; or one of ``BADLY_PACKED``.
    """
    counted = _CountedFile(path, progress)
    with io.BufferedReader(counted, _BUFFER) as file, _bounded_memory():
        start = file.peek(8)
        unpacked = _from_zip if start.startswith(ZIP) else None
        for magic, opener in _COMPRESSED.items():
            unpacked = opener if start.startswith(magic) else unpacked
        if unpacked is None:
            yield file
        else:
            yield io.BufferedReader(_Bounded(unpacked(file), str(path)), _BUFFER)


class _CountedFile(io.FileIO):
    """A file that reports how much of it has been read."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        with open_regular(path) as file:
            super().__init__(os.dup(file.fileno()))
        self._progress = progress
        self._total = os.fstat(self.fileno()).st_size
        self._done = 0

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer) or 0
        self._done += count
        if self._progress is not None:
            self._progress(self._done, self._total)
        return count


class _Bounded(io.RawIOBase):
    """What a compressed file unpacks to, up to a bound."""

    def __init__(self, file: Any, source: str) -> None:
        super().__init__()
        self._file = file
        self._source = source
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count: int = self._file.readinto(buffer)
        self._done += count
        if self._done > MAX_UNPACKED:
            what = f"{self._source}: unpacks to more than {MAX_UNPACKED >> 20:,} MB"
            raise DataError(f"{what}; if it is meant to, unpack it first")
        return count


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Inside, the process gets ``MAX_MEMORY`` more than it has, then a MemoryError."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            most = int(file.read().split()[0]) * resource.getpagesize() + MAX_MEMORY
    except (ImportError, OSError):  # a system without
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _from_zip(file: Any) -> Any:
    """The one pickle in a zip archive."""
    archive = open_archive(file)
    members = [name for name in archive.namelist() if not name.endswith("/")]
    pickles = [name for name in members if name.lower().endswith(PICKLES)] or members
    if len(pickles) != 1:
        raise pickle.UnpicklingError(f"the archive holds {len(pickles)} files; unpack the one")
    return archive.open(pickles[0])
