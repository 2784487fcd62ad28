"""Compressed files and archives: the files in them, one after the other, within bounds.

Nothing is written to a disk. An archive (zip, tar) may hold compressed files, and a tar may be
compressed itself; nothing is unpacked deeper than that.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.formats.archive import UNREADABLE, open_archive
from edge.formats.registry import SUFFIXES, begins_well, by_content, is_asked, is_visible
from edge.formats.tar import check_tar, in_tar
from edge.formats.unpacking import (
    HEAD_BYTES,
    PIECE,
    RATIO,
    SMALL,
    Packing,
    Stream,
    Unpacked,
    packing_of,
    taken,
    unpacked_name,
)
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Files in an archive; zip's table of contents ends before that.
MAX_FILES: Final = 10_000

#: What stands between an archive's name and that of a file in it.
MEMBER: Final = "!"

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_CLIMBS: Final = re.compile(r"\A(?:[/\\]|[A-Za-z]:)|(?:\A|[/\\])\.\.(?:[/\\]|\Z)|\0")
#: Names in other kinds of files that are zips.
_OFFICE: Final = ("[Content_Types].xml", "mimetype")

#: What one damaged file in an archive raises; what the disk does is none of its faults.
_DAMAGE: Final = (
    ValueError,
    ArithmeticError,
    EOFError,
    LookupError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

Item = WaferMap | InputError


class PackedFile:
    """A file in a compressed file or an archive, read once from its beginning to its end.

    Args:
        stream: Its content.
        name: Its own name, of which the suffix may count.
        source: Its name for messages and records.

    Attributes:
        head: Its first ``HEAD_BYTES`` bytes, or all.
    """

    def __init__(self, stream: Stream, name: str, source: str) -> None:
        self.name, self.source = name, source
        self._stream = stream
        self.head = taken(stream, HEAD_BYTES)
        self._ahead = self.head
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        if self._ahead:
            data = self._ahead[:size] if size >= 0 else self._ahead
            self._ahead = self._ahead[len(data) :]
        else:
            data = self._stream.read(size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """It cannot be sought in."""
        raise io.UnsupportedOperation("a packed file is read from its beginning to its end")

    def tell(self) -> int:
        """Current offset."""
        return self._at

    def whole(self, most: int) -> io.BytesIO:
        """All of it, in memory. Its checksum was compared.

        Raises:
            InputError: it has more than ``most`` bytes, or is damaged.
        """
        whole = io.BytesIO()
        while piece := self.read(PIECE):
            whole.write(piece)
            if whole.tell() > most:
                what = f"unpacks to more than {most >> 20} MiB; unpack it"
                raise InputError(self.source, InputKind.TOO_LARGE, what)
        whole.seek(0)
        return whole


def is_of_files(file: Source, source: str) -> bool:
    """Whether a zip that begins with an array holds files, and not the arrays of one thing.

    Args:
        file: A zip, standing anywhere; afterwards at its beginning.
        source: Its name; of ``.npz`` all arrays are of one thing.
    """
    from edge.formats import labelled_set

    try:
        with open_archive(file) as archive:
            names = [
                info.filename for info in archive.infolist() if not info.filename.endswith("/")
            ]
        if "dies.npy" in names or not names:
            return False
        if any(not name.endswith(".npy") for name in names):
            return True
        if source.lower().endswith(".npz"):
            return False
        labelled_set.count(file, source)
    except InputError:
        return True
    except UNREADABLE:
        return False
    finally:
        file.seek(0)
    return False


ReadOne = Callable[[PackedFile], Iterator[Item]]


def read_files(file: Source, head: bytes, source: str, read_one: ReadOne) -> Iterator[Item]:
    """The wafers of all files in it; those that are no wafer maps are passed over as in a folder.

    Args:
        file: A compressed file or an archive, standing at its beginning.
        head: Its first bytes.
        source: Its name.
        read_one: Reads the wafers of one file in it.

    Yields:
        Wafers, counted through the archive; an ``InputError`` for a file in it that cannot be read.

    Raises:
        InputError: it cannot be unpacked, or holds no wafer map.
    """
    packing = packing_of(head)
    if packing is Packing.ZIP:
        yield from _read_all(_in_zip(file, source), source, read_one)
        return
    if packing is Packing.TAR:
        check_tar(file, source)
        file.seek(0)
        yield from _read_all(in_tar(file, source), source, read_one)
        return
    packed = PackedFile(Unpacked(file, packing, source), unpacked_name(source), source)
    if packing_of(packed.head) is Packing.TAR:
        # Of one that is cut off nothing is read.
        check_tar(packed, source)
        file.seek(0)
        again = Unpacked(file, packing, source)
        yield from _read_all(in_tar(again, source), source, read_one)
        return
    _check_depth(packed)
    yield from read_one(packed)


def _read_all(
    files: Iterator[tuple[str, Stream]], source: str, read_one: ReadOne
) -> Iterator[Item]:
    wafers = count = read = 0
    for name, stream in files:
        count += 1
        if count > MAX_FILES:
            what = f"more than {MAX_FILES:,} files in it; divide it"
            raise InputError(source, InputKind.TOO_LARGE, what)
        full = f"{source}{MEMBER}{name}"
        try:
            packed = _opened(stream, name, full)
            if packed is None:
                continue
            read += 1
            for item in read_one(packed):
                if isinstance(item, WaferMap):
                    yield replace(item, index=wafers)
                    wafers += 1
                else:
                    yield item
        except InputError as error:
            read += 1
            yield error
        except _DAMAGE as error:
            read += 1
            what = f"damaged in the archive ({error}); copy or pack it again"
            yield InputError(full, InputKind.UNREADABLE, what)
    if not read:
        what = f"no wafer map among its {count} files; looked for {' '.join(sorted(SUFFIXES))}"
        raise InputError(source, InputKind.NOT_A_MAP, what)


def _opened(stream: Stream, name: str, full: str) -> PackedFile | None:
    """A file of an archive; None for one that would be passed over in a folder."""
    if _CLIMBS.search(name):
        what = "a name that leads out of the archive; pack it again"
        raise InputError(full, InputKind.UNSUPPORTED, what)
    if not all(is_visible(part) for part in name.split("/") if part != "."):
        return None
    packed = PackedFile(stream, name, full)
    packing = packing_of(packed.head)
    if packing.is_compression:
        packed = PackedFile(Unpacked(packed, packing, full), unpacked_name(name), full)
    inner = packed.name.rpartition("/")[2]
    if is_asked(inner) and not begins_well(inner, packed.head):
        return None
    _check_depth(packed)
    return packed


def _check_depth(packed: PackedFile) -> None:
    """Refuse what would have to be unpacked once more."""
    found = by_content(packed.head)
    # An empty one, or one of arrays, begins as a labelled set does.
    is_zip = packed.name.lower().endswith(".zip") and packing_of(packed.head) is Packing.ZIP
    if is_zip or (found and found.holds_files):
        what = "an archive in an archive, or compressed twice; unpack the outer one"
        raise InputError(packed.source, InputKind.UNSUPPORTED, what)


def _in_zip(file: Source, source: str) -> Iterator[tuple[str, Stream]]:
    with _damage(source), open_archive(file) as archive:
        files = [info for info in archive.infolist() if not info.filename.endswith("/")]
        _check_zip(files, file.seek(0, io.SEEK_END), source)
        for info in files:
            with archive.open(info) as stream:
                yield info.filename, stream


def _check_zip(files: list[zipfile.ZipInfo], size: int, source: str) -> None:
    """Refuse, by its table of contents, what is no archive of maps or would get too large."""
    if any(info.filename in _OFFICE for info in files):
        what = "a document of an office program; save the sheet as CSV"
        raise InputError(source, InputKind.UNSUPPORTED, what)
    if sum(info.file_size for info in files) > max(SMALL, RATIO * size):
        what = f"unpacks to more than {RATIO} times its size; unpack it if that is meant"
        raise InputError(source, InputKind.TOO_LARGE, what)
    for info in files:
        if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
            what = f"{info.filename} is encrypted or packed in an unusual way; unpack it"
            raise InputError(source, InputKind.UNSUPPORTED, what)


@contextmanager
def _damage(source: str) -> Iterator[None]:
    """What ``zipfile`` raises, as an error that names the file."""
    try:
        yield
    except UNREADABLE as error:
        what = f"a damaged zip archive ({error}); copy it again"
        raise InputError(source, InputKind.UNREADABLE, what) from error
