"""Labelled sets (``edge.dataset.labelled_set`` has the layout) and stacks as streams of wafer maps.

Nothing is loaded whole: each member of the archive is unpacked piece by piece, so that the memory
does not grow with the number of wafers, whatever the headers declare.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from edge.errors import InputError, InputKind
from edge.formats.archive import MAX_UNPACKED, MAX_WAFERS, open_archive
from edge.formats.columns import LONGEST, UNKNOWN
from edge.formats.npy import one_of_several, stacked
from edge.formats.npz import MEMBER, ArrayStream
from edge.system.text import printable
from edge.wafer.wafermap import BOOLEAN, MAX_SIDE, WaferMap

if TYPE_CHECKING:
    from edge.formats.registry import Source

REQUIRED: Final = ("dies", "offsets", "shapes")
OPTIONAL: Final = ("lot", "wafer")

_CHUNK_ROWS: Final = 4096
#: Arrays of an archive that are looked at for maps.
_MOST_ARRAYS: Final = 16
_MAX_ITEM_BYTES: Final = 4 * LONGEST
#: Largest array that is read whole: rows and columns of ten million wafers as int16.
_MAX_BY_COLUMNS: Final = 40 * 2**20


def read(file: Source, source: str) -> Iterator[WaferMap | InputError]:
    """Read the wafers of a labelled set in their order; labels are not needed.

    An archive with one array (wafers, rows, columns) in the place of the set's is read like it.

    Yields:
        A wafer map with index, lot and wafer for each wafer; an ``InputError`` in place of one
        whose values are not die states.

    Raises:
        InputError: not a labelled set, damaged, or arrays that do not fit together.
    """
    with _damage(source), open_archive(file) as archive, ExitStack() as opened:
        if f"dies{MEMBER}" not in archive.NameToInfo:
            column = _stack(archive, source, opened)
            yield from stacked(column.header, column.take, source)
            column.finish()
            return
        columns = {name: _Column(archive, name, source, opened) for name in REQUIRED}
        wafers = _check_headers(columns, source)
        for name in OPTIONAL:
            # A name that cannot be used is no reason to refuse the wafers.
            with suppress(InputError):
                column = _Column(archive, name, source, opened)
                if column.header.shape == (wafers,) and column.header.dtype.kind in "uifUS":
                    columns[name] = column
        yield from _wafers(columns, source)


def count(file: Source, source: str) -> int:
    """Wafers of a labelled set or a stack, by its headers. Raises: as ``read``."""
    with _damage(source), open_archive(file) as archive, ExitStack() as opened:
        if f"dies{MEMBER}" not in archive.NameToInfo:
            return _stack(archive, source, opened).header.shape[0]
        return _Column(archive, "offsets", source, opened).header.shape[0] - 1


@contextmanager
def _damage(source: str) -> Iterator[None]:
    """What an archive raises, as an error that names the file."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error) as error:
        raise InputError(
            source, InputKind.UNREADABLE, f"a damaged .npz archive ({error}); copy it again"
        ) from error


def _stack(archive: zipfile.ZipFile, source: str, opened: ExitStack) -> _Column:
    """The one array that can be maps end to end: (wafers, rows, columns)."""
    names = [name.removesuffix(MEMBER) for name in archive.namelist() if name.endswith(MEMBER)]
    found = []
    for name in names[:_MOST_ARRAYS]:
        with suppress(InputError):  # of another type: text, objects
            column = _Column(archive, name, source, opened)
            if column.header.is_stack:
                found.append((name, column))
    if len(found) == 1:
        return found[0][1]
    listed = ", ".join(name for name, _ in found) or ", ".join(names[:_MOST_ARRAYS]) or "none"
    what = (
        f"several arrays that may be wafer maps ({printable(listed)})"
        if found
        else f"no labelled set and no stack of wafer maps (its arrays: {printable(listed)})"
    )
    kind = InputKind.AMBIGUOUS if found else InputKind.NOT_A_MAP
    raise InputError(source, kind, f"{what}; save the maps alone as (wafers, rows, columns)")


