"""Batches of all sources -> the store, and from there to whoever waits for it.

One thread writes the store. It keeps several batches in one transaction while more are waiting, so
a transaction's price is shared; it keeps each at once while there is only one.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from edge.errors import InputKind, OutputError
from edge.results.record import Record
from edge.station.counters import Counters
from edge.station.source import Batch, utc_now
from edge.store.store import Added, Store
from edge.store.taken import FileNote, Placed
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Records in a transaction.
TRANSACTION: Final = 512

#: What a record raises that the store will never hold: the record's fault, not the disk's.
_UNFIT: Final = (
    sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, ArithmeticError,
    LookupError, TypeError, ValueError,
)  # fmt: skip

#: Batches that wait for the store; then the sources wait.
WAITING: Final = 16


class Recorder:
    """Keeps batches.

    Args:
        store: Where; used by the thread that calls ``commit_next`` alone.
        common: What every result has in common.
        counters: Counts what was kept.
        on_kept: Called after each transaction with the records that are new.
    """

    def __init__(
        self,
        store: Store,
        common: dict[str, Any],
        counters: Counters,
        on_kept: Callable[[Sequence[Record]], None],
    ) -> None:
        self.trouble: str | None = None
        self._store = store
        self._common = common
        self._counters = counters
        self._on_kept = on_kept
        self._unkept: list[Batch] = []
        self._queue: queue.Queue[Batch] = queue.Queue(WAITING)

    @property
    def left(self) -> int:
        """Records that were handed over and are not on the disk."""
        waiting = [*self._unkept, *self._queue.queue]
        return sum(len(batch.records) for batch in waiting)

    def submit(self, batch: Batch, stop: threading.Event) -> bool:
        """Called by a source's thread; waits while the store is behind.

        Returns:
            False where the station stopped before there was room: the batch is not kept.
        """
        while True:
            try:
                self._queue.put(batch, timeout=0.1)
            except queue.Full:
                if stop.is_set():
                    return False
            else:
                return True

    def wake(self) -> None:
        """End the wait of ``commit_next``: a source has ended."""
        with suppress(queue.Full):
            self._queue.put_nowait(Batch([]))

    def commit_next(self, seconds: float) -> bool:
        """Keep what is waiting, or what could not be kept the last time; whether anything was.

        Args:
            seconds: Wait at most so long for the next batch, or for room on the disk.
        """
        if not self._unkept:
            try:
                self._unkept = [self._queue.get(timeout=seconds)]
            except queue.Empty:
                self._works(self._store.rest)  # nothing to record: the store looks after itself
                return False
        elif self.trouble is not None:
            time.sleep(seconds)
        while sum(len(batch.records) for batch in self._unkept) < TRANSACTION:
            try:
                self._unkept.append(self._queue.get_nowait())
            except queue.Empty:
                break
        some = _apart(self._unkept)
        kept = self._works(lambda: self._keep(some))
        if kept:
            self._unkept = self._unkept[len(some) :]
        return kept

    def _works(self, act: Callable[[], None]) -> bool:
        """Whether something can be done with the store; says when that changes."""
        try:
            act()
        except OutputError as error:
            if self.trouble is None:
                _log.error(
                    "%s; no more files are taken until it can, none is lost (a camera's wafers "
                    "wait in memory, some 500 of them)",
                    printable(str(error)),
                )
            self.trouble = str(error)
            return False
        if self.trouble is not None:
            _log.warning("the store can be written again")
            self.trouble = None
        return True

    def _keep(self, waiting: Sequence[Batch]) -> None:
        records: list[Record] = []
        taken: dict[str, FileNote | None] = {}
        placed: list[Placed] = []
        now = utc_now()
        for batch in waiting:
            taken.update(batch.taken)
            placed += batch.placed
            for record in batch.records:
                record.update(self._common)
                record["recorded_at"] = now
                records.append(record)
        added = self._added(records, taken, placed)
        self._counters.add(added.records, time.monotonic() - waiting[0].at, len(added.repeats))
        for source in added.repeats:
            _log.info("%s: its content was recorded before", printable(source))
        for batch in waiting:
            batch.kept()
        self._on_kept(added.records)

    def _added(
        self, records: list[Record], taken: dict[str, FileNote | None], placed: list[Placed]
    ) -> Added:
        try:
            return self._store.add(records, taken, placed)
        except _UNFIT:
            # One record that the store cannot hold must not keep the others out, for ever.
            added = Added()
            for record in records:
                try:
                    one = self._store.add([record])
                except _UNFIT as error:
                    _log.exception("%s: cannot be recorded", printable(str(record["source"])))
                    one = self._store.add([_refused(record, str(error))])
                added.records += one.records
                added.repeats += one.repeats
            self._store.add([], taken, placed)
            return added


def _apart(waiting: list[Batch]) -> list[Batch]:
    """As many batches as have no name in common, which one file after the other may have had."""
    names: set[str] = set()
    for number, batch in enumerate(waiting):
        taken = {path for path, note in batch.taken.items() if note is not None}
        if taken & names:
            return waiting[:number]
        names |= taken
    return waiting


def _refused(record: Record, why: str) -> Record:
    """What takes the place of a record that the store cannot hold."""
    kept = {key: record.get(key) for key in ("source", "station", "tool", "seen_at", "recorded_at")}
    text = f"its result cannot be recorded ({why}); please report it with the file"
    return {**kept, "error": text, "kind": InputKind.UNREADABLE.value, "waited_ms": 0,
            "source_sha256": record.get("source_sha256") or ""}  # fmt: skip
