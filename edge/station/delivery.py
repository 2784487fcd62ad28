"""What is recorded goes on: an outbox a sink, and how far each has come, noted in the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from edge.camera.address import without_secrets
from edge.errors import OutputError
from edge.sinks.durable_sink import DurableSink
from edge.station.outbox import Outbox
from edge.store.names import Cursor
from edge.store.store import Store
from edge.system.text import counted, printable, told_apart

_log = logging.getLogger(__name__)

#: Seconds between two notes of how far the sinks have come.
NOTING: Final = 2.0

#: Seconds that the sinks that are files have at the start to say how far they have come.
ASKING: Final = 5.0


class Delivery:
    """The outboxes of a station; used by the thread that writes its store.

    Args:
        sinks: Where records go; one that the store does not know gets what is recorded from now on.
        store: The station's store.

    Attributes:
        outboxes: One a sink.
        shown: What each is called.
    """

    def __init__(self, sinks: Sequence[DurableSink], store: Store) -> None:
        self._store = store
        self._names, self._first = store.names, store.last + 1
        known = store.marks()
        new = {sink.name: Cursor(store.last) for sink in sinks if sink.name not in known}
        if new:
            store.save_marks(new)
        marks = {**known, **new}
        self.shown = told_apart(
            without_secrets(sink.name) if "://" in sink.name else sink.name for sink in sinks
        )
        self.outboxes = [
            Outbox(sink, store.path, marks[sink.name], store.last, called)
            for sink, called in zip(sinks, self.shown, strict=True)
        ]
        self._noted: dict[str, Cursor] = {}
        self._noted_at = 0.0

    def start(self) -> None:
        """Before anything is recorded: which files have more than the store knows of?"""
        deadline = time.monotonic() + ASKING
        for outbox in self.outboxes:
            outbox.start()
        for outbox in self.outboxes:
            if outbox.mark.offset:
                outbox.looked.wait(max(0.0, deadline - time.monotonic()))
        self._follow_names()

    def wake(self) -> None:
        """There is something new in the store."""
        for outbox in self.outboxes:
            outbox.wake()

    def note(self, *, now: bool = False) -> None:
        """Keep the store's names and the sinks' in step, and note now and then how far they are."""
        self._follow_names()
        if not now and time.monotonic() - self._noted_at < NOTING:
            return
        marks = {outbox.name: outbox.mark for outbox in self.outboxes}
        news = {name: mark for name, mark in marks.items() if self._noted.get(name) != mark}
        if news:
            with suppress(OutputError):  # a full disk: the sinks find out where they were
                self._store.save_marks(news)
                self._noted.update(news)
        self._noted_at = time.monotonic()

    def lag(self, outbox: Outbox) -> int:
        """Records that a sink has not kept yet."""
        return max(0, self._store.last - outbox.mark.delivered)

    def stop(self) -> None:
        """Deliver what is there, if that works, and end; does not wait."""
        for outbox in self.outboxes:
            outbox.stop()

    def join(self) -> bool:
        """Wait for the end; returns whether every record is in every sink."""
        for outbox in self.outboxes:
            outbox.join()
        self.note(now=True)  # else the next run would take this one's records for delivered
        for outbox in self.outboxes:
            if lag := self.lag(outbox):
                _log.warning(
                    "%s: has not got %s; delivered by the next run",
                    printable(outbox.shown),
                    counted(lag, "record"),
                )
        return not any(map(self.lag, self.outboxes))

    def _follow_names(self) -> None:
        """Where numbers were given before, this run's records get a new name."""
        if any(outbox.is_ahead for outbox in self.outboxes):
            with suppress(OutputError):  # a full disk: in the next round
                self._store.rename(self._first)
        if self._names != self._store.names:
            self._names = self._store.names
            for outbox in self.outboxes:
                outbox.renamed(self._names.ranges[-1][0])