class _Column(ArrayStream):
    """One array of a labelled set."""

    def __init__(self, archive: zipfile.ZipFile, name: str, source: str, opened: ExitStack) -> None:
        try:
            super().__init__(archive, name, source, opened)
        except KeyError:
            what = f"not a labelled set, it has no array `{name}`"
            mend = "`wm-edge dataset import` makes one"
            raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}") from None
        if self.header.dtype.itemsize > _MAX_ITEM_BYTES:
            raise _inconsistent(source, f"`{name}` has entries of {self.header.dtype}")

    def rows(self) -> Iterator[Any]:
        """The entries along the first axis as Python values, a few thousand unpacked at a time."""
        total, width = self.header.shape[0], math.prod(self.header.shape[1:])
        by_columns = None
        if self.header.fortran_order and width > 1:  # the first row ends near the array's end
            if self.header.size > _MAX_BY_COLUMNS:
                raise _inconsistent(self.name, "too large to be stored by columns")
            by_columns = self.header.shaped(self.take(self.header.count))
        for start in range(0, total, _CHUNK_ROWS):
            count = min(_CHUNK_ROWS, total - start)
            if by_columns is None:
                chunk = self.take(count * width).reshape(count, *self.header.shape[1:])
            else:
                chunk = by_columns[start : start + count]
            yield from chunk.tolist()


def _wafers(columns: dict[str, _Column], source: str) -> Iterator[WaferMap | InputError]:
    dies = columns["dies"]
    offsets = columns["offsets"].rows()
    lots, numbers = _texts(columns.get("lot")), _texts(columns.get("wafer"))
    start = next(offsets)
    if start != 0:
        raise _inconsistent(source, "`offsets` does not begin with 0")
    for index, (rows, width) in enumerate(columns["shapes"].rows()):
        end = next(offsets)
        if not (1 <= rows <= MAX_SIDE and 1 <= width <= MAX_SIDE):
            raise _inconsistent(source, f"wafer {index} is {rows} x {width} dies")
        if end - start != rows * width or end > dies.header.count:
            raise _inconsistent(source, f"wafer {index}: `offsets`, `shapes` and `dies` disagree")
        start = end
        grid = dies.take(rows * width).reshape(rows, width)
        yield one_of_several(grid, source, index, next(lots), next(numbers))
    if start != dies.header.count:
        raise _inconsistent(source, "`dies` has more entries than the wafers")
    for column in columns.values():
        column.finish()


def _check_headers(columns: dict[str, _Column], source: str) -> int:
    """Number of wafers, where the required arrays agree on it."""
    shapes = {name: column.header.shape for name, column in columns.items()}
    kinds = {name: column.header.dtype.kind for name, column in columns.items()}
    wafers = shapes["offsets"][0] - 1 if len(shapes["offsets"]) == 1 else -1
    if kinds["dies"] == "b":
        raise InputError(source, InputKind.BAD_VALUE, BOOLEAN)
    if len(shapes["dies"]) != 1 or kinds["dies"] not in "ui":
        raise _inconsistent(source, "`dies` must be one row of uint8")
    if kinds["offsets"] not in "ui" or kinds["shapes"] not in "ui":
        raise _inconsistent(source, "`offsets` and `shapes` must be whole numbers")
    if wafers < 0 or shapes["shapes"] != (wafers, 2):
        raise _inconsistent(source, "`offsets` and `shapes` disagree on the number of wafers")
    dies = columns["dies"].header
    if wafers > MAX_WAFERS or dies.size > MAX_UNPACKED:
        what = f"more than {MAX_WAFERS:,} wafers or {MAX_UNPACKED >> 30} GiB of dies"
        raise InputError(source, InputKind.TOO_LARGE, f"{what}; divide the set")
    if wafers == 0:
        raise InputError(source, InputKind.EMPTY, "a labelled set without any wafer")
    return wafers


def _texts(column: _Column | None) -> Iterator[str | None]:
    if column is None:
        while True:
            yield None
    for value in column.rows():
        if isinstance(value, bytes):
            text = value.decode("utf-8", "replace")
        elif isinstance(value, float):  # whole numbers with gaps, as pandas keeps them
            text = f"{value:.15g}"
        else:
            text = str(value)
        yield None if text in UNKNOWN else text


def _inconsistent(source: str, what: str) -> InputError:
    why = f"not a usable labelled set: {what}; write it again, `wm-edge dataset import` makes one"
    return InputError(source, InputKind.UNREADABLE, why)
