"""Lots are counted once, and anew where their records changed, whatever lies beside the store."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.errors import UsageError
from edge.lots.lot import Lot
from edge.lots.store_view import StoreView, patterns_of
from edge.lots.summary import Selection, Summary
from edge.results.record import Record
from tests.support.lots import at, lot_records, wafer, write_store


def lots(path: Path, **selection: Any) -> dict[str, Lot]:
    with closing(StoreView(path)) as view, closing(Summary(view)) as summary:
        assert summary.note == ""
        return {one.name: one for one in summary.lots(Selection(**selection))}


def change(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount


@pytest.fixture
def store(tmp_path: Path) -> Path:
    patterns = ["none", "Loc", "Loc", "Scratch", "Loc", "none"]
    records = lot_records("A", patterns, 0)
    records[3] |= {"fails": 60, "verdict": "review"}
    records += lot_records("B", ["none"] * 3, 60)
    return write_store(tmp_path / "r.sqlite", records)


def test_a_lot_is_what_its_wafers_are(store: Path) -> None:
    found = lots(store)
    assert [*found] == ["A", "B"]
    one = found["A"]
    assert (one.wafers, one.with_pattern, one.review) == (6, 4, 1)
    assert (one.first, one.worst, one.worst_share) == ("2", "4", 0.6)
    assert (one.run, one.run_of) == (2, "Loc")
    assert {name: count.wafers for name, count in one.patterns.items()} == {"Loc": 3, "Scratch": 1}
    assert one.patterns["Scratch"].fails == 60
    assert one.yielded == pytest.approx(1 - 110 / 600)
    assert (one.first_at, one.last_at) == (at(0.1), at(0.6))
    assert (found["B"].first, found["B"].run_of) == (None, None)


def test_wafers_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Numbers are compared as such, also those that no integer holds."""
    names = ["W10", "W9", "W2", "W" + "9" * 5000]
    records = [wafer("A", name, "Loc" if "9" in name else "none") for name in names]
    found = lots(write_store(tmp_path / "r.sqlite", records))["A"]
    assert (found.first, found.run) == ("W9", 1)


def test_a_wafer_that_came_again_counts_once_as_it_is_now(store: Path) -> None:
    write_store(store, [wafer("A", "2", "none"), wafer("A", None, "Loc"), wafer("A", None, "Loc")])
    found = lots(store)["A"]
    assert found.wafers == 8
    assert found.count("Loc") == 4


def test_what_changes_in_the_store_is_counted_anew(store: Path) -> None:
    lots(store)
    change(store, "UPDATE results SET lot = 'C' WHERE lot = 'A' AND wafer = '4'")  # renamed
    change(store, "DELETE FROM results WHERE lot = 'B'")
    found = lots(store)
    assert {name: one.wafers for name, one in found.items()} == {"A": 5, "C": 1}
    assert found["A"].run == 3
    write_store(store, lot_records("D", ["Donut"], 90))
    assert lots(store)["D"].count("Donut") == 1


def test_wafers_without_a_lot_are_put_together_by_day(tmp_path: Path) -> None:
    records: list[Record] = [
        wafer(None, None, "Loc", recorded_at=at(minutes)) for minutes in (5, 30, 2000)
    ]
    store = write_store(tmp_path / "r.sqlite", [*records, *lot_records("A", ["none"], 40)])
    change(store, "UPDATE results SET id = id + 4096 WHERE id = 2")  # far apart, of one day
    found = lots(store)
    assert {name: (one.wafers, one.is_day, one.run) for name, one in found.items()} == {
        "2026-01-01": (2, True, 0), "A": (1, False, 0), "2026-01-02": (1, True, 0),
    }  # fmt: skip
    assert [*lots(store, lot="2026-01-01")] == ["2026-01-01"]


def test_lots_are_chosen_by_time_and_number(store: Path) -> None:
    write_store(store, lot_records("Z", ["none"], 200))
    assert [*lots(store, last=2)] == ["B", "Z"]
    assert [*lots(store, since=at(61))] == ["Z"]
    assert [*lots(store, lot="A", since=at(61))] == []


@pytest.mark.parametrize(
    "spoiled", [b"SQLite format 3\0" + b"\xff" * 5000, b"nonsense" * 1000, b""]
)
def test_a_damaged_summary_is_made_anew(store: Path, spoiled: bytes) -> None:
    expected = lots(store)
    (store.parent / "r.lots.sqlite").write_bytes(spoiled)
    assert lots(store) == expected


def test_a_summary_of_another_store_counts_for_nothing(store: Path, tmp_path: Path) -> None:
    lots(store)
    store.unlink()
    write_store(store, lot_records("A", ["Donut"] * 6, 0))  # as many records, of the same numbers
    assert lots(store)["A"].count("Donut") == 6


def test_somebody_elses_database_is_left_alone(store: Path) -> None:
    with closing(sqlite3.connect(store.parent / "r.lots.sqlite")) as other, other:
        other.execute("CREATE TABLE lots (mine)")
    with closing(StoreView(store)) as view, pytest.raises(UsageError, match="no summary of ours"):
        Summary(view)


def test_a_station_may_hold_the_store(store: Path) -> None:
    from edge.store.store import Store

    with closing(Store(store)) as writer:
        before = lots(store)
        writer.add(lot_records("E", ["Loc"], 300))
        assert {*lots(store)} == {*before, "E"}
        writer.add(lot_records("F", ["Loc"], 400))


@pytest.mark.parametrize("step", [2, 3])
def test_stores_of_before_are_read_as_they_are(step: int, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(f"tests/data/before/store-{step}.sql").read_text("utf-8"))
    content = path.read_bytes()
    assert sum(one.wafers for one in lots(path).values()) > 0
    assert path.read_bytes() == content


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("nonsense")
    with pytest.raises(UsageError, match="no station's store"):
        StoreView(tmp_path / "x.sqlite")
    with pytest.raises(UsageError, match="cannot be read"):
        StoreView(tmp_path / "none.sqlite")


@pytest.mark.parametrize(
    ("pattern", "suggested", "expected"),
    [
        ("Loc", None, ("Loc",)),
        ("none", None, ()),
        ("Center+Scratch", None, ("Center", "Scratch")),
        ("none", "Chuck mark", ("Chuck mark",)),
        ("A+B", None, ("A+B",)),
        ("Loc", "Loc", ("Loc",)),
    ],
)
def test_a_wafer_counts_under_each_of_its_patterns(
    pattern: str, suggested: str | None, expected: tuple[str, ...]
) -> None:
    assert patterns_of(pattern, suggested, ("A+B", "A", "none"), "none") == expected


def test_counting_as_they_come_is_counting_all_at_once(tmp_path: Path) -> None:
    draw = random.Random(7)
    store = tmp_path / "r.sqlite"
    for number in range(6):
        some = [
            wafer(
                draw.choice(["A", "B", None]),
                draw.choice(["1", "2", None]),
                draw.choice(["none", "Loc", "Center+Scratch"]),
                recorded_at=at(700 * number + each),
            )
            for each in range(12)
        ]
        write_store(store, some)
        step_by_step = lots(store)
        (tmp_path / "r.lots.sqlite").unlink()
        assert lots(store) == step_by_step
