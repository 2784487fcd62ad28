"""Folders as a source of a station: every file that is complete, once.

watch (something changed) + scan (everything there) -> settle (is it due?) -> take -> put away
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edge.errors import OutputError
from edge.results.record import Record
from edge.station.folder.arrivals import Arrivals
from edge.station.folder.completeness import ArrivalTracker, Next
from edge.station.folder.file_disposal import FileDisposal
from edge.station.folder.intake import Entry, IntakeResult, State
from edge.station.folder.known import KnownFiles
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder.workers import Team
from edge.station.folder_settings import FolderSettings
from edge.station.source import Batch, SourceMetric
from edge.store.reader import StoreReader
from edge.store.taken import PART, FileNote, Former, Stamp, stamp_of
from edge.system.open_writers import FileSystems
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Files in a batch.
BATCH: Final = 32

#: Files that may wait at a time; those that lie there come later.
WAITING: Final = 10_000

#: Seconds without a sign of life after which a folder counts as hanging.
SILENT: Final = 120.0

#: Seconds that putting away may take after the end; the next run does the rest.
LAST: Final = 1.0


#: Of a file that is to be taken anew: it stays where it is.
NOWHERE: Final = FileNote(Stamp(-1, 0, 0))


class FolderSource:
    """The files of some folders.

    Args:
        settings: What to watch.
        team: Takes the files.
        store: The station's store, for what was taken before.
        outputs: Files that the station itself writes; they are no wafers.

    Raises:
        UsageError: a folder's name is that of a file.
    """

    def __init__(
        self, settings: FolderSettings, team: Team, store: Path, outputs: tuple[Path, ...] = ()
    ) -> None:
        self.name = ", ".join(settings.tops)
        self._settings = settings
        self._team = team
        self._store = store
        written = frozenset(map(os.path.realpath, outputs))
        self._tops = [WatchedFolder(top, settings, written) for top in settings.tops]
        interval = settings.polling or settings.patience.interval
        self._patience = replace(settings.patience, interval=interval)
        polling = settings.polling is not None
        tells = (lambda _: False) if polling else FileSystems().tell
        self._settling = ArrivalTracker(self._patience, tells)
        self._arrivals = Arrivals(self._tops)
        self._disposal = FileDisposal(settings, self._tops)
        self._names = settings.names()
        self._known: KnownFiles
        #: Of files of which a part has been recorded, what they were called before.
        self._former: dict[str, Former | None] = {}
        #: Files at the team or the recorder, and whether they changed meanwhile.
        self._flying: dict[str, bool] = {}
        self._top_of: dict[str, WatchedFolder] = {}
        self._warned = self._found = False
        self._alive = time.monotonic()

    def figures(self) -> Iterable[SourceMetric]:
        """Files that are waited for: somebody writes them, or they cannot be read yet."""
        figures = [SourceMetric("files_waiting", len(self._settling))]
        if self._names:
            figures.append(SourceMetric("names_unread_total", self._names.misses))
        return figures

    def trouble(self) -> str | None:
        """Folders that are away, or that do not answer: a share may hang for ever."""
        if troubles := [trouble for top in self._tops if (trouble := top.trouble)]:
            return "; ".join(troubles)
        silent = time.monotonic() - self._alive
        return f"{self.name}: does not answer for {silent:.0f} s" if silent > SILENT else None

    def notice(self) -> str | None:
        """Folders in them that nothing is taken from, and files that cannot be put away."""
        closed = [path for top in self._tops for path in top.closed.copy()]
        whats = {"looked into": closed, "put away": self._disposal.stuck}
        notices = [
            f"cannot be {what}: {min(paths)}" + (f" and {more} more" if more else "")
            for what, paths in whats.items()
            if (more := len(paths) - 1) >= 0
        ]
        return "; ".join(notices) or None

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """See ``StationSource``."""
        with closing(StoreReader(self._store)) as reader:
            self._known = KnownFiles(reader)
            try:
                self._arrivals.start()
                yield from self._run(stop, reader)
            finally:
                self._arrivals.stop()
                self._team.close()

    def close(self) -> Batch | None:
        """See ``StationSource``."""
        self._put_away(time.monotonic() + LAST)
        return self._disposal.news()

    def _run(self, stop: threading.Event, reader: StoreReader) -> Iterator[Batch]:
        resumed = False
        while not stop.is_set():
            for batch in self._take(self._due(stop), stop):
                yield batch
                self._alive = time.monotonic()  # to wait for the store is no silence
            through = self._arrivals.are_through
            idle = through and not (len(self._settling) or self._flying)
            if through and not resumed:  # what an earlier run hid for a moment is back by now
                with suppress(OutputError):  # the store is in trouble: asked again
                    self._put_away_before(reader)
                    resumed = True
            if self._disposal.has_news(now=resumed and idle and self._settings.once):
                yield self._batch([], {})
            if self._settings.once and idle:
                if not self._found:
                    _log.warning("%s: %s", printable(self.name), self._settings.nothing_found)
                return
            self._team.rest()
            self._disposal.tidy()
            self._alive = time.monotonic()
            self._arrivals.wait(min(self._settling.wait(), 0.5))

    # From what happened to what is due.

    def _due(self, stop: threading.Event) -> Iterator[Entry]:
        """Files to take now, until there is none left."""
        while not stop.is_set():
            self._alive = time.monotonic()
            self._put_away()
            found = self._arrivals.some(scanned=len(self._settling) < WAITING)
            self._found = self._found or bool(found)
            fresh = {path for top, path in found if self._notice(path, top)}
            ready = list(islice(self._settling.due(), BATCH))
            for path, trust in ready:
                if path in fresh or self._is_ready(path):
                    self._flying[path] = False
                    yield Entry(path, trust, self._top_of[path].name)
            if not found and not ready:
                return

    def _notice(self, path: str, top: WatchedFolder) -> bool:
        """Returns whether it has just been looked at and may be taken as it is."""
        if path in self._flying:
            self._flying[path] = True
            return False
        is_new = path not in self._settling
        self._top_of[path] = top
        stamp = _stamp(path) if is_new else None
        if is_new and self._is_known(path, stamp):
            self._forget(path)
            return False
        self._settling.notice(path)
        return stamp is not None and self._settling.is_sure(path, stamp)

    def _is_ready(self, path: str) -> bool:
        stamp = _stamp(path)
        # In a folder that was closed to this user no file is bad: it is found when that is mended.
        closed = self._top_of[path].trouble is not None
        if stamp is None or closed or self._is_known(path, stamp):
            self._forget(path)
            return False
        if self._settling.needs_look(path, stamp):
            self._settling.postpone(path)
            return False
        return True

    def _is_known(self, path: str, stamp: Stamp | None) -> bool:
        """Whether a file is gone, or was taken in this state; it is put away then if it has to."""
        if stamp is None:
            return True
        try:
            note = self._known.note(path)
        except OutputError:  # the store is in trouble: to take it twice does no harm
            return False
        if note is None:
            return False
        known = stamp.is_as_noted(note.stamp)
        if note.target is not None and not (known and self._disposal.may(note.target)):
            if stamp.same_but_for_ctime(note.stamp):
                self._disposal.expect(path, note)
            self._disposal.leave(path, note)  # it goes nowhere, and its record says so
        elif note.target is not None and not self._disposal.is_stuck(path, note):
            self._flying[path] = False
            self._disposal.add([(path, note)])
        return known

    def _put_away_before(self, reader: StoreReader) -> None:
        """Files that an earlier run put away without coming to note it, or that are gone."""
        for path, note in reader.in_hand().items():
            ours = any(top.trouble is None and top.holds(path) for top in self._tops)
            if ours and path not in self._flying and not os.path.lexists(path):
                self._disposal.resume(path, note)

    # From what is due to what is kept.

    def _take(self, due: Iterator[Entry], stop: threading.Event) -> Iterator[Batch]:
        records: list[Record] = []
        finished: dict[str, FileNote | None] = {}
        for attempt in self._team.take(due):
            self._alive = time.monotonic()
            path = attempt.path
            following = self._settling.judge(attempt)
            if following is not Next.RECORD:
                if following is Next.FORGET:
                    self._forget(path)
                else:
                    self._explain(attempt)
                self._land(path)  # takes it up again if something happened to it meanwhile
                continue
            self._note_names(attempt.records)
            note = self._recorded(attempt)
            records += attempt.records
            if attempt.state is State.PART:
                if stop.is_set():
                    return  # the file is taken anew; what is kept of it is not kept twice
                yield self._batch(records, finished, {path: note})
                records, finished = [], {}
                continue
            self._settling.forget(path)
            finished[path] = note
            if len(finished) >= BATCH:
                yield self._batch(records, finished)
                records, finished = [], {}
        if records or finished:
            yield self._batch(records, finished)

    def _recorded(self, attempt: IntakeResult) -> FileNote | None:
        """Complete the records of a file, and say what is to be remembered of it."""
        path, stamp, top = attempt.path, attempt.stamp, self._top_of[attempt.path]
        target = None
        if stamp is not None:
            target = self._disposal.plan(top, path, bad=attempt.state is State.BAD)
        candidate, file = self._settling.candidate(path), top.inner(path)
        for record in attempt.records:
            record["file"] = file
            record["moved_to"] = target or None
            record["seen_at"] = candidate.seen_at
            record["waited_ms"] = int(1000 * (time.monotonic() - candidate.seen))
        if stamp is None:
            return None
        digest = attempt.records[0]["source_sha256"] if attempt.records else ""
        if attempt.state is State.PART:
            stamp, target = stamp._replace(ctime_ns=PART), None
        return FileNote(stamp, file, digest, target, attempt.born_ns)

    def _explain(self, attempt: IntakeResult) -> None:
        """Say what a file waits for, where that is worth saying."""
        if attempt.state is State.UNSURE and attempt.stamp is not None and not self._warned:
            self._warned = True
            _log.warning(
                "%s: the system does not tell who writes it (another user's file, no CAP_LEASE); "
                "such files count as complete when they have not changed for %.1f s",
                printable(attempt.path),
                (self._patience.looks - 1) * self._patience.interval,
            )
        if attempt.state is State.BUSY and self._settling.is_held(attempt.path):
            _log.warning("%s: somebody holds it open for writing", printable(attempt.path))

    def _note_names(self, records: Iterable[Record]) -> None:
        for record in records if self._names else ():
            if self._names and (sentence := self._names.note(record)):
                _log.warning("%s", printable(sentence))

    def _batch(
        self,
        records: list[Record],
        finished: Mapping[str, FileNote | None],
        begun: Mapping[str, FileNote | None] = MappingProxyType({}),
    ) -> Batch:
        # What became of earlier files of these names is noted first.
        before = self._disposal.news()
        self._known.sent(before.taken)
        noted = self._with_former({**begun, **finished})
        self._known.sent(noted)
        taken = {**before.taken, **noted}

        def kept() -> None:
            self._known.kept([*before.taken, *noted])
            notes = {path: noted[path] or NOWHERE for path in finished}
            self._disposal.add([(path, note._replace(former=None)) for path, note in notes.items()])
            self._arrivals.wake()

        return Batch(records, taken, kept, before.placed)

    def _with_former(self, notes: Mapping[str, FileNote | None]) -> dict[str, FileNote | None]:
        """Of a file of many wafers all parts are known by the name that the first was known by."""
        found = self._known.former(
            {path: note for path, note in notes.items() if path not in self._former}
        )
        for path, note in notes.items():
            former = self._former.get(path)
            found.setdefault(path, note and note._replace(former=former))
            begun = found[path]
            if begun is not None and begun.stamp.ctime_ns == PART:
                self._former[path] = begun.former
            else:
                self._former.pop(path, None)
        return found

    def _put_away(self, until: float = float("inf")) -> None:
        for path, changed in self._disposal.put_away(until):
            if changed:
                self._flying[path] = True
            self._land(path)

    def _land(self, path: str) -> None:
        """A file is back from the team or the recorder."""
        if self._flying.pop(path, False):
            self._settling.notice(path)
        elif path not in self._settling:
            self._top_of.pop(path, None)

    def _forget(self, path: str) -> None:
        self._settling.forget(path)
        if path not in self._flying:
            self._top_of.pop(path, None)


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return Stamp(-1, 0, 0)  # whoever opens it is told why
    return None if stat.S_ISLNK(status.st_mode) else stamp_of(status)
