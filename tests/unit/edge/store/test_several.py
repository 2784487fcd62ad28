"""Records of several patterns a wafer, and the model file that they are of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.lots.store_view import StoreView
from edge.results.csv import Rows, station_columns
from edge.station.counters import Counters
from edge.store.models import ModelNote
from edge.store.reader import StoreReader
from edge.store.store import Store
from edge.wafer.patterns import WM811K_SEVERAL
from tests.support.records import result

AT = "2026-01-01T00:00:00.000Z"
BOTH = {
    "pattern": "Center+Scratch",
    "probabilities": {"Center": 0.99, "Scratch": 0.9, "Loc": 0.2},
    "patterns": {"Center": 0.99, "Scratch": 0.9},
}


def test_patterns_are_kept_and_come_back_where_there_are_some(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    note = ModelNote("ab" * 32, "m@1", "m.tflite", "cd" * 32, WM811K_SEVERAL, AT, AT)
    several = result(1, **BOTH, model_sha256="ab" * 32, verdict="accept", reason=None)
    nothing = result(2, pattern="none", patterns={}, model_sha256="ab" * 32)
    with closing(Store(path)) as store:
        store.begin_with(note)
        store.add([several, nothing, result(3)])
    with closing(StoreReader(path)) as reader:
        one, two, three = reader.after(0, 9)
        assert reader.models() == [note]
    assert one["patterns"] == BOTH["patterns"]
    assert two["patterns"] == {}
    assert "patterns" not in three
    with closing(sqlite3.connect(path)) as found:
        assert found.execute("SELECT kind FROM models").fetchall() == [("several",)]
    with closing(StoreView(path)) as view:
        shown = sorted(wafer.patterns for wafer in view.wafers("1", order="id"))
    assert shown == [(), ("Center", "Scratch"), ("Loc",)]


def test_columns_and_counts(tmp_path: Path) -> None:
    several = {"id": "s-1", **result(1, **BOTH)}
    columns = station_columns(WM811K_SEVERAL)
    assert "patterns" not in columns
    row = dict(zip(columns, Rows(columns).row(several).split(","), strict=True))
    assert (row["pattern"], row["p_Scratch"], row["p_Donut"]) == ("Center+Scratch", "0.9", "")
    counters = Counters()
    counters.add([{"suggested": None, "waited_ms": 1, **each} for each in (several,)], 0.0, 0)
    assert counters.wafers == {("Center+Scratch", "review"): 1}
    assert counters.named == {("Center", "review"): 1, ("Scratch", "review"): 1}
