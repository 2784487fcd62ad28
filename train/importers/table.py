"""The columns of a pickled pandas data frame, without pandas."""

from __future__ import annotations

import pickle  # for its exception only
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from edge.errors import DataError
from train.importers import restricted_unpickler
from train.importers.pickle_types import (
    Array,
    Block,
    Categories,
    Extension,
    FrameStub,
    Index,
    Manager,
)

if TYPE_CHECKING:
    from pathlib import Path

#: A column: a list of Python objects and stand-ins, or an array of numbers (rows,).
Column: TypeAlias = list[Any] | npt.NDArray[Any]

_MISFITS: Final = (pickle.UnpicklingError, TypeError, ValueError, LookupError, RecursionError)


@dataclass(frozen=True)
class LabelledTable:
    """Columns of a data frame by name, each with so many rows."""

    rows: int
    columns: dict[str, Column]


def read(path: Path, *, progress: restricted_unpickler.Progress | None = None) -> LabelledTable:
    """Read a pickled data frame.

    Raises:
        DataError: refused or unreadable (``restricted_unpickler.load``), or not a data frame.
    """
    frame = restricted_unpickler.load(path, progress=progress)
    if not isinstance(frame, FrameStub):
        what = f"{path}: holds a {type(frame).__name__}, not the data frame of WM-811K"
        raise DataError(f"{what}; expected is LSWMD.pkl or the MIR pickle as published")
    try:
        return _table(frame)
    except _MISFITS as error:
        raise DataError(f"{path}: not a data frame that can be read ({error})") from error


def _table(frame: FrameStub) -> LabelledTable:
    manager = frame.manager
    if not isinstance(manager, Manager) or len(manager.axes) == 0:
        raise pickle.UnpicklingError("it has no columns")
    names = [str(name) for name in _entries(manager.axes[0])]
    blocks = [manager.blocks] if isinstance(manager.blocks, Block) else manager.blocks
    columns: dict[str, Column] = {}
    for block in blocks:
        if not isinstance(block, Block):
            raise pickle.UnpicklingError("a block is none")
        placed = _places(block.placement, len(names))
        for place, column in zip(placed, _block_columns(block.values), strict=True):
            columns[names[place]] = column
    lengths = {len(column) for column in columns.values()}
    if len(columns) != len(names) or len(lengths) > 1:
        raise pickle.UnpicklingError("its blocks do not fit its columns")
    return LabelledTable(lengths.pop() if lengths else 0, {name: columns[name] for name in names})


def _entries(index: object) -> list[Any]:
    data = index.data if isinstance(index, Index) else index
    data = data.data if isinstance(data, Extension) else data
    if data is None:  # a range: columns without names
        return []
    if not isinstance(data, Array):
        raise pickle.UnpicklingError("an index without entries")
    return data.flat()


def _places(placement: object, count: int) -> list[int]:
    if isinstance(placement, slice):
        return list(range(count)[placement])
    if isinstance(placement, Array):
        return [range(count)[int(place)] for place in placement.values().ravel()]
    raise pickle.UnpicklingError(f"a block placed by a {type(placement).__name__}")


def _block_columns(values: object) -> list[Column]:
    """Columns of a block whose array is (columns, rows), or (rows,) for a single column."""
    if isinstance(values, Extension) and isinstance(values.dtype, Categories):
        return [_of_categories(values.data, values.dtype)]
    array = values.data if isinstance(values, Extension) else values
    if not isinstance(array, Array):
        raise pickle.UnpicklingError(f"a block of {type(array).__name__}")
    rows = array.shape[-1]
    count = array.size // rows if rows else array.shape[0]
    if not array.is_object:
        return list(np.atleast_2d(array.values()))
    flat = array.items()
    if array.fortran:
        return [flat[column::count] for column in range(count)]
    return [flat[column * rows : (column + 1) * rows] for column in range(count)]


def _of_categories(codes: object, categories: Categories) -> list[Any]:
    """What the codes of a column stand for; None for the code -1, a row without a value."""
    if not isinstance(codes, Array):
        raise pickle.UnpicklingError("categories without codes")
    known = [*_entries(categories.index), None]
    found = codes.values().ravel()
    if found.dtype.kind != "i" or not ((found >= -1) & (found < len(known) - 1)).all():
        raise pickle.UnpicklingError("a code of a category that is not there")
    return [known[code] for code in found.tolist()]
