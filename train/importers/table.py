"""The columns of a pickled table, without pandas: a data frame, a dict, or a list of dicts."""

from __future__ import annotations

import pickle  # for its exception only
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from edge.errors import DataError
from edge.formats.archive import MAX_WAFERS
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
from train.importers.report import SourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from train.importers.pickle_file import Progress

#: A column: a list of Python objects and stand-ins, or an array (rows, ...).
Column: TypeAlias = list[Any] | npt.NDArray[Any]

#: Keys that a list of dicts may have in all: each becomes a column of all rows.
_MOST_KEYS: Final = 1000

_MISFITS: Final = (pickle.UnpicklingError, TypeError, ValueError, LookupError, RecursionError)


@dataclass(frozen=True)
class LabelledTable:
    """Columns by name, each with so many rows.

    Attributes:
        rows: How many.
        columns: Lists, or arrays of so many entries.
        kind: What holds them.
        roles: Columns by what they are, where their names do not say it.
        legend: What numbers in the column of labels mean, where the file says so.
    """

    rows: int
    columns: dict[str, Column]
    kind: SourceKind = SourceKind.FRAME
    roles: dict[str, str] = field(default_factory=dict)
    legend: dict[str, str] = field(default_factory=dict)


def read(path: Path, *, progress: Progress | None = None) -> LabelledTable:
    """Read a pickled data frame, a dict of columns or a list of dicts, one a wafer.

    Raises:
        DataError: refused or unreadable (``restricted_unpickler.load``), or no table.
    """
    found = restricted_unpickler.load(path, progress=progress)
    try:
        if isinstance(found, FrameStub):
            return _table(found)
        if isinstance(found, list) and found and all(isinstance(row, dict) for row in found):
            names = dict.fromkeys(name for row in found for name in row)
            if len(names) > _MOST_KEYS:
                raise pickle.UnpicklingError(f"its dicts have {len(names):,} different keys")
            found = {name: [row.get(name) for row in found] for name in names}
        if isinstance(found, dict) and (columns := _of_dict(found)).columns:
            return columns
    except _MISFITS as error:
        raise DataError(f"{path}: not a table that can be read ({error})") from error
    raise DataError(
        f"{path}: holds a {type(found).__name__}, not a table; expected is a data frame as "
        "LSWMD.pkl is, a dict of columns, or a list of dicts, one a wafer"
    )


def _of_dict(found: dict[Any, Any]) -> LabelledTable:
    """Columns of a dict; what is neither a list nor an array is passed over."""
    columns: dict[str, Column] = {}
    for name, values in found.items():
        if isinstance(values, Array):
            columns[str(name)] = values.items() if values.is_object else values.values()
        elif isinstance(values, list):
            columns[str(name)] = values
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise pickle.UnpicklingError(f"its columns differ in length: {listed:.200}")
    return LabelledTable(max(lengths.values(), default=0), columns, SourceKind.TABLE)


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
    if len(found) > MAX_WAFERS:
        raise pickle.UnpicklingError(f"more than {MAX_WAFERS:,} rows")
    if found.dtype.kind != "i" or not ((found >= -1) & (found < len(known) - 1)).all():
        raise pickle.UnpicklingError("a code of a category that is not there")
    return [known[code] for code in found.tolist()]
