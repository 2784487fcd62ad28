"""NumPy arrays: one 2-D grid of die states, or a stack of them, in a ``.npy`` file.

The header is parsed here rather than by NumPy: a fixed grammar instead of a Python expression, no
warning about Python 2, and the size is known before memory is reserved.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.wafer.wafermap import WaferMap, check_grid, check_layout

if TYPE_CHECKING:
    from edge.formats.registry import Source

_MAGIC: Final = b"\x93NUMPY"
_LONGEST_HEADER: Final = 10_000
_MAX_DIMENSIONS: Final = 8
#: An array whose last side has so many values, not more, is a picture.
_MOST_COLOURS: Final = 4

#: Most bytes of a stack; stored by columns it is read whole.
MAX_STACK: Final = 4 * 2**30
MAX_BY_COLUMNS: Final = 256 * 2**20

_DESCR: Final = re.compile(r"""['"]descr['"]\s*:\s*['"]([<>|=]?[a-zA-Z?]\d{0,5})['"]""")
_ORDER: Final = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE: Final = re.compile(r"""['"]shape['"]\s*:\s*\(([^()]{0,400})\)""")
#: Python 2 wrote long integers, as in (27L, 27L).
_SIDE: Final = re.compile(r"(\d{1,18})L?")


@dataclass(frozen=True)
class Header:
    """What a ``.npy`` header declares.

    Attributes:
        dtype: Of the elements; never one that holds Python objects.
        fortran_order: Whether the first index runs fastest.
        shape: As declared, not yet checked against the data.
    """

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of all elements."""
        return self.count * self.dtype.itemsize

    def shaped(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """All elements, flat as they are stored, in the array's shape."""
        return values.reshape(self.shape, order="F" if self.fortran_order else "C")

    @property
    def is_stack(self) -> bool:
        """Whether it is (wafers, rows, columns), and not a picture of rows, columns and colours."""
        return len(self.shape) == 3 and self.shape[2] > _MOST_COLOURS


def read(file: Source, source: str) -> Iterator[WaferMap | InputError]:
    """Read a ``.npy`` file as one wafer map, or as several.

    Yields:
        A wafer map (rows, columns), or one for each of (wafers, rows, columns); any integer or
        float type whose values are 0, 1 or 2. An ``InputError`` stands for a wafer of several
        whose values are not.

    Raises:
        InputError: damaged, cut short, not such an array.
    """
    header = read_header(file, source)
    if not header.is_stack:
        check_layout(header.shape, header.dtype, source)
    start = file.tell()
    if file.seek(0, os.SEEK_END) - start < header.size:
        raise cut_short(source)
    file.seek(start)
    if header.is_stack:

        def take(count: int) -> npt.NDArray[Any]:
            return np.frombuffer(exactly(file, count * header.dtype.itemsize, source), header.dtype)

        yield from stacked(header, take, source)
        return
    values = np.frombuffer(file.read(header.size), header.dtype)
    yield WaferMap(check_grid(header.shaped(values), source), source=source)


def count(file: Source, source: str) -> int:
    """Wafers of a ``.npy`` file, by its header. Raises: as ``read_header``."""
    header = read_header(file, source)
    return header.shape[0] if header.is_stack else 1


def stacked(
    header: Header, take: Callable[[int], npt.NDArray[Any]], source: str
) -> Iterator[WaferMap | InputError]:
    """The wafers of (wafers, rows, columns), one after the other.

    Args:
        header: Of the array.
        take: Gives the next so many elements, flat.
        source: Its name.

    Raises:
        InputError: no wafer, or more bytes or dies than are read.
    """
    wafers, *sides = header.shape
    if wafers == 0:
        raise InputError(source, InputKind.EMPTY, "a stack without any wafer")
    check_layout(tuple(sides), header.dtype, source)
    if header.size > (MAX_BY_COLUMNS if header.fortran_order else MAX_STACK):
        what = f"{header.size:,} bytes of dies; divide the stack"
        raise InputError(source, InputKind.TOO_LARGE, what)
    whole = header.shaped(take(header.count)) if header.fortran_order else None
    for index in range(wafers):
        grid = take(math.prod(sides)).reshape(sides) if whole is None else whole[index]
        yield one_of_several(grid, source, index)


def one_of_several(
    grid: npt.NDArray[Any],
    source: str,
    index: int,
    lot: str | None = None,
    wafer: str | None = None,
) -> WaferMap | InputError:
    """A wafer of a file of several, or what is wrong with it, which does not concern the others."""
    try:
        return WaferMap(check_grid(grid, f"{source}[{index}]"), source, index, lot, wafer)
    except InputError as error:
        return error


def read_header(file: Source, source: str) -> Header:
    """Read a ``.npy`` header; the file then stands at the first element.

    Raises:
        InputError: not a ``.npy`` header, or one that declares Python objects or fields.
    """
    start = file.read(8)
    if start[:6] != _MAGIC or len(start) < 8:
        raise _damaged(source, "no header")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(exactly(file, width, source), "little")
    if start[6] not in (1, 2, 3) or length > _LONGEST_HEADER:
        raise _damaged(source, "an impossible header")
    text = exactly(file, length, source).decode("latin-1")
    descr, order, shape = _DESCR.search(text), _ORDER.search(text), _SHAPE.search(text)
    if order is None or shape is None:
        raise _damaged(source, "an unreadable header")
    sides = _sides(shape[1], source)
    if descr is None or len(sides) > _MAX_DIMENSIONS:
        what = "not a plain array (named fields or many dimensions)"
        mend = "save one 2-D grid of 0 (no die), 1 (pass), 2 (fail)"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")
    try:
        dtype = np.dtype(descr[1])
    except (TypeError, ValueError) as error:
        raise _damaged(source, f"an unknown type {descr[1]}") from error
    if dtype.hasobject:
        what = "holds Python objects, which are not opened (they can run code)"
        mend = "save it as integers: numpy.save(name, grid.astype('uint8'))"
        raise InputError(source, InputKind.BAD_VALUE, f"{what}; {mend}")
    return Header(dtype, order[1] == "True", sides)


def _sides(text: str, source: str) -> tuple[int, ...]:
    """The numbers between the brackets of a shape."""
    *parts, last = (part.strip() for part in text.split(","))
    if last:  # else nothing at all, or the comma after a single number
        parts.append(last)
    found = [_SIDE.fullmatch(part) for part in parts]
    if None in found:
        raise _damaged(source, "an unreadable header")
    return tuple(int(side[1]) for side in found if side)


def cut_short(source: str) -> InputError:
    """The error for an array with less data than its header declares."""
    what = "cut short: the file ends before the array does; copy or save it again"
    return InputError(source, InputKind.UNREADABLE, what)


def exactly(file: Source, size: int, source: str) -> bytes:
    """The next ``size`` bytes. Raises: ``InputError`` where there are fewer."""
    data = file.read(size)
    if len(data) < size:
        raise cut_short(source)
    return data


def _damaged(source: str, what: str) -> InputError:
    why = f"not a usable NumPy file ({what}); write it with numpy.save"
    return InputError(source, InputKind.UNREADABLE, why)
