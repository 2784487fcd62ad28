"""A sink fed from the store: in order, at its own pace, whatever it does."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import OutputError
from edge.results.jsonl import encode
from edge.results.record import UNDELIVERABLE, Record, number_of, short
from edge.sinks.durable_sink import RecordRefusedError
from edge.sinks.store_copy import StoreSink
from edge.station import outbox as module
from edge.station.outbox import LAST, Outbox
from edge.store.names import Cursor
from edge.store.store import Store
from tests.support.records import error, result
from tests.support.station import rows, wait_for


class Fake:
    """A sink that does what the test says; notes what it was asked for.

    Attributes:
        real: Where it says that it really is when it is opened; None: where the store thinks.
        on_send: Called with the numbers of a batch before they are kept.
    """

    name = "fake"

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.short: list[str] = []
        self.opened: list[Cursor] = []
        self.idled = 0
        self.closed = 0
        self.real: int | None = None
        self.on_send: Callable[[list[int]], None] = lambda _: None
        self.on_open: Callable[[], None] = lambda: None

    def open(self, mark: Cursor) -> Cursor:
        self.opened.append(mark)
        self.on_open()
        return mark if self.real is None else Cursor(self.real)

    def send(self, records: Sequence[Record]) -> Cursor:
        self.short += [record["id"] for record in records if record.get("kind") == UNDELIVERABLE]
        numbers = [number_of(record) for record in records]
        self.on_send(numbers)
        self.kept += numbers
        return Cursor(numbers[-1], offset=100 * numbers[-1])

    def idle(self, seconds: float) -> None:
        self.idled += 1

    def close(self) -> None:
        self.closed += 1


class Post:
    """A store, a sink and the outbox between them."""

    def __init__(self, path: Path, mark: int) -> None:
        self.store = Store(path)
        self.sink = Fake()
        self.outbox = Outbox(self.sink, path, Cursor(mark), self.store.last)
        self._last = 0

    def record(self, count: int) -> None:
        """Wafers and bad files in turn, in one transaction."""
        numbers = range(self._last, self._last + count)
        self.store.add([result(n) if n % 2 else error(n) for n in numbers])
        self._last += count
        self.outbox.wake()

    def end(self) -> None:
        self.outbox.stop()
        self.outbox.join()


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "BATCH", 4)
    made = Post(tmp_path / "s.sqlite", mark=0)
    with closing(made.store):
        yield made
        made.outbox.stop()


def test_all_records_in_order_and_the_mark_follows(post: Post) -> None:
    post.record(10)
    post.outbox.start()
    wait_for(lambda: post.outbox.mark.delivered == 10, "what was there before the start")
    post.record(3)
    wait_for(lambda: post.outbox.mark.delivered == 13, "what came after")
    post.end()
    assert post.sink.kept == list(range(1, 14))
    assert post.outbox.mark == Cursor(13, 1300, post.store.names)
    assert (len(post.sink.opened), post.sink.closed) == (1, 1)


def test_it_goes_on_where_the_sink_really_is(post: Post) -> None:
    post.record(6)
    post.outbox = Outbox(post.sink, post.store.path, Cursor(), post.store.last)
    post.sink.real = 4
    post.outbox.start()
    wait_for(lambda: post.outbox.mark.delivered == 6, "the rest")
    assert post.sink.kept == [5, 6]
    post.end()


def test_a_sink_that_is_ahead_gets_what_is_new_once_that_has_a_new_name(post: Post) -> None:
    """The store was put back from its backup: the sink has numbers 3 to 9 of other wafers."""
    post.record(2)
    post.outbox = Outbox(post.sink, post.store.path, Cursor(2), post.store.last)
    post.sink.real = 9
    post.outbox.start()
    assert post.outbox.looked.wait(10)
    wait_for(lambda: post.outbox.is_ahead, "it is seen")
    post.record(3)  # recorded before the owner of the store came to it
    assert (post.sink.kept, post.outbox.mark) == ([], Cursor(2))
    post.sink.real = 2
    post.store.rename(3)
    post.outbox.renamed(3)
    wait_for(lambda: post.outbox.mark.delivered == 5, "the new ones")
    assert post.sink.kept == [3, 4, 5]
    assert not post.outbox.is_ahead
    assert post.sink.opened[-1].names == post.store.names
    post.end()


def test_a_store_that_lost_its_end_delivers_what_takes_its_place(post: Post) -> None:
    post.record(4)
    post.outbox.start()
    wait_for(lambda: post.outbox.mark.delivered == 4, "all of them")
    post.store.rename(3)
    post.outbox.renamed(3)
    wait_for(lambda: post.sink.kept == [1, 2, 3, 4, 3, 4], "those under their new ids")
    post.end()


def test_a_failure_neither_skips_nor_repeats_what_is_kept(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([OutputError("f: away"), OSError(5, "Input/output"), ZeroDivisionError("odd")])

    def fail(numbers: list[int]) -> None:
        if 5 in numbers and (failure := next(failures, None)):
            raise failure

    post.sink.on_send = fail
    post.record(10)
    post.outbox.start()
    wait_for(lambda: post.outbox.mark.delivered == 10, "everything")
    post.end()
    assert post.sink.kept == list(range(1, 11))
    assert [mark.delivered for mark in post.sink.opened] == [0, 4, 4, 4]
    assert {mark.names for mark in post.sink.opened} == {post.store.names}
    assert post.sink.closed == 4, "closed before it is opened again, and at the end"
    assert post.outbox.failure is None
    assert [line.levelname for line in caplog.records] == ["ERROR", "WARNING"], "each said once"


def test_a_failure_shows_until_it_works_again(post: Post) -> None:
    post.sink.on_open = lambda: exec("raise OutputError('f: away')", {"OutputError": OutputError})  # noqa: S102
    post.outbox.start()
    wait_for(lambda: post.outbox.failure == "f: away", "the failure")
    wait_for(lambda: len(post.sink.opened) > 2, "another try")
    post.sink.on_open = lambda: None
    post.record(1)
    wait_for(lambda: post.outbox.failure is None, "the end of it")
    post.end()


def test_pauses_grow_up_to_a_limit(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(module.random, "uniform", lambda low, high: high)
    pauses: list[float] = []
    wait = post.outbox._stopping.wait

    def noted(seconds: float) -> bool:
        pauses.append(seconds)
        return wait(0)

    monkeypatch.setattr(post.outbox._stopping, "wait", noted)
    monkeypatch.setattr(post.outbox, "_pause", 0.01)
    post.sink.on_open = lambda: exec("raise OSError(5, 'x')")  # noqa: S102
    post.outbox.start()
    wait_for(lambda: len(pauses) > 4, "tries")
    post.end()
    assert pauses[:5] == pytest.approx([0.01, 0.02, 0.04, 0.05, 0.05])


def test_what_is_left_is_delivered_at_the_end(post: Post) -> None:
    going, go_on = threading.Event(), threading.Event()

    def slow(_: list[int]) -> None:
        going.set()
        go_on.wait(10)

    post.sink.on_send = slow
    post.record(10)
    post.outbox.start()
    assert going.wait(10)
    post.outbox.stop()
    go_on.set()
    post.outbox.join()
    assert post.sink.kept == list(range(1, 11))
    assert post.sink.closed == 1


def test_a_sink_that_is_slow_or_hangs_holds_nobody_for_long(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST", 0.2)
    hanging, let_go = threading.Event(), threading.Event()

    def hang(_: list[int]) -> None:
        hanging.set()
        let_go.wait(30)

    post.sink.on_send = hang
    post.record(10)
    post.outbox.start()
    assert hanging.wait(10)
    before = time.monotonic()
    post.end()
    assert time.monotonic() - before < LAST
    let_go.set()  # it comes back long after: no more is sent
    post.outbox._thread.join(10)
    assert post.sink.kept == [1, 2, 3, 4]


def test_a_sink_with_nothing_to_do_looks_after_itself(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE", 0.01)
    post.outbox.start()
    wait_for(lambda: post.sink.idled > 2, "signs of life")
    post.end()
    assert post.sink.kept == []


def test_a_record_that_the_sink_will_never_take_holds_up_no_other(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[list[int]] = []

    def refuse(numbers: list[int]) -> None:
        sent.append(numbers)
        if 7 in numbers and not post.sink.short:
            post.sink.kept += [5, 6]  # what goes before is kept
            name = post.store.name
            raise RecordRefusedError("f: no", f"{name}-7", "too large")

    post.sink.on_send = refuse
    post.record(10)
    post.outbox.start()
    wait_for(lambda: post.outbox.mark.delivered == 10, "everything")
    post.end()
    assert sent == [[1, 2, 3, 4], [5, 6, 7, 8], [7], [8, 9, 10]]
    assert post.sink.kept == list(range(1, 11))
    assert post.sink.short == [f"{post.store.name}-7"]
    assert (post.outbox.refused, len(post.sink.opened)) == (1, 1)
    assert [line.levelname for line in caplog.records] == ["ERROR"]
    assert "too large" in caplog.text


def test_a_record_that_upsets_the_sink_for_ever_holds_up_no_other(post: Post) -> None:
    def upset(numbers: list[int]) -> None:
        if 7 in numbers and not post.sink.short:
            raise OverflowError("too large to convert")

    post.sink.on_send = upset
    post.record(10)
    post.outbox.start()
    wait_for(lambda: post.outbox.mark.delivered == 10, "everything")
    post.end()
    assert post.sink.kept == list(range(1, 11))
    assert post.sink.short == [f"{post.store.name}-7"]
    assert post.outbox.failure is None


def test_a_sink_that_takes_nothing_at_all_loses_nothing(post: Post) -> None:
    attempts: list[list[int]] = []

    def broken(numbers: list[int]) -> None:
        attempts.append(numbers)
        raise OverflowError("out of its mind")

    post.sink.on_send = broken
    post.record(3)
    post.outbox.start()
    wait_for(lambda: len(attempts) > 8, "many attempts")
    assert post.outbox.mark.delivered == 0
    post.sink.on_send = lambda _: None
    wait_for(lambda: post.outbox.mark.delivered == 3, "everything")
    post.end()
    assert post.sink.kept == [1, 2, 3]


def test_what_a_second_store_cannot_hold_holds_up_no_other(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Store.add

    def picky(self: Store, records: list[Record], *more: object, **rest: object) -> object:
        if any(record.get("dies") == 501 for record in records):
            raise sqlite3.IntegrityError("NOT NULL constraint failed: results.dies")
        return add(self, records, *more, **rest)  # type: ignore[arg-type]

    post.store.add([result(1), result(2, dies=501), result(3)])
    monkeypatch.setattr(Store, "add", picky)
    copy = tmp_path / "copy.sqlite"
    outbox = Outbox(StoreSink(copy), tmp_path / "s.sqlite", Cursor(), post.store.last)
    outbox.start()
    wait_for(lambda: outbox.mark.delivered == 3, "everything")
    outbox.stop()
    outbox.join()
    assert [row["source"] for row in rows(copy)] == ["in/w1.png", "in/w3.png"]
    kept = rows(copy, "SELECT * FROM errors")
    assert [(row["source"], row["kind"]) for row in kept] == [("in/w2.png", UNDELIVERABLE)]
    assert "NOT NULL" in kept[0]["error"]


def test_a_short_record_is_short() -> None:
    whole = {"id": "s-1", **result(1, source="in/" + 2000 * "x" + "/w1.png")}
    made = short(whole, "y" * 2000)
    assert made["id"] == "s-1"
    assert made["source"].endswith("x/w1.png")
    assert len(encode(made)) < 1000
