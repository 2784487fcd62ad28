"""A camera as a source of a station: one record for each wafer that stood before it.

feed (frames) -> screen reader (die grid, or the reason for a refusal) -> stable -> classifier
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.camera.address import Address, SourceKind
from edge.camera.frames import Frame
from edge.errors import InputError, InputKind, OutputError
from edge.results.record import Record
from edge.screen.refusal import Refusal, RejectReason
from edge.screen.stable import Stable, digest_of
from edge.station.settings import CameraSettings
from edge.station.source import Batch, SourceMetric, result, utc_now
from edge.store.reader import StoreReader
from edge.system.text import counted
from edge.wafer.wafermap import DieGrid, WaferMap

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier

_log = logging.getLogger(__name__)

#: Seconds without a readable wafer map after which it is said why, and after which it is said
#: again.
SILENCE: Final = 5.0
REMINDER: Final = 600.0


#: How much of a recording is hashed to tell it from others.
_BEGINNING: Final = 2**20


class CameraSource:
    """The wafers that a camera or a recording shows.

    Args:
        settings: What to look at.
        classifier: Used by the source's thread alone.
        store: The station's store, for what was recorded last.

    Raises:
        UsageError: the source or the recipe makes no sense.
    """

    def __init__(
        self, settings: CameraSettings, name: str, classifier: Classifier, store: Path
    ) -> None:
        from edge.camera.feed import Feed

        self.name = name
        # What is said of the feed names the camera, too.
        self._address = replace(settings.address(), shown=name)
        self._settings = settings
        self._classifier = classifier
        self._store = store
        self._reader = settings.reader()
        self._stable = Stable(settings.stable, settings.complete_after)
        self._feed = Feed(self._address, patience=settings.patience)
        self._refused: Counter[RejectReason] = Counter()
        self._readable = time.monotonic()
        self._said = self._said_late = float("-inf")

    def metrics(self) -> Iterable[SourceMetric]:
        """Frames received, dropped and refused."""
        yield SourceMetric("frames_received_total", self._feed.received)
        yield SourceMetric("frames_dropped_total", self._feed.dropped)
        yield SourceMetric("camera_reopened_total", self._feed.reopened)
        for reason in RejectReason:
            yield SourceMetric(
                "frames_refused_total", self._refused[reason], {"gate": reason.value}
            )

    def trouble(self) -> str | None:
        """A camera that gives no frames."""
        from edge.camera.outage import FeedState

        return f"no frames from {self.name}" if self._feed.state is FeedState.LOST else None

    def notice(self) -> str | None:
        """A recording that ended too early."""
        return f"{self.name}: {self._feed.damage}" if self._feed.damage else None

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """See ``StationSource``.

        Raises:
            InputError: a recording that showed no wafer; says why.
        """
        known = self._still_there(stop)
        self._stable = Stable(self._settings.stable, self._settings.complete_after, known)
        recording = _identity(self._address)
        given, frame = 0, None
        for each in self._feed.frames(stop):
            if each is None:
                continue
            frame = each
            dies = self._look(frame)
            if known and self._stable.known:
                _log.info("%s: shows the wafer that was recorded last", self.name)
                known = None
            if dies is not None:
                given += 1
                yield Batch([self._record(frame, dies, recording)])
        # Told to stop: a recording is read again by the next run, and a wafer that is still being
        # drawn will stand there.
        early = bool(recording) and stop.is_set()
        last = None if early else self._stable.end(grown=bool(recording))
        if frame is not None and last is not None:
            given += 1
            yield Batch([self._record(frame, last, recording)])
        if recording and not stop.is_set():
            self._say_what_came(given)

    def close(self) -> None:
        """See ``StationSource``; there is nothing to finish."""

    def _look(self, frame: Frame) -> DieGrid | None:
        """The wafer map of a frame in which another wafer is sure."""
        try:
            seen = self._reader.read(frame.image)
        except Exception as error:  # noqa: BLE001 - no frame must end the station
            seen = Refusal(
                RejectReason.UNCLEAR_GRID, f"upset wm-edge ({type(error).__name__}: {error})"
            )
        late = self._stable.late
        dies = self._stable.feed(seen, frame.moment)
        if isinstance(seen, Refusal):
            self._refused[seen.reason] += 1
            self._explain(seen)
        else:
            self._readable = time.monotonic()
            self._refused[RejectReason.UNSTABLE] += self._stable.waiting
            self._refused[RejectReason.CUT_OFF] += self._stable.lacking
        now, wait = time.monotonic(), self._settings.complete_after
        if wait and self._stable.late > late and now - self._said_late > REMINDER:
            self._said_late = now
            _log.warning(
                "%s: the wafer recorded last went on growing after %g s and will count again; wait "
                "longer (complete_after)",
                self.name,
                wait,
            )
        return dies

    def _explain(self, refusal: Refusal) -> None:
        """Somebody who sets up a camera wants to know why nothing is recorded."""
        now = time.monotonic()
        if now - self._readable > SILENCE and now - self._said > REMINDER:
            self._said = now
            _log.warning(
                "%s: no wafer map to be read: %s (%s)", self.name, refusal.reason, refusal.why
            )

    def _say_what_came(self, given: int) -> None:
        refused = ", ".join(f"{reason} {count}" for reason, count in self._refused.items() if count)
        came = f"{counted(self._feed.received, 'frame')}; refused: {refused or 'none'}"
        if given:
            _log.info("%s: %s", self.name, came)
            return
        mend = "docs/station.md says what each means"
        if self._feed.received < self._settings.stable:
            mend = (
                f"{counted(self._settings.stable, 'frame')} must show the same map (--stable 1 for "
                "a still picture; wm-edge classify reads pictures that are nothing but a map)"
            )
        raise InputError(self.name, InputKind.NOT_A_MAP, f"gave no wafer: {came}; {mend}")

    def _record(self, frame: Frame, dies: DieGrid, recording: str) -> Record:
        seen_at = utc_now()
        # A recording gives the same events in every run; before a camera nothing happens twice.
        event = f"{recording} frame {frame.number}" if recording else seen_at
        wafer = WaferMap(dies, source=self.name)
        record = result(self._classifier, wafer, digest_of(dies), event)
        record["seen_at"] = seen_at
        record["waited_ms"] = int(1000 * (time.monotonic() - frame.at))
        return record

    def _still_there(self, stop: threading.Event) -> str | None:
        """Hash of the wafer that was recorded last: it may still stand before a live camera."""
        if self._address.kind is SourceKind.FILE:
            return None
        with closing(StoreReader(self._store)) as reader:
            while not stop.is_set():
                with suppress(OutputError):  # the store is in trouble: its writer says so
                    return reader.last_of(self.name)
                stop.wait(0.5)
        return None


def _identity(address: Address) -> str:
    """What tells a recording from others; empty for a live source."""
    if address.kind is not SourceKind.FILE:
        return ""
    path = Path(address.target)
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_BEGINNING))
    digest.update(str(path.stat().st_size).encode())
    return digest.hexdigest()[:12]
