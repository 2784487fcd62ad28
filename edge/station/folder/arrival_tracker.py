"""From a name that comes up to a file that is due: whole, as far as is known, and not yet taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from edge.station.folder.arrivals import Arrivals
from edge.station.folder.completeness import Completeness
from edge.station.folder.dropped_file import DroppedFile, DroppedFiles, FileState
from edge.station.folder.file_disposal import FileDisposal
from edge.station.folder.intake import Entry
from edge.station.folder.known import KnownFiles
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.heartbeat import Heartbeat
from edge.store.taken import FileNote, Stamp, stamp_at

#: Files that are looked at in one go.
SOME: Final = 32

#: Files that may wait at a time; those that lie there come later.
WAITING: Final = 10_000


class ArrivalTracker:
    """Takes up files and says which are to be taken.

    Attributes:
        has_found: Whether there was a file at all.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        known: KnownFiles,
        files: DroppedFiles,
        completeness: Completeness,
        disposal: FileDisposal,
        heartbeat: Heartbeat,
    ) -> None:
        self.has_found = False
        self._arrivals = arrivals
        self._known = known
        self._files = files
        self._completeness = completeness
        self._disposal = disposal
        self._heartbeat = heartbeat

    def due(self, stop: threading.Event) -> Iterator[Entry]:
        """Files to take now, until there is none left."""
        while not stop.is_set():
            self._heartbeat.beat()
            self._disposal.put_away()
            found = self._arrivals.some(scanned=self._files.waiting < WAITING)
            self.has_found = self.has_found or bool(found)
            self._notice(found)
            ready = list(islice(self._files.due(), SOME))
            for file in ready:
                check = self._completeness.check(file)
                if file.state is FileState.STUCK:
                    self._disposal.add(file)
                elif file.is_fresh or self._is_ready(file):
                    self._files.enter(file, FileState.IN_FLIGHT)
                    yield Entry(file.path, check, file.folder.name)
            if not found and not ready:
                return

    def _notice(self, found: Sequence[tuple[WatchedFolder, str]]) -> None:
        new: dict[str, WatchedFolder] = {}
        for folder, path in found:
            file = self._files.get(path)
            if file is None:
                new[path] = folder
            elif file.state is not FileState.STUCK:
                self._files.notice(file)
            elif self._is_another(file):
                self._disposal.add(file)
        notes = self._known.notes(new)
        for path, folder in new.items():
            stamp, note = stamp_at(path), notes.get(path)
            if stamp is None or (note and note.target is None and stamp.is_as_noted(note.stamp)):
                continue  # gone, or taken in this state
            file = self._files.add(path, folder)
            is_new = self._is_new(file, stamp, note)
            file.is_fresh = is_new and self._completeness.is_sure(file, stamp)

    def _is_ready(self, file: DroppedFile) -> bool:
        stamp = stamp_at(file.path)
        # In a folder that was closed to this user no file is bad: it is found when that is mended.
        if stamp is None or file.folder.trouble is not None:
            self._files.finish(file)
            return False
        if not self._is_new(file, stamp, self._known.notes([file.path]).get(file.path)):
            return False
        pause = self._completeness.wait_before(file, stamp)
        if pause:
            self._files.postpone(file, pause)
        return not pause

    def _is_new(self, file: DroppedFile, stamp: Stamp, note: FileNote | None) -> bool:
        """Whether a file was not taken in this state; else it is put away, if it has to."""
        if note is None:
            return True
        is_known = stamp.is_as_noted(note.stamp)
        if note.target is not None:
            if is_known and self._disposal.may(note.target):
                file.note = note
                self._disposal.add(file)
                return False
            self._disposal.leave(file, stamp, note)
        if is_known:
            self._files.finish(file)
        return not is_known

    @staticmethod
    def _is_another(file: DroppedFile) -> bool:
        """Whether one that cannot be put away was replaced; to try it changed its change time."""
        stamp = stamp_at(file.path)
        return bool(stamp and file.note and not stamp.same_but_for_ctime(file.note.stamp))
