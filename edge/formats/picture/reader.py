"""Pictures of wafer maps: PNG, BMP and TIFF exactly, JPEG where its noise allows.

One pixel or n x n pixels a die; grey levels or colours by ``palette``. A picture that
is not clearly a three-state map is refused with the reason, never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

# Before OpenCV is imported: a damaged file must not print, the error says it all.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.picture import header, lossy
from edge.formats.picture.blocks import refuse_lines, shrink
from edge.formats.picture.palette import (
    LEVEL_STEP,
    Palette,
    states_by,
    states_of_colours,
    states_of_levels,
)
from edge.system.opencv import silence
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid, WaferMap, check_grid

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: More distinct colours than this are a photograph or a screenshot.
MAX_COLOURS: Final = 16

_UNCHANGED: Final = cv2.IMREAD_UNCHANGED

#: Colour spaces of JPEGs made for printers.
_PRINTED: Final = ("CMYK", "YCCK")

if os.environ["OPENCV_LOG_LEVEL"] == "OFF":  # somebody may have imported OpenCV before
    silence(cv2)


def read(file: Source, source: str, own: Palette | None = None) -> Iterator[WaferMap]:
    """Read a picture as one wafer map.

    Args:
        file: The picture.
        source: Name for messages.
        own: What its colours mean, where a recipe says it.

    Raises:
        InputError: damaged, too large, or not clearly a wafer map.
    """
    data = file.read()
    pixels: npt.NDArray[Any] | None
    png = header.checked(data, source)
    if header.is_jpeg(data):
        dies, sure = lossy.dies_of(_decode_jpeg(data, source), source, own)
        check_grid(dies, source)
        _refuse_other_way_round(dies, source, sure=sure)
    else:
        pixels = png.pixels() if png else None
        if pixels is None:
            pixels = _decode(png.packed() if png else data, source)
        dies = dies_of(pixels, source, own)
    refuse_lines(dies, source)
    yield WaferMap(dies, source=source, legend=own.name if own else None)


def dies_of(pixels: npt.NDArray[Any], source: str, own: Palette | None = None) -> DieGrid:
    """Turn the pixels of a lossless picture into die states.

    Args:
        pixels: (height, width) grey of any type, or (height, width, 3 or 4) BGR or BGRA of uint8
            or uint16.
        source: Name for error messages.
        own: What levels and colours mean, where a recipe says it.

    Returns:
        uint8 (rows, columns) of {0, 1, 2} with at least one die.

    Raises:
        InputError: not clearly a three-state map.
    """
    if own:
        return _by_recipe(pixels, own, source)
    if pixels.ndim == 2 and pixels.dtype.kind != "u":
        return check_grid(shrink(pixels, source), source)
    if pixels.ndim == 2:
        codes = shrink(pixels, source)
        levels = sorted(_distinct(codes, source, "grey levels"))
        if levels[-1] < LEVEL_STEP:
            # Die states as they stand, or bad values, which are named with row and column.
            return check_grid(codes, source)
        states, sure = states_of_levels(levels, source)
        dies = _painted(codes, levels, states)
    else:
        dies, sure = _coloured(shrink(_packed(pixels, source), source), source)
    _refuse_other_way_round(dies, source, sure=sure)
    return check_grid(dies, source)


def _by_recipe(pixels: npt.NDArray[Any], own: Palette, source: str) -> DieGrid:
    """Die states by the palette of a recipe, and no other; what is transparent is no die."""
    if pixels.ndim == 2 and pixels.dtype.kind != "u":
        what = f"grey levels of type {pixels.dtype}, and the colours of {own.name} are for whole"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what} ones; save it as a grey PNG")
    codes = shrink(pixels if pixels.ndim == 2 else _packed(pixels, source), source)
    found = _distinct(codes, source, "colours", most=len(own.colours()) + MAX_COLOURS)
    if pixels.ndim == 2:
        values, rgb = found, np.repeat(np.asarray(found)[:, np.newaxis], 3, axis=1)
    else:
        values = [code for code in found if code]
        rgb = _rgb(values)
    dies = _painted(codes, values, states_by(own, rgb, source) if values else [])
    _refuse_other_way_round(dies, source, sure=True)
    return check_grid(dies, source)


def _rgb(codes: list[int]) -> npt.NDArray[np.uint8]:
    return np.asarray(codes, "<u4").view(np.uint8).reshape(-1, 4)[:, 2::-1]


def _decode(data: bytes, source: str) -> npt.NDArray[Any]:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _UNCHANGED)
    except cv2.error as error:
        raise header.damaged(source) from error
    if pixels is None:
        raise header.damaged(source)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _decode_jpeg(data: bytes, source: str) -> npt.NDArray[Any]:
    """Decode by a decoder that tells of damage; OpenCV's fills what is missing with grey."""
    try:
        import simplejpeg
    except ImportError as error:
        raise InputError(
            source,
            InputKind.UNSUPPORTED,
            "a JPEG, and this machine lacks the decoder that tells a damaged one from a sound one: "
            "`pip install simplejpeg`, or save it as PNG",
        ) from error
    try:
        colours = simplejpeg.decode_jpeg_header(data)[2]
        if colours in _PRINTED:
            what = f"a JPEG in printing colours ({colours}); save it as PNG"
            raise InputError(source, InputKind.NOT_A_MAP, what)
        pixels = simplejpeg.decode_jpeg(data, "GRAY" if colours == "Gray" else "BGR")
    except ValueError as error:
        raise header.damaged(source) from error
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _packed(pixels: npt.NDArray[Any], source: str) -> npt.NDArray[np.uint32]:
    """One number a pixel: blue, green, red, opacity from the lowest byte up; 0 is transparent."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (3, 4):
        what = f"{pixels.shape[2]} values of type {pixels.dtype} a pixel"
        mend = "save die states as a grey PNG of 0, 1, 2"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")
    if pixels.shape[2] == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
    codes = np.ascontiguousarray(pixels).view("<u4")[..., 0]
    opacity = pixels[..., 3]
    clear = opacity == 0
    if not (clear | (opacity == 255)).all():
        what = "half-transparent pixels; save the picture without smoothing and transparency"
        raise InputError(source, InputKind.NOT_A_MAP, what)
    return np.where(clear, 0, codes) if clear.any() else codes


def _distinct(
    codes: npt.NDArray[Any], source: str, what: str, most: int = MAX_COLOURS
) -> list[int]:
    """The distinct values in order of appearance; stops at too many, however large the picture."""
    found: list[int] = []
    if codes.dtype == np.uint8:  # the usual picture, three times as fast as bytes
        left = codes.tobytes()
        while left:
            _check_count(found, source, what, most)
            found.append(left[0])
            left = left.translate(None, left[:1])
        return found
    rest = codes.ravel()
    while rest.size:
        _check_count(found, source, what, most)
        found.append(int(rest[0]))
        rest = rest[rest != rest[0]]
    return found


def _check_count(found: list[int], source: str, what: str, most: int) -> None:
    if len(found) == most:
        raise InputError(
            source,
            InputKind.NOT_A_MAP,
            f"more than {most} {what}: a photograph, a smoothed picture or a "
            "screenshot, not a three-state wafer map; save die states as a grey PNG of 0, 1, 2",
        )


def _coloured(codes: npt.NDArray[np.uint32], source: str) -> tuple[DieGrid, bool]:
    """Die states, and whether pass and fail are surely not the other way round."""
    found = _distinct(codes, source, "colours")
    opaque = [code for code in found if code]
    if not opaque:
        return np.zeros(codes.shape, np.uint8), True
    rgb = _rgb(opaque)
    if (rgb == rgb[:, :1]).all():
        opaque.sort()
        levels = [code & 0xFF for code in opaque]
        if FAIL < levels[-1] < LEVEL_STEP:  # raises: the value with its row and column
            return check_grid((codes & 0xFF).astype(np.uint8), source), True
        states, sure = states_of_levels(levels, source, transparent=len(opaque) < len(found))
    else:
        states, sure = states_of_colours(rgb, source)
    return _painted(codes, opaque, states), sure


def _painted(codes: npt.NDArray[Any], values: list[int], states: list[int]) -> DieGrid:
    if codes.dtype == np.uint8:
        table = np.zeros(256, np.uint8)
        table[values] = states
        return cast(DieGrid, cv2.LUT(codes, table))
    dies = np.zeros(codes.shape, np.uint8)
    for value, state in zip(values, states, strict=True):
        if state:
            dies[codes == value] = state
    return dies


def _refuse_other_way_round(dies: DieGrid, source: str, *, sure: bool) -> None:
    """Refuse a scale that may mean something else, as one whose middle is no die.

    No wafer has dies of one state in all corners. Where passing and failing may be the other way
    round, there must be both, and more that pass.
    """
    corner = int(dies[0, 0])
    if corner != NO_DIE and corner == dies[0, -1] == dies[-1, 0] == dies[-1, -1]:
        what = "failing" if corner == FAIL else "passing"
        why = f"the level or colour of {what} dies fills all four corners, as a background would"
        mend = "save die states as a grey PNG of 0 (no die), 1 (pass), 2 (fail)"
        raise InputError(source, InputKind.AMBIGUOUS, f"{why}; {mend}")
    if not sure and not 0 < np.count_nonzero(dies == FAIL) <= np.count_nonzero(dies == PASS):
        raise InputError(
            source,
            InputKind.AMBIGUOUS,
            "most dies fail or all pass, unless these levels or colours have passing and failing "
            "the other way round; save die states as a grey PNG of 0 (no die), 1 (pass), 2 (fail)",
        )
