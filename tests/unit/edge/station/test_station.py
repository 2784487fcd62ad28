"""What a station says of itself is true, also when one of its threads hangs or has died."""

from __future__ import annotations

import csv
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from edge.errors import OutputError
from edge.model.model_file import ModelFile
from edge.results.record import Record
from edge.sinks.settings import CsvSettings, JsonLinesSettings
from edge.station import outbox, station
from edge.station.folder_settings import FolderSettings
from edge.station.metrics import registry
from edge.station.settings import ModelSettings, Settings, StationSettings
from edge.station.station import Station
from edge.store.reader import StoreReader
from tests.support.model_files import called, changed
from tests.support.station import drop, wait_for


class Panic(BaseException):
    """As native libraries raise it: no ``Exception``."""


@contextmanager
def running(
    folder: Path,
    show: Callable[[Sequence[Record]], None] | None = None,
    model: Path | None = None,
    **changes: Any,
) -> Iterator[Station]:
    """A station on two folders, at work; ``changes`` are methods of its first source or sink."""
    tops = [folder / "a", folder / "b"]
    for top in tops:
        top.mkdir()
    made = Station(
        Settings(
            StationSettings(folder / "s.sqlite", "st-7"),
            ModelSettings(model),
            folders=tuple(FolderSettings((top,)) for top in tops),
            sinks=(JsonLinesSettings(folder / "r.jsonl"), CsvSettings(folder / "r.csv")),
        ),
        show,
    )
    for name, method in changes.items():
        owner = (
            made.sources[0] if hasattr(made.sources[0], name) else made.delivery.outboxes[0]._sink
        )
        setattr(owner, name, method)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        thread.join(20)
    assert not thread.is_alive()


def raising(*_: object) -> Any:
    raise Panic("lost its mind")


def test_a_recorder_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(station, "STILL", 1.0)
    go_on = threading.Event()
    with running(tmp_path, show=lambda _: go_on.wait(30) and None) as made:
        wait_for(made._threads[0].is_alive, "at work")
        assert made.troubles() == []
        drop(tmp_path / "a", 1)
        wait_for(made.troubles, "the trouble")
        assert "recording stands still for" in made.troubles()[0]
        go_on.set()
        wait_for(lambda: made.troubles() == [], "well again")


def test_a_store_that_cannot_be_asked_for_a_moment_ends_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OutputError("s.sqlite: cannot be read")] * 2
    in_hand = StoreReader.in_hand

    def failing(self: StoreReader) -> Any:
        if failures:
            raise failures.pop()
        return in_hand(self)

    monkeypatch.setattr(StoreReader, "in_hand", failing)
    with running(tmp_path) as made:
        wait_for(lambda: not failures, "the failures")
        drop(tmp_path / "a", 1)
        wait_for(lambda: made.counters.wafers, "recorded")
        assert made.troubles() == []


def test_names_of_patterns_are_text_for_every_reader(tmp_path: Path, shipped: ModelFile) -> None:
    names = (
        'a "b", c',
        "back\\slash",
        "\u6e90" * 100,
        "=1+1",
        "p_none",
        "{le}",
        "a/b#+",
        "id",
        "ok",
    )
    model = tmp_path / "own.tflite"
    model.write_bytes(changed(shipped, called(*names)))
    with running(tmp_path, model=model) as made:
        for number in range(9):
            drop(tmp_path / "a", number)
        wait_for(lambda: made.counters.wafers.total() == 9, "recorded")
        text = generate_latest(registry(made)).decode()
    with closing(StoreReader(tmp_path / "s.sqlite")) as reader:
        records = reader.after(0, 9)
        assert [note.patterns.names for note in reader.models()] == [names]
    families = {each.name: each for each in text_string_to_metric_families(text)}
    counted = {
        (sample.labels["pattern"], sample.labels["verdict"]): sample.value
        for sample in families["wm_edge_wafers"].samples
    }
    assert {pattern for pattern, _ in counted} == set(names)
    assert +Counter(counted) == Counter((one["pattern"], one["verdict"]) for one in records)
    assert all(tuple(one["probabilities"]) == names for one in records)
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, record in zip(rows, records, strict=True):
        assert row["id"] == record["id"]
        assert [float(row[f"p_{name}"]) for name in names] == [*record["probabilities"].values()]


def test_what_cannot_be_shown_is_recorded(tmp_path: Path) -> None:
    def show(_: Sequence[Record]) -> None:
        raise KeyError("a column")

    with running(tmp_path, show=show) as made:
        for number in range(2):
            drop(tmp_path / "a", number)
            wait_for(lambda: made.counters.wafers.total() == number + 1, "recorded")  # noqa: B023


def test_a_source_whose_thread_has_died(tmp_path: Path) -> None:
    with running(tmp_path, batches=raising) as made:
        wait_for(lambda: not made.is_up(made.sources[0]), "it has ended")
        assert made.troubles() == [f"{made.sources[0].name}: has ended (lost its mind)"]
        assert made.is_up(made.sources[1])


# A thread that dies of this says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sink_whose_thread_has_died(tmp_path: Path) -> None:
    with running(tmp_path, send=raising) as made:
        wait_for(made._threads[0].is_alive, "at work")
        assert made.troubles() == []
        drop(tmp_path / "a", 1)
        wait_for(made.troubles, "the trouble")
        assert made.troubles() == [
            f"jsonl:{tmp_path}/r.jsonl: nothing is delivered any more; restart the station"
        ]


def test_a_sink_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SILENT", 2.0)
    go_on = threading.Event()
    with running(tmp_path, send=lambda _: go_on.wait(30) and raising()) as made:
        drop(tmp_path / "a", 1)
        found = wait_for(lambda: made.delivery.outboxes[0].trouble, "noticed")
        assert "does not answer for" in found
        assert made.troubles() == [], "nothing is lost"


def test_a_source_that_hangs_does_not_delay_the_end(tmp_path: Path) -> None:
    let_go = threading.Event()
    with running(tmp_path, batches=lambda _: let_go.wait(30) and iter(())) as made:
        wait_for(made._threads[0].is_alive, "at work")  # and in a share that does not answer
        drop(tmp_path / "b", 1)
        wait_for(lambda: made.counters.wafers, "the other one goes on")
        before = time.monotonic()
        made.stop.set()
        wait_for(lambda: not made._threads[1].is_alive(), "the end")
    assert time.monotonic() - before < 5
    let_go.set()
