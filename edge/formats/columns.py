"""The optional columns of a labelled set: what each may hold, and how it is brought to that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Column:
    """What an optional column may hold.

    Attributes:
        kinds: NumPy's letters of the types allowed.
        what: The same in words.
        allowed: The values allowed; empty for any.
    """

    kinds: str
    what: str
    allowed: frozenset[str] = frozenset()


#: Lots and wafers that are not known, as text; tables turned to text write them like this.
UNKNOWN = frozenset({"-1", "", "nan"})

#: Characters of a lot's or wafer's name.
LONGEST = 256

_NAME = Column("iuU", "whole numbers (-1 unknown) or text (empty unknown)")
COLUMNS = {
    "lot": _NAME,
    "wafer": _NAME,
    "lot_band": _NAME,
    "label_conflict": Column("b", "bool"),
    "official": Column("U", "Training, Test or empty", frozenset({"Training", "Test", ""})),
    "part": Column("U", "train, val, test or empty", frozenset({"train", "val", "test", ""})),
}
OPTIONAL = tuple(COLUMNS)


def normalised(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bytes as text; whole numbers that a table kept as floats for the sake of NaN as integers.

    Raises:
        ValueError: bytes that are not UTF-8.
    """
    if values.dtype.kind == "S":
        try:
            return np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"column {name} is not UTF-8") from error
    if values.dtype.kind == "f" and name in COLUMNS and "i" in COLUMNS[name].kinds:
        known = np.where(np.isnan(values), -1, values)
        if (np.abs(known) < 2**53).all() and (known == np.trunc(known)).all():
            return known.astype(np.int64)
    return values


def known(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which entries (W,) of a column of lots, wafers or bands name one."""
    if values.dtype.kind in "iu":
        return values != -1
    return ~np.isin(values, list(UNKNOWN))


def column_problems(name: str, values: npt.NDArray[Any], wafers: int) -> Iterator[str]:
    """What is wrong with a column of a set of so many wafers."""
    column = COLUMNS[name]
    if values.shape != (wafers,):
        yield f"column {name} has {values.shape} entries for {wafers} wafers"
    if values.dtype.kind not in column.kinds:
        yield f"column {name} is of type {values.dtype}, must be {column.what}"
    foreign = sorted(set(values.ravel().tolist()) - column.allowed) if column.allowed else []
    if foreign:
        yield f"column {name} holds {foreign[0]!r}, must be {column.what}"
