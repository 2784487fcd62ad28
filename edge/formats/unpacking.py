"""Streams of gzip, bzip2 and xz, unpacked piece by piece; what gets too large is refused."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from typing import Any, Final, Protocol

from edge.errors import InputError, InputKind
from edge.system.choice import Choice

#: How much of a file, or of what is packed in one, is read at first to tell its format. Most wafer
#: maps are smaller, and so read at one go.
HEAD_BYTES: Final = 32 * 1024

#: Read and unpacked at a time.
PIECE: Final = 2**18

#: What unpacks to more than ``SMALL`` bytes may be ``RATIO`` times as large as it was packed: files
#: of testers get ten times as small, maps as text up to some hundred times.
SMALL: Final = 64 * 2**20
RATIO: Final = 250

#: An xz stream may ask for so much memory: its strongest preset takes 65 MiB.
_XZ_MEMORY: Final = 128 * 2**20


class Packing(Choice):
    """How files are packed into one, by its first bytes."""

    NONE = "none"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZIP = "zip"
    TAR = "tar"
    #: Known, and not read.
    ZSTD = "zstd"
    COMPRESS = "compress (.Z)"
    SEVEN_ZIP = "7-Zip"
    RAR = "RAR"
    LZ4 = "lz4"

    @property
    def is_compression(self) -> bool:
        """Whether it packs one file, not several."""
        return self not in (Packing.NONE, Packing.ZIP, Packing.TAR)


#: A number of eight bytes in a tar.
_OCTAL: Final = rb"[ 0-7]{5}[0-7][ \0]{2}|[ 0-7]{6}[0-7][ \0]"
_SIGNATURES: Final = {
    Packing.GZIP: rb"\x1f\x8b\x08",
    Packing.BZIP2: rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
    Packing.XZ: rb"\xfd7zXZ\0",
    Packing.ZIP: rb"PK\x03\x04|PK\x05\x06",
    # Old ones have no mark: a name that is filled up, and numbers to the base of 8.
    Packing.TAR: b".{257}ustar|(?=[^\\0]{1,99}\\0).{100}(?:%b){3}(?:%b){2}(?:%b)[\\0\\d]"
    % (_OCTAL, rb"[ 0-7]{10}[0-7][ \0]", _OCTAL),
    Packing.ZSTD: rb"\x28\xb5\x2f\xfd",
    Packing.COMPRESS: rb"\x1f\x9d",
    Packing.SEVEN_ZIP: rb"7z\xbc\xaf\x27\x1c",
    Packing.RAR: rb"Rar!\x1a\x07",
    Packing.LZ4: rb"\x04\"M\x18",
}
_PACKINGS: Final = tuple(_SIGNATURES)
#: Of any of them.
SIGNATURE: Final = re.compile(
    b"|".join(b"(" + pattern + b")" for pattern in _SIGNATURES.values()), re.DOTALL
)
_SUFFIX: Final = re.compile(r"(?i)\.(?:gz|bz2|xz)\Z")
_TAR_SUFFIX: Final = re.compile(r"(?i)\.t(?:gz|bz2?|xz)\Z")


def packing_of(head: bytes) -> Packing:
    """How a file that begins so is packed."""
    found = SIGNATURE.match(head)
    return _PACKINGS[found.lastindex - 1] if found and found.lastindex else Packing.NONE


def unpacked_name(name: str) -> str:
    """A compressed file's name without the suffix that says so."""
    return _TAR_SUFFIX.sub(".tar", _SUFFIX.sub("", name))


class Stream(Protocol):
    """Bytes, front to back."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most ``size``; none at the end."""


def taken(stream: Stream, size: int) -> bytes:
    """The next ``size`` bytes, or all that are left."""
    data = bytearray()
    while len(data) < size and (piece := stream.read(min(PIECE, size - len(data)))):
        data += piece
    return bytes(data)


class _Decompressor(Protocol):
    """What ``bz2`` and ``lzma`` have."""

    @property
    def eof(self) -> bool:
        """Whether the stream is at its end."""

    @property
    def needs_input(self) -> bool:
        """Whether it has unpacked all that it was given."""

    @property
    def unused_data(self) -> bytes:
        """What was behind the stream's end."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack."""


class _Gzip:
    """``zlib`` like the other two; it compares the checksum at the end."""

    def __init__(self) -> None:
        import zlib

        self._object: Any = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return bool(self._object.eof)

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return bytes(self._object.unused_data)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return bytes(self._object.decompress(self._object.unconsumed_tail + data, max_length))


def _decompressor(packing: Packing, source: str) -> _Decompressor:
    if packing is Packing.GZIP:
        return _Gzip()
    if packing is Packing.BZIP2:
        import bz2

        return bz2.BZ2Decompressor()
    if packing is Packing.XZ:
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    what = f"packed by {packing.value}, which is not read; unpack it, or use gzip"
    raise InputError(source, InputKind.UNSUPPORTED, what)


class Unpacked:
    """What a compressed file unpacks to, front to back; several streams end to end are one.

    Args:
        stream: The compressed file, standing at its beginning.
        packing: How it is compressed.
        source: Its name for messages.

    Raises:
        InputError: such compression is not read.
    """

    def __init__(self, stream: Stream, packing: Packing, source: str) -> None:
        self._stream, self._packing, self._source = stream, packing, source
        self._decompressor = _decompressor(packing, source)
        self._ready = b""
        self._taken = self._given = 0
        self._is_over = False

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most ``size``; none at the end, where checksums were compared.

        Raises:
            InputError: it is cut off, damaged, or gets too large.
        """
        import lzma
        import zlib

        while not self._ready and not self._is_over:
            try:
                self._ready = self._next()
            except (EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise self._damaged(str(error)) from error
            except OSError as error:
                if error.errno is not None:  # the disk's, not the decompressor's
                    raise
                raise self._damaged(str(error)) from error
        self._given += len(self._ready)
        if self._given > max(SMALL, RATIO * self._taken):
            what = f"unpacks to more than {RATIO} times its size; unpack it if that is meant"
            raise InputError(self._source, InputKind.TOO_LARGE, what)
        data = self._ready[:size] if size >= 0 else self._ready
        self._ready = self._ready[len(data) :]
        self._given -= len(self._ready)
        return data

    def _next(self) -> bytes:
        current = self._decompressor
        if not current.eof:
            data = self._more() if current.needs_input else b""
            unpacked = current.decompress(data, PIECE)
            if not (data or unpacked or current.eof):
                raise self._damaged("it is cut off")
            return unpacked
        # Others may follow; zeros only fill up a tape's last block.
        rest = current.unused_data.lstrip(b"\0")
        while not rest and (data := self._more()):
            rest = data.lstrip(b"\0")
        if not rest:
            self._is_over = True
            return b""
        self._decompressor = _decompressor(self._packing, self._source)
        return self._decompressor.decompress(rest, PIECE)

    def _more(self) -> bytes:
        data = self._stream.read(PIECE)
        self._taken += len(data)
        return data

    def _damaged(self, why: str) -> InputError:
        what = f"not a whole {self._packing.value} file ({why}); copy it again"
        return InputError(self._source, InputKind.UNREADABLE, what)


def unpacked_head(head: bytes) -> bytes:
    """What the first bytes of a compressed file unpack to, as far as they do."""
    packing = packing_of(head)
    found = bytearray()
    if packing.is_compression:
        with suppress(InputError):
            stream = Unpacked(io.BytesIO(head), packing, "")
            while len(found) < HEAD_BYTES and (piece := stream.read(HEAD_BYTES)):
                found += piece
    return bytes(found)
