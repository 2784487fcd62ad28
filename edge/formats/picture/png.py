"""A PNG's bytes, checked so that a decoder has nothing left to complain of.

libpng prints what it finds wrong to the process's stderr. So everything that it would look at is
looked at here: the header, every checksum, the palette, the compressed rows. What is rare is then
left to it, in a file of plain chunks, unpacked already: nothing is unpacked twice.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_FIRST: Final = b"\0\0\0\rIHDR"
_HEADER: Final = struct.Struct(">IIBBBBB")
_CHUNK: Final = struct.Struct(">I4s")
_CRC: Final = struct.Struct(">I")
_ANCILLARY: Final = 0x20
#: Everything else in a PNG (text, colour profiles, times) does not change the pixels' values, but
#: may hold a bomb.
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})

_GREY, _RGB, _INDEXED, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
#: Values a pixel and the bits that one may have.
_KINDS: Final = {
    _GREY: (1, (1, 2, 4, 8, 16)),
    _RGB: (3, (8, 16)),
    _INDEXED: (1, (1, 2, 4, 8)),
    _GREY_ALPHA: (2, (8, 16)),
    _RGBA: (4, (8, 16)),
}
#: First column and row, and steps, of the seven pictures that an interlaced one consists of.
_ADAM7: Final = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
_SUB, _LAST_FILTER = 1, 4
#: Zlib packs no better than this; so much is unpacked without a look at how much it becomes.
_RATIO: Final = 1032
_UNPACKED_AT_ONCE: Final = 4 * 2**20
#: What a pixel is painted in whose number is beyond the palette; far from every palette's colours,
#: so that it is refused like any other foreign colour.
_NOWHERE: Final = b"\xfe\1\xfe"


class Size(NamedTuple):
    """What a PNG's header says."""

    width: int
    height: int
    depth: int
    kind: int
    interlaced: int


class Damaged(Exception):  # noqa: N818 - becomes an InputError where the file's name is known
    """The bytes are not those of a whole PNG."""


class CutShort(Damaged):
    """The file ends before the picture does."""


class Picture(NamedTuple):
    """A PNG that was checked.

    Attributes:
        size: What its header says.
        rows: Unpacked, each behind the number of its filter, exactly as many as ``size`` asks for.
        colours: Its palette and what is transparent, as chunks; empty where there is none.
    """

    size: Size
    rows: bytes
    colours: bytes

    def pixels(self) -> npt.NDArray[np.uint8] | None:
        """Grey, BGR or BGRA pixels of the commonest kinds, by NumPy alone; None for the others."""
        width, height, depth, kind, interlaced = self.size
        if depth != 8 or interlaced or self.colours or kind not in (_GREY, _RGB, _RGBA):
            return None
        values = _KINDS[kind][0]
        lines = np.frombuffer(self.rows, np.uint8).reshape(height, 1 + width * values)
        how = lines[0, 0]
        if how > _SUB or (lines[:, 0] != how).any():  # np.unique loads numpy.ma: 10 ms
            return None
        found = lines[:, 1:]
        if values > 1:
            found = np.ascontiguousarray(found).reshape(height, width, values)
        if how == _SUB:  # each value is stored as the difference from the one before
            found = found.cumsum(axis=1, dtype=np.uint8)
        if values == 1:
            return found
        order = cv2.COLOR_RGB2BGR if values == 3 else cv2.COLOR_RGBA2BGRA
        return cast("npt.NDArray[np.uint8]", cv2.cvtColor(found, order))

    def packed(self) -> bytes:
        """A PNG of plain chunks, the rows unpacked."""
        rows = _chunk(b"IDAT", zlib.compress(self.rows, 0))
        header = _chunk(b"IHDR", _HEADER.pack(*self.size[:4], 0, 0, self.size.interlaced))
        return b"".join([SIGNATURE, header, self.colours, rows, _chunk(b"IEND", b"")])


