"""A sink at its own pace: a thread that reads the store behind a mark and hands records on.

The store is the queue. It is on the disk, so a sink may be away for days, and it is one for all,
so none fills another's.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.errors import WmEdgeError
from edge.sinks.durable import DurableSink, Mark
from edge.sinks.record import number_of
from edge.sinks.store_reader import StoreReader
from edge.text import printable

_log = logging.getLogger(__name__)

#: Records handed over at a time.
BATCH: Final = 256

#: Seconds until a sink that failed is tried again, at first and at most; then 0.5 to 1 x of it.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0

#: Seconds without anything new after which a sink may look after itself.
IDLE: Final = 1.0

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
    """

    def __init__(self, sink: DurableSink, store: Path, mark: Mark) -> None:
        self.name = sink.name
        self.mark = mark
        self.failure: str | None = None
        self._sink = sink
        self._store = store
        self._pause = FIRST_PAUSE
        self._alive = time.monotonic()
        self._failed_at = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._stop_at = float("inf")
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the store."""
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
            return f"{self.name}: nothing is delivered any more; restart the station"
        silent = time.monotonic() - self._alive
        if self.failure is None and silent > SILENT:
            return f"{self.name}: does not answer for {silent:.0f} s"
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
                return self._feed()
            except (WmEdgeError, OSError) as error:
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 - one sink's fault is not the station's
                self._failed(f"failed in an unforeseen way ({error!r})")
            finally:
                with suppress(Exception):
                    self._sink.close()
            if self._stopping.wait(self._pause * random.uniform(0.5, 1.0)):  # noqa: S311
                return None
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    def _feed(self) -> None:
        """Hand records on until the station stops."""
        with closing(StoreReader(self._store)) as reader:
            self.mark = self._sink.open(self.mark)
            while True:
                self._wake.clear()
                while records := reader.after(self.mark.delivered, BATCH):
                    mark = self._sink.send(records)
                    delivered = max(mark.delivered, number_of(records[-1]))
                    self.mark = replace(self.mark, delivered=delivered, offset=mark.offset)
                    self._worked()
                    if time.monotonic() >= self._stop_at:
                        return
                if self._stopping.is_set():
                    return
                if not self._wake.wait(IDLE):
                    self._sink.idle(IDLE)
                    self._worked()

    def _worked(self) -> None:
        self._pause = FIRST_PAUSE
        self._alive = time.monotonic()
        if self.failure is not None:
            away = time.monotonic() - self._failed_at
            _log.warning("%s: works again after %.0f s", printable(self.name), away)
            self.failure = None

    def _failed(self, reason: str) -> None:
        if self.failure is None:
            self._failed_at = time.monotonic()
            _log.error("%s; nothing is lost, it goes on when that works", printable(reason))
        self.failure = reason
        self._alive = time.monotonic()
