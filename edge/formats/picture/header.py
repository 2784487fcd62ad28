"""What a picture's bytes claim about themselves, checked before any decoder sees them.

The decoder would first reserve memory for the declared size, and say nothing of some damage. Both
are headed off here: size limits for all four formats, all of a PNG (``png``), the end
marker and the number of scans for JPEG, the page count for TIFF.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.picture import png
from edge.wafer.wafermap import MAX_SIDE

#: Most pixels that are decoded: a map of the largest size at one pixel a die.
MAX_PIXELS: Final = MAX_SIDE * MAX_SIDE

#: Decoders refuse longer sides on their own, in words of their own.
MAX_PICTURE_SIDE: Final = 1_000_000

_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_SCAN: Final = 0xDA
_JPEG_SCANS: Final = b"\xff\xda"
_JPEG_END: Final = b"\xff\xd9"
#: A progressive picture has about ten; each takes a pass over all pixels.
_JPEG_MAX_SCANS: Final = 100

_BMP_CORE: Final = 12
_TIFF_BIG: Final = 43
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SAMPLES = 256, 257, 277
_TIFF_VALUES: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
_TIFF_MAX_SAMPLES: Final = 4


def checked(data: bytes, source: str) -> png.Picture | None:
    """Look at what the bytes of a PNG (gives it taken apart), JPEG, BMP or TIFF file claim.

    Raises:
        InputError: too many pixels, cut short, damaged, or several pages.
    """
    try:
        if data.startswith(png.SIGNATURE):
            return png.checked(data, partial(_check_size, source=source))
        if is_jpeg(data):
            _jpeg(data, source)
        elif data.startswith(b"BM"):
            _bmp(data, source)
        else:
            _tiff(data, source)
    except (struct.error, IndexError, png.CutShort) as error:
        raise _cut_short(source) from error
    except png.Damaged as error:
        raise damaged(source) from error
    return None


def is_jpeg(data: bytes) -> bool:
    """Whether the pixels went through lossy compression."""
    return data.startswith(b"\xff\xd8\xff")


def damaged(source: str) -> InputError:
    """The error for bytes that no decoder makes sense of."""
    return InputError(source, InputKind.UNREADABLE, "a damaged picture; copy or export it again")


def _cut_short(source: str) -> InputError:
    what = "cut short: the file ends before the picture does; copy or export it again"
    return InputError(source, InputKind.UNREADABLE, what)


def _check_size(width: int, height: int, source: str) -> None:
    if width < 1 or height < 1:
        raise damaged(source)
    if width * height > MAX_PIXELS or max(width, height) > MAX_PICTURE_SIDE:
        what = f"{width} x {height} pixels"
        mend = f"at most {MAX_PIXELS:,} are read, save it with fewer pixels a die"
        raise InputError(source, InputKind.TOO_LARGE, f"{what}; {mend}")


def _jpeg(data: bytes, source: str) -> None:
    position, size_known = 2, False
    while True:
        if data[position] != 0xFF:
            raise damaged(source)
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        position += 1
        if marker in _JPEG_BARE:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 3)
            _check_size(width, height, source)
            size_known = True
        position += max(length, 2)
        if marker == _JPEG_SCAN:
            break
    if not size_known or data.count(_JPEG_SCANS, position) > _JPEG_MAX_SCANS:
        raise damaged(source)
    if data.rfind(_JPEG_END) < position:
        raise _cut_short(source)


def _bmp(data: bytes, source: str) -> None:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == _BMP_CORE else "<ii", data, 18)
    _check_size(width, abs(height), source)  # a negative height means rows from the top


def _tiff(data: bytes, source: str) -> None:
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == _TIFF_BIG
    # BigTIFF: the same directory with wider counts and offsets.
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, _inside(start, data, source))
    entry = struct.Struct(order + ("HHQ" if big else "HHI"))
    step, inline = (20, 12) if big else (12, 8)
    position = start + (8 if big else 2)
    if position + count * step > len(data):
        raise _cut_short(source)
    found: dict[int, int] = {}
    for place in range(position, position + count * step, step):
        tag, kind, number = entry.unpack_from(data, place)
        if tag not in (_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SAMPLES):
            continue
        if tag in found or number != 1 or kind not in _TIFF_VALUES:
            raise damaged(source)
        (found[tag],) = struct.unpack_from(order + _TIFF_VALUES[kind], data, place + inline)
    _check_size(found.get(_TIFF_WIDTH, 0), found.get(_TIFF_HEIGHT, 0), source)
    if found.get(_TIFF_SAMPLES, 1) > _TIFF_MAX_SAMPLES:
        what = f"{found[_TIFF_SAMPLES]} values a pixel; save it as a grey or colour picture (PNG)"
        raise InputError(source, InputKind.NOT_A_MAP, what)
    end = position + count * step
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, end)
    if following:
        what = "several pages in one TIFF; save each wafer as a picture of its own (PNG)"
        raise InputError(source, InputKind.UNSUPPORTED, what)


def _inside(offset: int, data: bytes, source: str) -> int:
    if offset >= len(data):
        raise _cut_short(source)
    return offset
