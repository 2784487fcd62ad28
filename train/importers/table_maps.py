"""Every wafer of a pickled table, labelled or not, as a stream of wafer maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import DataError, InputError, InputKind
from edge.formats.npy import one_of_several
from edge.system.regular_file import open_regular
from edge.wafer.wafermap import WaferMap
from train.importers import columns, table
from train.importers.frame import LOTS, MAPS, WAFERS, values_of
from train.importers.pickle_file import PICKLES, is_compressed

if TYPE_CHECKING:
    from train.importers.pickle_file import Progress


def is_table(path: str) -> bool:
    """Whether a file is read as a pickled table: by its first bytes, or its name and a packing."""
    try:
        with open_regular(path) as file:
            start = file.read(8)
    except (OSError, ValueError):
        return False
    packed = is_compressed(start) or start.startswith(b"PK\x03\x04")
    named = any(suffix in PICKLES for suffix in Path(path.lower()).suffixes)
    return start.startswith(b"\x80") or (packed and named)


def maps_of(path: str, *, progress: Progress | None = None) -> Iterator[WaferMap | InputError]:
    """The wafer maps of a pickled table such as ``LSWMD.pkl``, row by row.

    Its maps are in memory until they are handed on: some 3.3 GB for WM-811K.

    Yields:
        A wafer map with index, lot and wafer for each row; an ``InputError`` for one that has none.

    Raises:
        DataError: refused, damaged, or no table of wafer maps.
    """
    source = Path(path)
    found = table.read(source, progress=progress)
    names = {**columns.chosen(found.columns, source), **found.roles}
    if not names.get(MAPS):
        listed = ", ".join(found.columns) or "no columns"
        raise DataError(f"{path}: lacks {MAPS}; it has {listed}")
    maps: Any = found.columns.pop(names[MAPS])
    nothing: list[Any] = [None] * found.rows
    lots, wafers = (found.columns.get(names.get(role, ""), nothing) for role in (LOTS, WAFERS))
    for row in range(found.rows):
        lot, wafer = (
            columns.name_of(cells[row], source, row, names.get(role, "")) or None
            for role, cells in ((LOTS, lots), (WAFERS, wafers))
        )
        try:
            yield one_of_several(values_of(maps[row], source, row), path, row, lot, wafer)
        except DataError as error:
            reason = str(error).removeprefix(f"{path}: ")
            yield InputError(f"{path}[{row}]", InputKind.UNREADABLE, reason, lot, wafer)
        if isinstance(maps, list):
            maps[row] = None
