"""A sink at its own pace: a thread that reads the store behind a mark and hands records on.

The store is the queue. It is on the disk, so a sink may be away for days, and it is one for all,
so none fills another's.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.errors import OutputError, WmEdgeError
from edge.results.record import Record, number_of, short
from edge.sinks.durable_sink import DurableSink, RecordRefusedError
from edge.station.heartbeat import Heartbeat
from edge.store.names import Cursor
from edge.store.reader import StoreReader
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Records handed over at a time.
BATCH: Final = 256

#: Seconds until a sink that failed is tried again, at first and at most; then 0.5 to 1 x of it.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0

#: Seconds without anything new after which a sink may look after itself.
IDLE: Final = 1.0

#: So many times a record may upset a sink in a way that nobody foresaw.
UPSETS: Final = 3

#: Seconds without a sign of life after which a sink counts as hanging.
SILENT: Final = 60.0

#: Seconds that a sink which works may go on after the station was told to stop.
LAST: Final = 2.0


class Outbox:
    """Feeds one sink from the store.

    Args:
        sink: The sink.
        store: File of the station's store.
        mark: How far the sink has come.
        last: Number of the store's newest record before this run.
        shown: What the sink is called in messages and metrics; its name if left out.

    Attributes:
        looked: Set when the sink was asked for the first time how far it really has come.
        is_ahead: The sink has records of the store that the store does not know. It gets no more
            until ``renamed`` is called.
        refused: Records that the sink did not take as they are.
    """

    def __init__(
        self, sink: DurableSink, store: Path, mark: Cursor, last: int, shown: str = ""
    ) -> None:
        self.name = sink.name
        self.shown = shown or sink.name
        self.mark = mark
        self.failure: str | None = None
        self.refused = 0
        self.looked = threading.Event()
        self.is_ahead = False
        self._last: int | None = last
        self._first: int | None = None
        self._sink = sink
        self._store = store
        #: Up to this number records are handed over one by one; how often one of them upset the
        #: sink, which, and why.
        self._alone_until = 0
        self._upsets = 0
        self._suspect = self._reason = ""
        self._pause = FIRST_PAUSE
        self._heartbeat = Heartbeat(SILENT)
        self._failed_at = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._stop_at = float("inf")
        self._thread = threading.Thread(target=self._run, name=f"sink {self.shown}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the store."""
        self._wake.set()

    def renamed(self, first: int) -> None:
        """The store's records from this number on have a new name, so none of them is delivered."""
        self._first = first
        self.is_ahead = False
        self._wake.set()

    @property
    def has_died(self) -> bool:
        """Whether nothing will be delivered any more; from any thread."""
        running = self._thread.ident is None or self._thread.is_alive()
        return not (running or self._stopping.is_set())

    @property
    def trouble(self) -> str | None:
        """Why the sink gets no records now, in a few words; from any thread."""
        if self.has_died:
            return f"{self.shown}: nothing is delivered any more; restart the station"
        if self.failure is None and (silent := self._heartbeat.silence):
            return f"{self.shown}: does not answer for {silent:.0f} s"
        return self.failure

    def stop(self) -> None:
        """Deliver what is there, if that works, and end; does not wait."""
        self._stop_at = time.monotonic() + LAST
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait for the end, not for a sink that hangs."""
        self._thread.join(max(0.0, self._stop_at + 0.5 - time.monotonic()))

    def _run(self) -> None:
        while True:
            try:
                if not self._feed():
                    return
                continue
            except (WmEdgeError, OSError) as error:
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 - one sink's fault is not the station's
                self._failed(f"failed in an unforeseen way ({error!r})")
            finally:
                self.looked.set()
                with suppress(Exception):
                    self._sink.close()
            if self._stopping.wait(self._pause * random.uniform(0.5, 1.0)):  # noqa: S311
                return
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    def _feed(self) -> bool:
        """Hand records on until the station stops; True where the store has a new name instead."""
        with closing(StoreReader(self._store)) as reader:
            first, self._first = self._first, None
            if first is not None:
                self.mark = replace(self.mark, delivered=min(self.mark.delivered, first - 1))
            mark = self._sink.open(replace(self.mark, names=reader.names))
            if self._last is not None and mark.delivered > self._last:
                return self._wait_for_name(mark)
            self.mark, self._last = mark, None
            self.looked.set()
            while True:
                self._wake.clear()
                if self._first is not None:
                    return True
                while records := reader.after(self.mark.delivered, self._most()):
                    self._hand_over(records)
                    self._worked()
                    if time.monotonic() >= self._stop_at:
                        return False
                    if self._first is not None:
                        return True
                if self._stopping.is_set():
                    return False
                if not self._wake.wait(IDLE):
                    self._sink.idle(IDLE)
                    self._worked()

    def _wait_for_name(self, mark: Cursor) -> bool:
        """What this run records must get other ids than the sink has already."""
        _log.warning(
            "%s: has records up to number %d, the store had %d when the station started (was it "
            "put back from a backup?); what is recorded from then on gets a new name",
            printable(self.shown),
            mark.delivered,
            self._last,
        )
        self._last = None
        self.is_ahead = True
        self.looked.set()
        while self._first is None and not self._stopping.is_set():
            self._wake.wait(IDLE)
            self._wake.clear()
        return self._first is not None

    def _most(self) -> int:
        """Records to hand over at a time."""
        return 1 if self.mark.delivered < self._alone_until else BATCH

    def _hand_over(self, records: Sequence[Record]) -> None:
        """Hand records to the sink; one that it will never take does not hold up the others."""
        suspect = records[0]["id"]
        if self._upsets >= UPSETS and suspect == self._suspect:
            self._upsets = 0
            self._shorten(records, RecordRefusedError("", suspect, self._reason))
            return
        try:
            self._kept(self._sink.send(records), records[-1])
        except RecordRefusedError as refused:
            self._shorten(records, refused)
        except (WmEdgeError, OSError, MemoryError):
            raise
        except Exception as error:
            # Handed over one by one, the record that upsets the sink shows.
            self._alone_until = max(self._alone_until, number_of(records[-1]))
            if len(records) == 1:
                self._upsets = self._upsets + 1 if suspect == self._suspect else 1
                self._suspect, self._reason = suspect, f"{type(error).__name__}: {error}"
            raise

    def _shorten(self, records: Sequence[Record], refused: RecordRefusedError) -> None:
        """Let a short record take the place of one; if the sink refuses that too it is not it."""
        place = [record["id"] for record in records].index(refused.id)
        if place:
            self._kept(self.mark, records[place - 1])
        try:
            mark = self._sink.send([short(records[place], refused.why)])
        except RecordRefusedError as again:
            raise OutputError(str(again)) from again
        self._kept(mark, records[place])
        self.refused += 1
        _log.error(
            "%s: record %s of %s is not taken (%s); a short form is delivered, it stands whole in "
            "the store",
            printable(self.shown),
            refused.id,
            printable(records[place]["source"]),
            printable(refused.why),
        )

    def _kept(self, mark: Cursor, record: Record) -> None:
        delivered = max(mark.delivered, number_of(record))
        self.mark = replace(self.mark, delivered=delivered, offset=mark.offset)

    def _worked(self) -> None:
        self._pause = FIRST_PAUSE
        self._heartbeat.beat()
        if self.failure is not None:
            away = time.monotonic() - self._failed_at
            _log.warning("%s: works again after %.0f s", printable(self.shown), away)
            self.failure = None

    def _failed(self, reason: str) -> None:
        if self.failure is None:
            self._failed_at = time.monotonic()
            _log.error("%s; nothing is lost, it goes on when that works", printable(reason))
        self.failure = reason
        self._heartbeat.beat()
