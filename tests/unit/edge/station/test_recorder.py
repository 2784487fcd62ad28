"""Batches -> the store: none is lost, whatever the disk does."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.errors import OutputError
from edge.results.record import Record
from edge.station.counters import Counters
from edge.station.recorder import TRANSACTION, WAITING, Recorder
from edge.station.source import Batch
from edge.store import store_file
from edge.store.reader import StoreReader
from edge.store.store import Added, Store
from edge.store.taken import FileNote, Stamp
from tests.support.records import error, result

STOP = threading.Event()
COMMON = {"station": "here", "tool": "t"}
NOTE = FileNote(Stamp(1, 2, 3, 4), "w1.png", "0f")


class Disk(Store):
    """A store whose disk may be full; ``sizes`` are those of its transactions."""

    full = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sizes: list[int] = []

    def add(self, records: Any, *more: Any, **options: Any) -> Added:
        if self.full:
            raise OutputError("s.sqlite: cannot be written (database or disk is full)")
        self.sizes.append(len(records))
        return super().add(records, *more, **options)


class Setup:
    """A recorder and what it did."""

    def __init__(self, path: Path) -> None:
        self.store = Disk(path)
        self.counters = Counters()
        self.shown: list[Record] = []
        self.kept: list[str] = []
        self.recorder = Recorder(self.store, COMMON, self.counters, self._on_kept)

    def _on_kept(self, records: Sequence[Record]) -> None:
        self.shown += records

    def submit(self, *records: Record, name: str = "") -> bool:
        """A batch that notes, once it is kept, whether it can be found in the store."""

        def kept() -> None:
            with closing(StoreReader(self.store.path)) as reader:
                assert reader.taken([f"/{name}"]) == {f"/{name}": NOTE}
            self.kept.append(name)

        batch = Batch(list(records), {f"/{name}": NOTE}, kept)
        return self.recorder.submit(batch, STOP)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Setup]:
    setup = Setup(tmp_path / "s.sqlite")
    yield setup
    setup.store.close()


def sources(records: Sequence[Record]) -> list[str]:
    return [record["source"] for record in records]


def test_a_store_in_trouble_is_known_while_nothing_is_recorded(
    at: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "IDLE", 0.0)
    assert not at.recorder.commit_next(0)
    content = at.store.path.read_bytes()
    at.store.path.write_bytes(b"")
    assert not at.recorder.commit_next(0)
    assert at.recorder.trouble is not None
    at.store.path.write_bytes(content)
    assert not at.recorder.commit_next(0)
    assert at.recorder.trouble is None


def test_what_waits_shares_a_transaction(at: Setup) -> None:
    for number in range(3):
        at.submit(result(number), error(number), name=str(number))
    assert at.recorder.commit_next(0)
    assert at.store.sizes == [6]
    assert at.kept == ["0", "1", "2"]
    assert [record["station"] for record in at.shown] == ["here"] * 6
    assert at.shown[0]["recorded_at"] > "2026-01-02T03:04:06.789Z"
    assert (at.counters.wafers.total(), at.counters.errors.total()) == (3, 3)
    assert not at.recorder.commit_next(0), "there is nothing more"


def test_a_transaction_has_an_end(at: Setup) -> None:
    many = [result(number) for number in range(TRANSACTION)]
    at.submit(*many, name="many")
    at.submit(result(-5), name="one")
    assert at.recorder.commit_next(0)
    assert at.recorder.commit_next(0)
    assert at.store.sizes == [TRANSACTION, 1]


def test_a_full_disk_loses_nothing(at: Setup, caplog: pytest.LogCaptureFixture) -> None:
    at.store.full = True
    at.submit(result(1), name="1")
    at.submit(result(2), name="2")
    for _ in range(3):
        assert not at.recorder.commit_next(0)
    at.submit(result(3), name="3")
    assert "disk is full" in (at.recorder.trouble or "")
    assert (at.kept, at.shown, at.counters.wafers.total()) == ([], [], 0)
    at.store.full = False
    assert at.recorder.commit_next(0)
    assert at.recorder.trouble is None
    assert at.kept == ["1", "2", "3"]
    assert sources(at.shown) == sources([result(1), result(2), result(3)])
    assert [line.levelname for line in caplog.records] == ["ERROR", "WARNING"], "each said once"


def test_sources_wait_for_the_store_and_can_be_stopped(at: Setup) -> None:
    for number in range(WAITING):
        assert at.submit(result(number), name=str(number))
    stop = threading.Event()
    answers: list[bool] = []
    waiting = threading.Thread(
        target=lambda: answers.append(at.recorder.submit(Batch([result(99)]), stop))
    )
    waiting.start()
    waiting.join(0.15)
    assert waiting.is_alive()
    stop.set()
    waiting.join(10)
    assert answers == [False]
    at.recorder.commit_next(0)
    assert at.recorder.submit(Batch([]), stop), "there is room: the last ones are still kept"
    assert result(99)["source"] not in sources(at.shown)


def test_repeats_are_counted_and_named(at: Setup, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "edge")
    at.submit(result(1), result(1, source="in/co\npy.png"), name="1")
    at.recorder.commit_next(0)
    assert at.counters.repeats == 1
    assert len(at.shown) == 1
    assert "in/co?py.png: its content was recorded before" in caplog.text


@pytest.mark.parametrize(
    "unfit",
    [{"probability": float("nan")}, {"lot": ["x"]}, {"slot": 2**70}, {"probabilities": {1: {2}}}],
)
def test_a_record_that_the_store_cannot_hold_keeps_no_other_out(
    at: Setup, unfit: dict[str, Any]
) -> None:
    at.submit(result(1), result(2, **unfit), result(3), name="a")
    assert at.recorder.commit_next(0)
    assert [record["source"] for record in at.shown] == ["in/w1.png", "in/w2.png", "in/w3.png"]
    assert "cannot be recorded" in at.shown[1]["error"]
    assert at.counters.wafers.total() == 2


def test_what_is_left_is_known(at: Setup) -> None:
    at.store.full = True
    at.submit(result(1), result(2), name="a")
    assert not at.recorder.commit_next(0)
    at.submit(result(3), name="b")
    assert at.recorder.left == 3
