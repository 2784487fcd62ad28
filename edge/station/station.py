"""The station at work: sources in threads of their own, one recorder, an outbox a sink."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from edge import __version__
from edge.camera.address import without_secrets
from edge.classification.classifier import Classifier
from edge.errors import OutputError
from edge.model.model_file import ModelFile, load
from edge.results.record import Record
from edge.sinks.durable_sink import DurableSink
from edge.sinks.settings import FileSettings
from edge.station.counters import Counters
from edge.station.outbox import Outbox
from edge.station.recorder import Recorder
from edge.station.relay import Relay
from edge.station.settings import Settings, camera_names
from edge.station.source import StationSource
from edge.station.systemd import Notifier
from edge.store.cursor import Cursor
from edge.store.store import Store
from edge.store.wafer_maps import KeepMaps
from edge.system.text import counted, printable, told_apart
from edge.wafer import encoding

_log = logging.getLogger(__name__)

#: Seconds between two rounds of what a station does beside recording.
ROUND: Final = 0.5

#: Seconds between two notes of how far the sinks have come.
NOTING: Final = 2.0

#: Seconds for a round, after which recording counts as standing still.
STILL: Final = 15.0

#: Seconds that the sinks that are files have at the start to say how far they have come.
ASKING: Final = 5.0

#: Seconds after the order to stop by which everything in flight has been recorded.
GRACE: Final = 2.0


class Station:
    """A station, ready to run once.

    Args:
        settings: What it is told.
        show: Called with the records that were just recorded, in the thread that runs the station.
        stop: Ends the station when it is set; one of its own when not given.

    Attributes:
        outputs: What its messages go through, for the metrics.
        is_complete: Whether ``run`` left nothing undone: every folder was looked into, every file
            put away, every record is in every sink.

    Raises:
        UsageError: a setting makes no sense, or another station uses the store.
        ModelError: the model file cannot be used.
        RuntimeUnavailableError: no TFLite runtime works here.
        OutputError: the store cannot be written.
    """

    def __init__(
        self,
        settings: Settings,
        show: Callable[[Sequence[Record]], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._show = show
        self.outputs: Sequence[Relay] = ()
        self.is_complete = False
        self.settings = settings
        self.tally = Counters()
        self.stop = stop or threading.Event()
        self.model = load(settings.model.file)
        self._order = order(self.model, settings)
        # Tried before anything is opened; the first source takes it over.
        self._spare = [Classifier(**self._order)]
        runtime = self._spare[0].runtime
        self._runtime = f"{runtime.backend} {runtime.version} {settings.model.kernels.value}"
        told = settings.station
        sinks = [sink.make(told.name) for sink in settings.sinks]
        tops = [os.path.abspath(top) for folder in settings.folders for top in folder.tops]  # noqa: PTH100
        self.store = Store(
            told.store, same=told.same, tops=tops, keep_maps=KeepMaps.parse(told.keep_maps)
        )
        self._names, self._first = self.store.names, self.store.last + 1
        self._at_end: list[Callable[[], None]] = []
        try:
            self.sources = list(self._sources())
            self.outboxes = self._outboxes(sinks)
        except BaseException:
            self.store.close(discard=True)
            raise
        self.recorder = Recorder(self.store, self._common(), self.tally, self._kept)
        self._failures: dict[str, BaseException] = {}
        self._threads = [
            threading.Thread(target=self._pump, args=(source,), daemon=True)
            for source in self.sources
        ]
        self._noted: dict[str, Cursor] = {}
        self._noted_at = 0.0
        self._round_at = time.monotonic()

    def run(self) -> None:
        """Work until ``stop`` is set or every source has ended.

        Raises:
            Exception: what ended the last source; what it handed over before is recorded.
        """
        notifier = Notifier()
        for outbox in self.outboxes:
            outbox.start()
        self._ask_sinks()
        for thread in self._threads:
            thread.start()
        notifier.ready("taking wafers")
        stop_at = float("inf")
        while True:
            self._round_at = time.monotonic()
            # Asked first: what a source handed over before it ended is kept in this round or later.
            ended = not any(thread.is_alive() for thread in self._threads)
            kept = self.recorder.commit_next(0.0 if ended else ROUND)
            self._follow_names()
            self._note_marks()
            with suppress(OutputError):  # the recorder says what is wrong
                self.store.tidy()
            notifier.alive(self.tally.summary())
            if self.stop.is_set() and stop_at == float("inf"):
                stop_at = time.monotonic() + GRACE
                notifier.stopping()
            done = ended and self.recorder.trouble is None
            if not kept and (done or time.monotonic() >= stop_at):
                break
        self._end()
        if len(self._failures) == len(self.sources):
            raise next(iter(self._failures.values()))

    def lag(self, outbox: Outbox) -> int:
        """Records that a sink has not kept yet."""
        return max(0, self.store.last - outbox.mark.delivered)

    @property
    def failed(self) -> bool:
        """Whether a source has ended with an error."""
        return bool(self._failures)

    def troubles(self) -> list[str]:
        """What keeps wafers from being recorded or delivered, until somebody does something."""
        still = time.monotonic() - self._round_at
        stands = [f"recording stands still for {still:.0f} s"] if still > STILL else []
        found = [source.trouble() for source in self.sources]
        ended = [f"{name}: has ended ({error})" for name, error in self._failures.items()]
        died = [outbox.trouble for outbox in self.outboxes if outbox.has_died]
        all_ = (*stands, self.recorder.trouble, *found, *ended, *died)
        return [trouble for trouble in all_ if trouble]

    def notices(self) -> list[str]:
        """What somebody should know though wafers are recorded."""
        found = [self.store.notice, *(source.notice() for source in self.sources)]
        return [notice for notice in found if notice]

    def is_up(self, source: StationSource) -> bool:
        """Whether wafers can come from a source now."""
        thread = self._threads[self.sources.index(source)]
        has_ended = thread.ident is not None and not thread.is_alive()
        return not has_ended and source.trouble() is None

    def _sources(self) -> Iterator[StationSource]:
        store = self.settings.station.store
        written = [each.file for each in self.settings.sinks if isinstance(each, FileSettings)]
        if self.settings.folders:
            from edge.station.folder.deaths import Deaths
            from edge.station.folder.folder_source import FolderSource
            from edge.station.folder.intake import FileIntake
            from edge.station.folder.workers import Workers

            deaths = Deaths(store)
            self._at_end.append(deaths.close)
        for folder in self.settings.folders:
            names = folder.names()
            taker = FileIntake(self._classifier(), names, deaths.slot())
            workers = Workers(taker, {**self._order, "names": names}, deaths)
            yield FolderSource(folder, workers, store, (store, *written))
        if self.settings.cameras:
            from edge.station.camera_source import CameraSource

            called = camera_names(self.settings.cameras)
            for camera, name in zip(self.settings.cameras, called, strict=True):
                yield CameraSource(camera, name, self._classifier(), store)

    def _classifier(self) -> Classifier:
        """One for each source: none may be used by two threads."""
        return self._spare.pop() if self._spare else Classifier(**self._order)

    def _outboxes(self, sinks: Sequence[DurableSink]) -> list[Outbox]:
        """One a sink; a sink that the store does not know gets what is recorded from now on."""
        last = self.store.last
        known = self.store.marks()
        new = {sink.name: Cursor(last) for sink in sinks if sink.name not in known}
        if new:
            self.store.save_marks(new)
        marks = {**known, **new}
        shown = told_apart(
            without_secrets(sink.name) if "://" in sink.name else sink.name for sink in sinks
        )
        return [
            Outbox(sink, self.settings.station.store, marks[sink.name], last, called)
            for sink, called in zip(sinks, shown, strict=True)
        ]

    def _ask_sinks(self) -> None:
        """Before anything is recorded: which files have more than the store knows of?"""
        deadline = time.monotonic() + ASKING
        for outbox in self.outboxes:
            if outbox.mark.offset:
                outbox.looked.wait(max(0.0, deadline - time.monotonic()))
        self._follow_names()

    def _follow_names(self) -> None:
        """Where numbers were given before, this run's records get a new name."""
        if any(outbox.is_ahead for outbox in self.outboxes):
            with suppress(OutputError):  # a full disk: in the next round
                self.store.rename(self._first)
        if self._names != self.store.names:
            self._names = self.store.names
            for outbox in self.outboxes:
                outbox.renamed(self._names.ranges[-1][0])

    def _common(self) -> dict[str, Any]:
        return {
            "station": self.settings.station.name,
            "tool": f"wm-edge {__version__}",
            "model_sha256": self.model.sha256,
            "encoding": f"{encoding.NAME}/{encoding.VERSION}",
            "runtime": self._runtime,
            "unfamiliar_above": self._order["review"].unfamiliar_above,
            "mixed_above": self._order["review"].mixed_above,
        }

    def _pump(self, source: StationSource) -> None:
        """What a source's thread does."""
        try:
            for batch in source.batches(self.stop):
                if not self.recorder.submit(batch, self.stop):
                    return
        except BaseException as error:  # noqa: BLE001 - one source's fault is not the others'
            self._failures[source.name] = error
            if len(self.sources) > 1:  # an error that ends the station is said by who runs it
                _log.error("%s; the other sources go on", printable(str(error)))
            if len(self._failures) == len(self.sources):
                self.stop.set()
        finally:
            self.recorder.wake()

    def _kept(self, records: Sequence[Record]) -> None:
        for outbox in self.outboxes:
            outbox.wake()
        if self._show is not None:
            try:
                self._show(records)
            except Exception:  # noqa: BLE001 - to show it is not to record it
                _log.exception("what was recorded cannot be shown")
            return
        for record in records:  # nobody looks at a table: the log says what somebody should mend
            if "error" in record:
                _log.warning("%s: %s", printable(record["source"]), printable(record["error"]))

    def _note_marks(self, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._noted_at < NOTING:
            return
        marks = {outbox.name: outbox.mark for outbox in self.outboxes}
        news = {name: mark for name, mark in marks.items() if self._noted.get(name) != mark}
        if news:
            with suppress(OutputError):  # a full disk: the sinks find out where they were
                self.store.save_marks(news)
                self._noted.update(news)
        self._noted_at = time.monotonic()

    def _end(self) -> None:
        if left := self.recorder.left:
            _log.error(
                "%s could not be kept (%s); files are taken anew by the next run, what a camera "
                "saw is lost",
                counted(left, "record"),
                self.recorder.trouble,
            )
        for outbox in self.outboxes:
            outbox.stop()
        for source, thread in zip(self.sources, self._threads, strict=True):
            # One that hangs may still be at it.
            last = None if thread.is_alive() else source.close()
            if last is not None:
                with suppress(OutputError):  # a full disk: the next run looks what became of it
                    self.store.add(last.records, last.taken, last.placed)
        for outbox in self.outboxes:
            outbox.join()
        self._follow_names()  # else the next run would take this one's records for delivered
        self._note_marks(now=True)
        for outbox in self.outboxes:
            if lag := self.lag(outbox):
                _log.warning(
                    "%s: has not got %s; delivered by the next run",
                    printable(outbox.shown),
                    counted(lag, "record"),
                )
        left_over = any(source.trouble() or source.notice() for source in self.sources)
        self.is_complete = not (left or left_over or any(map(self.lag, self.outboxes)))
        for end in self._at_end:
            end()
        self.store.close()


def order(model: ModelFile, settings: Settings) -> dict[str, Any]:
    """The keyword arguments of ``Classifier``."""
    return {
        "model": model,
        "backend": settings.model.backend,
        "kernels": settings.model.kernels,
        "average_symmetries": settings.model.average_symmetries,
        "review": settings.review.changed(model.review),
    }
