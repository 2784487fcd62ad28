"""Maps and embeddings: what goes in comes out, and for as long as it was said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edge.results.record import MAP
from edge.store import wafer_maps
from edge.store.store import Store
from edge.store.wafer_maps import KeepMaps, KeptMap, Which, kept_map
from edge.wafer.wafermap import DieGrid
from tests.support.records import result

DIES = np.array([[0, 1, 0], [1, 2, 1]], np.uint8)
EMBEDDING = np.arange(-18, 18, dtype=np.int8)


def maps(path: Path) -> dict[int, KeptMap]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0]: KeptMap(*row[1:]) for row in connection.execute("SELECT * FROM maps")}


def wafer(number: int, **changes: Any) -> dict[str, Any]:
    return {**result(number, **changes), MAP: kept_map(DIES, EMBEDDING)}


@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 2))
)
def test_a_map_comes_out_as_it_went_in(dies: DieGrid) -> None:
    grid = kept_map(np.ascontiguousarray(dies), None).grid()
    assert grid is not None
    np.testing.assert_array_equal(grid, dies)


def test_the_store_keeps_map_and_embedding_of_every_wafer(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "s")) as store:
        added = store.add([wafer(1, verdict="accept"), wafer(2), wafer(1)])
        assert all(MAP not in record for record in added.records)
    found = maps(tmp_path / "s")
    assert list(found) == [1, 2]
    for kept in found.values():
        grid = kept.grid()
        assert grid is not None
        np.testing.assert_array_equal(grid, DIES)
        assert kept.embedding == EMBEDDING.tobytes()


def test_maps_of_accepted_wafers_need_not_be_kept(tmp_path: Path) -> None:
    keep = KeepMaps(Which.REVIEW)
    with closing(Store(tmp_path / "s", keep_maps=keep)) as store:
        store.add([wafer(1, verdict="accept", reason=None), wafer(2)])
    accepted, reviewed = maps(tmp_path / "s").values()
    assert (accepted.grid(), accepted.embedding) == (None, EMBEDDING.tobytes())
    assert reviewed.grid() is not None


def test_old_maps_are_dropped_in_small_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wafer_maps, "STEP", 3)
    monkeypatch.setattr(wafer_maps, "EVERY", 0.0)
    now = datetime.now(timezone.utc)
    ages = [9, 8, 7, 6, 5, 4, 1, 0]
    with closing(Store(tmp_path / "s", keep_maps=KeepMaps(days=3))) as store:
        for number, age in enumerate(ages):
            when = (now - timedelta(days=age)).isoformat(timespec="milliseconds")
            store.add([wafer(number, recorded_at=when)])
        left = []
        for _ in range(4):
            left.append(sum(kept.dies is not None for kept in maps(tmp_path / "s").values()))
            store.tidy()
    assert left == [8, 5, 2, 2]
    assert all(kept.embedding for kept in maps(tmp_path / "s").values())


@pytest.mark.parametrize(
    ("value", "keep"),
    [("all", KeepMaps()), ("review", KeepMaps(Which.REVIEW)), (30, KeepMaps(days=30))],
)
def test_how_long_is_a_word_or_a_number_of_days(value: object, keep: KeepMaps) -> None:
    assert KeepMaps.parse(value) == keep


@pytest.mark.parametrize("value", ["", "none", 0, -1, 2.5, True, None])
def test_nothing_else_says_how_long(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        KeepMaps.parse(value)
