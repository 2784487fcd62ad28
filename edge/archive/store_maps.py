"""A station's store in, the wafer maps that it keeps out, each by the number of its record."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from edge.errors import InputError, InputKind
from edge.lots.store_view import StoreView
from edge.store.schema import is_store
from edge.store.wafer_maps import unpacked
from edge.wafer.wafermap import WaferMap, check_grid

_QUERY: Final = (
    "SELECT results.id, source, lot, wafer, maps.rows, columns, maps.dies FROM results "
    "JOIN maps ON maps.id = results.id WHERE results.id > ? AND maps.dies IS NOT NULL "
    "ORDER BY results.id LIMIT ?"
)

#: Wafers that are asked for at a time.
_BATCH: Final = 500

#: Suffixes of files that hold one wafer, or a format of ours: not looked into.
_OTHERS: Final = (".png", ".npy", ".npz", ".csv", ".klarf", ".sinf")


def holds_store(path: str) -> bool:
    """Whether a file is a station's store."""
    try:
        return not path.lower().endswith(_OTHERS) and is_store(Path(path))
    except (OSError, ValueError):
        return False


def maps_of(path: str, after: int) -> Iterator[tuple[int, WaferMap | InputError]]:
    """The wafers behind a number that the store keeps a map of, with the number of each.

    Raises:
        InputError: the store cannot be read, or is of a version that kept no maps.
    """
    with closing(StoreView(Path(path))) as view:
        if not view.has_maps:
            what = "a store of before stores kept wafer maps; a newer station's has some"
            raise InputError(path, InputKind.EMPTY, what)
        while rows := view.rows(_QUERY, (after, _BATCH)):
            for number, source, lot, wafer, height, width, dies in rows:
                try:
                    grid = check_grid(unpacked(dies, height, width), path)
                    yield number, WaferMap(grid, source, number, lot, wafer)
                except (zlib.error, ValueError) as error:
                    what = f"its map is damaged ({error})"
                    kind = InputKind.UNREADABLE
                    yield number, InputError(source, kind, what, lot, wafer)
                except InputError as error:
                    yield number, error.of(lot, wafer)
            after = rows[-1][0]
