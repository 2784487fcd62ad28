"""Wafers laid over each other: every die counted, exactly where all have one grid."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge.errors import OutputError, UsageError
from edge.lots.stack import Stack, stacked, wafers_of
from edge.lots.store_view import StoreView
from edge.lots.summary import Summary
from edge.results.record import Record
from edge.wafer.wafer_picture import share_plate, share_uri
from edge.wafer.wafermap import DieGrid
from tests.support.lots import wafer, write_store

RNG = np.random.default_rng(3)


def drawn(rows: int, columns: int) -> DieGrid:
    dies = RNG.integers(0, 3, (rows, columns)).astype(np.uint8)
    dies[0] = dies[:, 0] = dies[-1] = dies[:, -1] = 1
    return dies


def stack(store: Path, pattern: str | None = None, most: int = 100) -> Stack:
    with closing(StoreView(store)) as view, closing(Summary(view)) as summary:
        return stacked(view, wafers_of(summary, summary.lots(), pattern, most))


def store_of(folder: Path, maps: list[DieGrid], patterns: list[str]) -> Path:
    records: list[Record] = [
        wafer("A", str(number), pattern, map=dies)
        for number, (dies, pattern) in enumerate(zip(maps, patterns, strict=True))
    ]
    return write_store(folder / "r.sqlite", records)


def test_a_stack_is_the_sum_of_its_wafers(tmp_path: Path) -> None:
    maps = [drawn(12, 10) for _ in range(5)]
    store = store_of(tmp_path, maps, ["Loc", "none", "Loc", "Center+Loc", "none"])
    found = stack(store)
    assert (found.wafers, found.without_map, found.is_exact) == (5, 0, True)
    assert np.array_equal(found.fails, sum(dies == 2 for dies in maps))
    assert np.array_equal(found.dies, sum(dies > 0 for dies in maps))
    shown = [maps[0], maps[2], maps[3]]
    assert np.array_equal(stack(store, "Loc").fails, sum(dies == 2 for dies in shown))
    assert stack(store, most=2).wafers == 2
    numbers = [*found.numbers()]
    assert len(numbers) == np.count_nonzero(found.dies)
    assert sum(one["fails"] for one in numbers) == sum(int((dies == 2).sum()) for dies in maps)


def test_wafers_of_several_grids_are_averaged_over_cells(tmp_path: Path) -> None:
    """Failing all over or nowhere: whatever the grid, each cell says how many wafers fail."""
    maps = [
        np.full((side, side + 3), state, np.uint8) for side, state in ((20, 2), (70, 2), (9, 1))
    ]
    found = stack(store_of(tmp_path, maps, ["none"] * 3))
    assert not found.is_exact
    assert np.allclose(found.share, 2 / 3)
    assert share_plate(found.share, found.top, ["some words"]).startswith(b"\x89PNG")
    assert share_uri(found.share, found.top).startswith("data:image/png;base64,")


def test_wafers_without_a_map_are_told(tmp_path: Path) -> None:
    store = store_of(tmp_path, [drawn(8, 8)], ["Loc"])
    write_store(store, [wafer("A", "9", "Loc"), wafer("B", "1", "Donut")])
    assert stack(store).without_map == 2
    with pytest.raises(UsageError, match="keeps the map of none"):
        stack(store, "Donut")


def test_a_damaged_map_is_told_with_its_record(tmp_path: Path) -> None:
    store = store_of(tmp_path, [drawn(8, 8)], ["Loc"])
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE maps SET dies = x'00'")
    with pytest.raises(OutputError, match="map of record 1 is damaged"):
        stack(store)
