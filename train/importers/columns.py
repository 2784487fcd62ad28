"""What the columns of a table are called, and what stands in their cells."""

from __future__ import annotations

import math
import pickle  # for its exception only
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edge.errors import DataError
from edge.wafer.patterns import spelled
from train.importers.pickle_types import Array
from train.importers.report import SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: What a column may be called in any case, with or without blanks, ``_`` and ``-``, by its role:
#: the name that it has in WM-811K, which wins.
NAMES: Final = {
    names[0]: names
    for names in (
        ("waferMap", "waferMaps", "map", "maps", "dieMap", "dieMaps", "dies", "grid", "grids"),
        ("failureType", "label", "labels", "pattern", "patterns", "class", "defectType"),
        ("lotName", "lot", "lots", "lotId"),
        ("waferIndex", "wafer", "wafers", "waferId", "waferNumber", "waferNo"),
        ("part", "split", "subset"),
    )
}
ROLES: Final = tuple(NAMES)

#: The column of the official split, by the publication that spells it so.
OFFICIAL: Final = {
    "trianTestLabel": SourceKind.LSWMD,
    "trainTestLabel": SourceKind.MIR,
}

_ROLE: Final = {spelled(name): role for role, names in NAMES.items() for name in names}
#: Arrays in one another, and entries of one, that a cell may hold.
_NESTING: Final = 4
_MOST: Final = 1000


def role(name: str) -> str:
    """What a column of that name is; empty where that is not known."""
    return _ROLE.get(spelled(name), "")


def chosen(names: Iterable[str], source: Path) -> dict[str, str]:
    """The column in each role: {role: its name here}.

    Raises:
        DataError: it cannot be told which of two columns it is.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        if known := role(name):
            found.setdefault(known, []).append(name)
    for first, several in found.items():
        if first not in several and len(several) > 1:
            raise DataError(
                f"{source}: has both {' and '.join(several)}; drop one, or call the right one "
                f"{first}"
            )
    return {first: first if first in several else several[0] for first, several in found.items()}


def plain(cell: Any, source: Path, row: int) -> Any:
    """What stands in a cell, out of however many arrays: a text, a number, a list; else ``""``.

    A list of zeros is WM-811K's way to say that nothing stands there.
    """
    found = unpacked(cell, source, row)
    return "" if isinstance(found, list) and is_zeros(found) else found


def is_zeros(found: list[Any]) -> bool:
    """Whether a list holds nothing else; an empty one does not either."""
    return all(number(item) == "0" for item in found)


def unpacked(cell: Any, source: Path, row: int) -> Any:
    """As ``plain``, lists of zeros as they are.

    Raises:
        DataError: the cell is damaged.
    """
    try:
        for _ in range(_NESTING):
            if isinstance(cell, Array) and cell.size <= _MOST:
                cell = cell.flat()
            if isinstance(cell, (np.ndarray, np.generic)) and cell.size <= _MOST:
                cell = cell.tolist()
            if not isinstance(cell, list) or len(cell) != 1:
                break
            cell = cell[0]
    except pickle.UnpicklingError as error:
        raise DataError(f"{source}: row {row} is damaged ({error})") from error
    if isinstance(cell, (str, bytes)):
        return text(cell)
    gap = cell is None or (isinstance(cell, (float, np.floating)) and math.isnan(cell))
    return "" if gap else cell


def text(value: object) -> str:
    """A text that may have been kept as bytes: of UTF-8, or where they are none of Latin-1."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")
    return str(value)


def text_of(cell: Any, source: Path, row: int, column: str) -> str:
    """The text of a cell; empty where there is none.

    Raises:
        DataError: something else stands there.
    """
    found = plain(cell, source, row)
    if isinstance(found, str):
        return found
    raise DataError(
        f"{source}: row {row} of {column} holds a {type(found).__name__} where a text is expected"
    )


def number(value: object) -> str | None:
    """How a number is written, whole ones without a point; None where it is no number."""
    try:
        if not isinstance(value, (int, float, np.integer, np.floating)) or math.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else str(value)
    except OverflowError:  # hundreds of digits
        return None


def name_of(cell: Any, source: Path, row: int, column: str) -> str:
    """Name of a lot or wafer as it stands; a table may have kept whole numbers as floats."""
    found = number(plain(cell, source, row))
    if found is None:
        return text_of(cell, source, row, column).strip()
    return "" if found == "-1" else found
