"""When a file is whole: how long it must stay as it is before it is opened, and after."""

from __future__ import annotations

import logging
import time
from typing import Final

from edge.station.folder.dropped_file import SOON, DroppedFile
from edge.station.folder.intake import IntakeResult, IntakeState, WriterCheck
from edge.station.folder_settings import FolderSettings
from edge.store.taken import Stamp
from edge.system.files import FAT_STEP
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Seconds until a file that somebody writes is looked at again, at most.
LATER: Final = 0.2

#: Seconds after which a file that somebody still holds open is looked at less often, and after
#: which that is mentioned, once.
PATIENT: Final = 30.0
HELD: Final = 60.0


class Completeness:
    """Judges files by what is seen of them, look by look."""

    def __init__(self, settings: FolderSettings) -> None:
        self._settings = settings
        self._interval = settings.polling or settings.stable_interval
        self._is_told = False

    def is_sure(self, file: DroppedFile, stamp: Stamp) -> bool:
        """Whether a file in this state may be taken at once, if nobody writes it."""
        return file.is_local and not self._quiet(stamp)

    def check(self, file: DroppedFile) -> WriterCheck:
        """What whoever takes a file has to ask."""
        if not file.is_local:
            return WriterCheck.SKIP
        return WriterCheck.STABLE if self._is_settled(file) else WriterCheck.PROBE

    def wait_before(self, file: DroppedFile, stamp: Stamp) -> float:
        """Seconds until a file is looked at again before it is opened; 0 opens it."""
        if self.is_sure(file, stamp):
            return 0.0
        _compare(file, stamp)
        quiet_at = file.since + self._quiet(stamp)
        if time.monotonic() >= quiet_at and (file.is_local or self._is_settled(file)):
            return 0.0
        return self._pause(file)

    def wait_after(self, file: DroppedFile, result: IntakeResult) -> float:
        """Seconds until a file is taken again after an attempt; 0 keeps its records."""
        if result.state in (IntakeState.TAKEN, IntakeState.PART):
            # It may have been opened long after it was found settled.
            waited = not result.sure or (result.stamp and self._quiet(result.stamp))
            if not waited or result.stamp == file.stamp:
                return 0.0
            _compare(file, result.stamp)
            return self._pause(file)
        now = time.monotonic()
        if file.is_local:
            _compare(file, result.stamp)
        if result.state is IntakeState.BAD:
            bad = self._settings.bad_after
            return 0.0 if now - file.since >= bad else min(self._interval, bad / 4)
        self._explain(file, result)
        if result.state is IntakeState.BUSY:
            file.pause = min(LATER if now - file.seen < PATIENT else 1.0, file.pause * 1.5)
            return file.pause
        return self._interval

    def _explain(self, file: DroppedFile, result: IntakeResult) -> None:
        """Say what a file waits for, where that is worth saying."""
        if result.state is IntakeState.BUSY:
            if not file.is_held and time.monotonic() - file.seen > HELD:
                file.is_held = True
                _log.warning("%s: somebody holds it open for writing", printable(file.path))
        elif result.stamp is not None and not self._is_told:
            self._is_told = True
            _log.warning(
                "%s: the system does not tell who writes it (another user's file, no CAP_LEASE); "
                "such files count as complete when they have not changed for %.1f s",
                printable(file.path),
                self._stable,
            )

    @property
    def _stable(self) -> float:
        """Seconds that all looks at a file take of which nobody tells who writes it."""
        return (self._settings.stable_polls - 1) * self._interval

    def _pause(self, file: DroppedFile) -> float:
        if not file.is_local or file.stamp is None:
            return self._interval
        return max(SOON, file.since + self._quiet(file.stamp) - time.monotonic())

    def _is_settled(self, file: DroppedFile) -> bool:
        """Enough looks over enough time: events bring looks forward."""
        enough = file.unchanged >= self._settings.stable_polls
        return enough and time.monotonic() - file.since >= self._stable

    def _quiet(self, stamp: Stamp) -> float:
        """Seconds that a file in this state must stay unchanged."""
        # FAT counts in steps of two seconds: until one is over, a change need not show.
        coarse = stamp.mtime_ns == stamp.ctime_ns and not stamp.mtime_ns % FAT_STEP
        return max(self._settings.complete_after, FAT_STEP / 1e9 if coarse else 0.0)


def _compare(file: DroppedFile, stamp: Stamp | None) -> None:
    if stamp == file.stamp and file.unchanged:
        file.unchanged += 1
        return
    file.stamp, file.unchanged, file.since = stamp, 1, time.monotonic()
