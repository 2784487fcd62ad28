"""Wafers laid over each other: where a lot, or a pattern, fails."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from edge.errors import OutputError, UsageError
from edge.lots.lot import Lot
from edge.lots.store_view import StoreView, Wafer
from edge.lots.summary import Summary
from edge.store.wafer_maps import unpacked
from edge.system.text import counted, printable
from edge.wafer import encoding
from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid

#: Wafers that are laid over each other, the newest: a second of work.
MOST: Final = 20_000

#: Side of a stack of wafers whose grids differ, in cells.
_SIDE: Final = encoding.SIZE


_SHAPES: Final = "SELECT DISTINCT rows, columns FROM maps WHERE dies IS NOT NULL AND id"
_MAPS: Final = "SELECT id, dies, rows, columns FROM maps WHERE dies IS NOT NULL AND id"


class Stack(Struct, frozen=True):
    """Wafers laid over each other.

    Attributes:
        wafers: How many.
        without_map: Wafers that the store keeps no map of.
        is_exact: All have one grid, and a position is a die; else each was cut to its dies and
            averaged over 52 x 52 cells.
        dies: float64 (rows, columns): wafers with a die there; of cells their mean share, summed.
        fails: Of these, failing.
    """

    wafers: int
    without_map: int
    is_exact: bool
    dies: npt.NDArray[np.float64]
    fails: npt.NDArray[np.float64]

    @property
    def share(self) -> npt.NDArray[np.float64]:
        """Failing share (rows, columns); NaN where no wafer has a die."""
        there = self.dies > 0
        return np.where(there, self.fails / np.where(there, self.dies, 1), np.nan)

    @property
    def top(self) -> float:
        """The largest share, for the scale of a picture; at least one in a hundred."""
        return max(0.01, float(np.nanmax(self.share)))

    def facts(self, lots: Sequence[Lot], pattern: str | None) -> Iterator[str]:
        """What a picture shows, a line each."""
        of = lots[0].name if len(lots) == 1 else counted(len(lots), "lot")
        yield printable(
            f"{counted(self.wafers, 'wafer')} of {of}" + (f", {pattern}" * bool(pattern))
        )
        yield f"dark: fails on {100 * self.top:.0f} % of the wafers; light: on none"
        if not self.is_exact:
            yield "grids differ: each wafer was cut to its dies and averaged over 52 x 52 cells"

    def numbers(self) -> Iterator[dict[str, Any]]:
        """Each position with a die: ``row`` and ``column`` from 0, ``dies``, ``fails``, ``share``.

        The order is that of rows; what a map draws above comes first.
        """
        share = self.share
        for row, column in np.argwhere(self.dies > 0).tolist():
            yield {
                "row": row,
                "column": column,
                "dies": round(float(self.dies[row, column]), 4),
                "fails": round(float(self.fails[row, column]), 4),
                "share": round(float(share[row, column]), 6),
            }


def wafers_of(
    summary: Summary, lots: Iterable[Lot], pattern: str | None = None, most: int = MOST
) -> list[Wafer]:
    """The wafers of lots, the newest lot first, of a pattern where one is named."""
    found: list[Wafer] = []
    for lot in sorted(lots, key=lambda one: one.last_at, reverse=True):
        if pattern is not None and not lot.count(pattern):
            continue
        found += [one for one in summary.wafers(lot) if pattern is None or pattern in one.patterns]
        if len(found) >= most:
            return found[:most]
    return found


def stacked(view: StoreView, wafers: Sequence[Wafer]) -> Stack:
    """Lay wafers over each other.

    Raises:
        UsageError: the store keeps the map of none of them.
    """
    ids = [one.id for one in wafers]
    shapes = set(view.rows_in(_SHAPES, ids)) if view.has_maps else set()
    if not shapes:
        raise UsageError(
            f"{view.path}: keeps the map of none of these wafers; a station keeps them as its "
            "keep_maps says, and a copy of its store has none"
        )
    is_exact = len(shapes) == 1
    total, failing = np.zeros((2, *(next(iter(shapes)) if is_exact else (_SIDE, _SIDE))))
    found = 0
    for dies in _maps(view, ids):
        found += 1
        if is_exact:
            total += dies != NO_DIE
            failing += dies == FAIL
        elif dies.any():
            cells = encoding.encode(dies, _SIDE) / 255
            failing += cells[..., 0]
            total += cells[..., 1]
    return Stack(found, len(wafers) - found, is_exact, total, failing)


def _maps(view: StoreView, ids: Sequence[int]) -> Iterator[DieGrid]:
    for number, packed, rows, columns in view.rows_in(_MAPS, ids):
        try:
            yield unpacked(packed, rows, columns)
        except (zlib.error, ValueError):
            what = f"{view.path}: the map of record {number} is damaged"
            raise OutputError(f"{what}; put the store's backup back") from None