def checked(data: bytes, check_size: Callable[[int, int], None]) -> Picture:
    """Take a PNG apart.

    Args:
        data: A whole file that starts with ``SIGNATURE``.
        check_size: Called with width and height before anything is unpacked; raises what refuses
            them.

    Raises:
        Damaged: it cannot be read exactly.
    """
    if data[8:16] != _FIRST:
        raise Damaged if len(data) >= 16 else CutShort
    *sides, depth, kind, packing, filters, interlaced = _HEADER.unpack_from(data, 16)
    size = Size(sides[0], sides[1], depth, kind, interlaced)
    check_size(size.width, size.height)
    values, depths = _KINDS.get(kind, (0, ()))
    if depth not in depths or packing or filters or interlaced > 1:
        raise Damaged
    chunks = _chunks(data)
    colours = b""
    if kind == _INDEXED:
        colours = _palette(chunks, 1 << depth)
    elif b"tRNS" in chunks and kind in (_GREY, _RGB):
        (transparent,) = chunks[b"tRNS"]
        if len(transparent) != 2 * values:
            raise Damaged
        levels = [level & (1 << depth) - 1 for level in struct.unpack(f">{values}H", transparent)]
        colours = _chunk(b"tRNS", struct.pack(f">{values}H", *levels))
    return Picture(size, _unpacked(chunks[b"IDAT"], size, values * depth), colours)


def _chunks(data: bytes) -> dict[bytes, list[memoryview]]:
    """The bodies of the chunks that matter, each with its checksum compared."""
    view = memoryview(data)
    found: dict[bytes, list[memoryview]] = {}
    position, tag = len(SIGNATURE), b""
    while tag != b"IEND":
        length, tag = _CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > len(data):
            raise CutShort
        if tag in _KEPT:
            (checksum,) = _CRC.unpack_from(data, end - 4)
            if zlib.crc32(view[position + 4 : end - 4]) != checksum:
                raise Damaged
            found.setdefault(tag, []).append(view[position + 8 : end - 4])
        elif tag != b"IEND" and not tag[0] & _ANCILLARY:
            raise Damaged
        position = end
    if b"IDAT" not in found or any(len(found[tag]) > 1 for tag in found if tag != b"IDAT"):
        raise Damaged
    return found


def _palette(chunks: dict[bytes, list[memoryview]], most: int) -> bytes:
    (palette,) = chunks.get(b"PLTE") or (memoryview(b""),)
    colours, rest = divmod(len(palette), 3)
    if rest or not 1 <= colours <= most:
        raise Damaged
    found = _chunk(b"PLTE", bytes(palette) + _NOWHERE * (most - colours))
    if b"tRNS" not in chunks:
        return found
    (opacity,) = chunks[b"tRNS"]
    if not 1 <= len(opacity) <= colours:
        raise Damaged
    return found + _chunk(b"tRNS", bytes(opacity))


def _unpacked(pieces: list[memoryview], size: Size, bits: int) -> bytes:
    """The filtered rows, exactly as many as the header asks for."""
    passes = list(_passes(size, bits))
    expected = sum(height * stride for height, stride in passes)
    packed = b"".join(pieces)
    try:
        if len(packed) * _RATIO <= _UNPACKED_AT_ONCE:
            rows = zlib.decompress(packed, bufsize=expected)[:expected]
        else:
            unpacking = zlib.decompressobj()
            rows = unpacking.decompress(packed, expected)
            unpacking.decompress(unpacking.unconsumed_tail, 1)  # to the end: its sum is compared
    except zlib.error as error:
        raise Damaged from error
    if len(rows) < expected:
        raise Damaged
    start = 0
    for height, stride in passes:
        if max(rows[start : start + height * stride : stride]) > _LAST_FILTER:
            raise Damaged
        start += height * stride
    return rows


def _passes(size: Size, bits: int) -> Iterator[tuple[int, int]]:
    """Rows, and bytes a row, of each picture that the rows are stored as."""
    for left, top, across, down in _ADAM7 if size.interlaced else ((0, 0, 1, 1),):
        width = -(-(size.width - left) // across)
        height = -(-(size.height - top) // down)
        if width > 0 and height > 0:
            yield height, 1 + -(-width * bits // 8)


def _chunk(tag: bytes, body: bytes) -> bytes:
    sum_ = zlib.crc32(body, zlib.crc32(tag))
    return b"".join([_CHUNK.pack(len(body), tag), body, _CRC.pack(sum_)])
