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
from edge.classification.classifier import Classifier
from edge.errors import OutputError, UsageError
from edge.model.model_file import ModelFile, load
from edge.results.record import Record
from edge.sinks.settings import FileSettings
from edge.station.counters import Counters
from edge.station.delivery import Delivery
from edge.station.heartbeat import Heartbeat
from edge.station.recorder import Recorder
from edge.station.relay import Relay
from edge.station.settings import Settings, camera_names
from edge.station.source import StationSource, utc_now
from edge.station.systemd import Notifier
from edge.store.models import ModelNote
from edge.store.store import Store
from edge.store.wafer_maps import KeepMaps
from edge.system.text import counted, printable
from edge.system.typed import MismatchError
from edge.wafer import encoding

_log = logging.getLogger(__name__)

#: Seconds between two rounds of what a station does beside recording.
ROUND: Final = 0.5

#: Seconds for a round, after which recording counts as standing still.
STILL: Final = 15.0

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
        self.counters = Counters()
        self.stop = stop or threading.Event()
        self.model = load(settings.model.file)
        self._arguments = classifier_arguments(self.model, settings)
        # Tried before anything is opened; the first source takes it over.
        self._spare = [Classifier(**self._arguments)]
        runtime, self.own_patterns = self._spare[0].runtime, self._spare[0].own_patterns
        self._runtime = f"{runtime.backend} {runtime.version} {settings.model.kernels.value}"
        told = settings.station
        note = model_note(self.model)
        sinks = [sink.make(told.name, note) for sink in settings.sinks]
        tops = [os.path.abspath(top) for folder in settings.folders for top in folder.tops]  # noqa: PTH100
        self.store = Store(
            told.store, same=told.same, tops=tops, keep_maps=KeepMaps.parse(told.keep_maps)
        )
        self._at_end: list[Callable[[], None]] = []
        try:
            self.sources = list(self._sources())
            self.delivery = Delivery(sinks, self.store)
        except BaseException:
            self.store.close(discard=True)
            raise
        self.store.begin_with(note)
        self.recorder = Recorder(self.store, self._common(), self.counters, self._kept)
        self._failures: dict[str, BaseException] = {}
        self._threads = [
            threading.Thread(target=self._pump, args=(source,), daemon=True)
            for source in self.sources
        ]
        self._heartbeat = Heartbeat(STILL)

    def run(self) -> None:
        """Work until ``stop`` is set or every source has ended.

        Raises:
            Exception: what ended the last source; what it handed over before is recorded.
        """
        notifier = Notifier()
        self.delivery.start()
        for thread in self._threads:
            thread.start()
        notifier.ready("taking wafers")
        stop_at = float("inf")
        while True:
            self._heartbeat.beat()
            # Asked first: what a source handed over before it ended is kept in this round or later.
            ended = not any(thread.is_alive() for thread in self._threads)
            kept = self.recorder.commit_next(0.0 if ended else ROUND)
            self.delivery.note()
            with suppress(OutputError):  # the recorder says what is wrong
                self.store.tidy()
            notifier.alive(self.counters.summary())
            if self.stop.is_set() and stop_at == float("inf"):
                stop_at = time.monotonic() + GRACE
                notifier.stopping()
            done = ended and self.recorder.trouble is None
            if not kept and (done or time.monotonic() >= stop_at):
                break
        self._end()
        if len(self._failures) == len(self.sources):
            raise next(iter(self._failures.values()))

    @property
    def failed(self) -> bool:
        """Whether a source has ended with an error."""
        return bool(self._failures)

    def troubles(self) -> list[str]:
        """What keeps wafers from being recorded or delivered, until somebody does something."""
        still = self._heartbeat.silence
        stands = f"recording stands still for {still:.0f} s" if still else None
        found = [source.trouble() for source in self.sources]
        ended = [f"{name}: has ended ({error})" for name, error in self._failures.items()]
        died = [outbox.trouble for outbox in self.delivery.outboxes if outbox.has_died]
        all_ = (stands, self.recorder.trouble, *found, *ended, *died)
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
            from edge.station.folder.live_rules import LiveRules
            from edge.station.folder.workers import Workers

            deaths = Deaths(store)
            self._at_end.append(deaths.close)
        for folder in self.settings.folders:
            names, rules = folder.names(), LiveRules(folder.rules(), folder.recipes)
            intake = FileIntake(self._classifier(), names, deaths.slot(), rules)
            arguments = {**self._arguments, "names": names, "rules": rules}
            workers = Workers(intake, arguments, deaths)
            yield FolderSource(folder, workers, store, (store, *written))
        if self.settings.cameras:
            from edge.station.camera_source import CameraSource

            called = camera_names(self.settings.cameras)
            for camera, name in zip(self.settings.cameras, called, strict=True):
                yield CameraSource(camera, name, self._classifier(), store)

    def _classifier(self) -> Classifier:
        """One for each source: none may be used by two threads."""
        return self._spare.pop() if self._spare else Classifier(**self._arguments)

    def _common(self) -> dict[str, Any]:
        return {
            "station": self.settings.station.name,
            "tool": f"wm-edge {__version__}",
            "model_sha256": self.model.sha256,
            "encoding": f"{encoding.NAME}/{encoding.VERSION}",
            "runtime": self._runtime,
            "unfamiliar_above": self._arguments["review"].unfamiliar_above,
            "mixed_above": self._arguments["review"].mixed_above,
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
        self.delivery.wake()
        for record in records:  # a table would tell it at its end, and a station's has none
            if record.get("warning"):
                _log.warning("%s: %s", printable(record["source"]), printable(record["warning"]))
        if self._show is not None:
            try:
                self._show(records)
            except Exception:  # noqa: BLE001 - to show it is not to record it
                _log.exception("what was recorded cannot be shown")
            return
        for record in records:  # nobody looks at a table: the log says what somebody should mend
            if "error" in record:
                _log.warning("%s: %s", printable(record["source"]), printable(record["error"]))

    def _end(self) -> None:
        if left := self.recorder.left:
            _log.error(
                "%s could not be kept (%s); files are taken anew by the next run, what a camera "
                "saw is lost",
                counted(left, "record"),
                self.recorder.trouble,
            )
        self.delivery.stop()
        for source, thread in zip(self.sources, self._threads, strict=True):
            # One that hangs may still be at it.
            last = None if thread.is_alive() else source.close()
            if last is not None:
                with suppress(OutputError):  # a full disk: the next run looks what became of it
                    self.store.add(last.records, last.taken, last.placed)
        delivered = self.delivery.join()
        left_over = any(source.trouble() or source.notice() for source in self.sources)
        self.is_complete = delivered and not (left or left_over)
        for end in self._at_end:
            end()
        self.store.close()


def model_note(model: ModelFile) -> ModelNote:
    """What the store keeps of the model file at work, from now on."""
    now, file = utc_now(), model.path.name
    known = model.sha256, model.name, file, model.network_sha256, model.patterns
    return ModelNote(*known, first_at=now, last_at=now)


def classifier_arguments(model: ModelFile, settings: Settings) -> dict[str, Any]:
    """The keyword arguments of ``Classifier``.

    Raises:
        UsageError: a threshold is for a pattern that the model file does not know.
    """
    try:
        review = settings.review.changed(model.review)
    except MismatchError as error:
        raise UsageError(f"review: {error}") from None
    return {
        "model": model,
        "backend": settings.model.backend,
        "kernels": settings.model.kernels,
        "average_symmetries": settings.model.average_symmetries,
        "review": review,
        "patterns": settings.patterns and settings.patterns.folder,
    }
