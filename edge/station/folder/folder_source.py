"""Folders as a source of a station: every file that is complete, once.

arrivals (a name comes up) -> arrival tracker (due, when complete) -> workers (its records) -> the
station's recorder -> disposal (put away). Where each file stands tells its ``DroppedFile``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from edge.errors import OutputError
from edge.results.record import Record
from edge.station.folder.arrival_tracker import ArrivalTracker
from edge.station.folder.arrivals import Arrivals
from edge.station.folder.completeness import Completeness
from edge.station.folder.dropped_file import DroppedFile, DroppedFiles, FileState
from edge.station.folder.file_disposal import FileDisposal
from edge.station.folder.intake import Entry, IntakeResult, IntakeState
from edge.station.folder.known import KnownFiles
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder.workers import Workers
from edge.station.folder_settings import FolderSettings
from edge.station.heartbeat import Heartbeat
from edge.station.source import Batch, SourceMetric
from edge.store.reader import StoreReader
from edge.store.taken import PART, FileNote
from edge.system.open_writers import FileSystems
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Files in a batch.
BATCH: Final = 32

#: Seconds without a sign of life after which a folder counts as hanging.
SILENT: Final = 120.0

#: Seconds that putting away may take after the end; the next run does the rest.
LAST: Final = 1.0


class FolderSource:
    """The files of some folders.

    Args:
        settings: What to watch.
        workers: Take the files.
        store: The station's store, for what was taken before.
        outputs: Files that the station itself writes; they are no wafers.

    Raises:
        UsageError: a folder's name is that of a file.
    """

    def __init__(
        self, settings: FolderSettings, workers: Workers, store: Path, outputs: Iterable[Path] = ()
    ) -> None:
        self.name = ", ".join(settings.tops)
        self._settings = settings
        self._workers = workers
        self._store = store
        written = frozenset(map(os.path.realpath, outputs))
        self._folders = [WatchedFolder(top, settings, written) for top in settings.tops]
        self._completeness = Completeness(settings)
        self._files = DroppedFiles((lambda _: False) if settings.polls else FileSystems().tell)
        self._arrivals = Arrivals(self._folders)
        self._disposal = FileDisposal(settings, self._folders, self._files)
        self._names = settings.names()
        self._heartbeat = Heartbeat(SILENT)

    def metrics(self) -> Iterable[SourceMetric]:
        """Files that are waited for: somebody writes them, or they cannot be read yet."""
        yield SourceMetric("files_waiting", self._files.waiting)
        if self._names:
            yield SourceMetric("names_unread_total", self._names.misses)

    def trouble(self) -> str | None:
        """Folders that are away, or that do not answer: a share may hang for ever."""
        if troubles := [trouble for folder in self._folders if (trouble := folder.trouble)]:
            return "; ".join(troubles)
        silent = self._heartbeat.silence
        return f"{self.name}: does not answer for {silent:.0f} s" if silent else None

    def notice(self) -> str | None:
        """Folders in them that nothing is taken from, and files that cannot be put away."""
        closed = [path for folder in self._folders for path in folder.closed.copy()]
        notices = [
            f"cannot be {what}: {min(paths)}" + (f" and {len(paths) - 1} more" if paths[1:] else "")
            for what, paths in (("looked into", closed), ("put away", self._files.stuck))
            if paths
        ]
        return "; ".join(notices) or None

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """See ``StationSource``."""
        with closing(StoreReader(self._store)) as reader:
            try:
                self._arrivals.start()
                yield from self._run(stop, reader)
            finally:
                self._arrivals.stop()
                self._workers.close()

    def close(self) -> Batch | None:
        """See ``StationSource``."""
        self._disposal.put_away(time.monotonic() + LAST)
        return self._disposal.news()

    def _run(self, stop: threading.Event, reader: StoreReader) -> Iterator[Batch]:
        known = KnownFiles(reader)
        tracker = ArrivalTracker(
            self._arrivals, known, self._files, self._completeness, self._disposal, self._heartbeat
        )
        resumed = False
        while not stop.is_set():
            for records, files in self._take(tracker.due(stop), stop):
                yield self._batch(known, records, files)
                self._heartbeat.beat()  # to wait for the store is no silence
            through = self._arrivals.are_through
            idle = through and not self._files.under_way
            if through and not resumed:  # what an earlier run hid for a moment is back by now
                with suppress(OutputError):  # the store is in trouble: asked again
                    self._disposal.note_gone(reader.in_hand())
                    resumed = True
            if self._disposal.has_news(now=resumed and idle and self._settings.once):
                yield self._batch(known, [], [])
            if self._settings.once and idle:
                if not tracker.has_found:
                    _log.warning("%s: %s", printable(self.name), self._settings.nothing_found)
                return
            self._workers.rest()
            self._files.forget_gone()
            self._heartbeat.beat()
            self._arrivals.wait(min(self._files.wait(), 0.5))

    def _take(
        self, due: Iterator[Entry], stop: threading.Event
    ) -> Iterator[tuple[list[Record], list[DroppedFile]]]:
        """Records that are kept together, and the files that they are of."""
        records: list[Record] = []
        files: list[DroppedFile] = []
        for result in self._workers.take(due):
            self._heartbeat.beat()
            file = self._files[result.path]
            if result.state is IntakeState.GONE:
                self._files.finish(file)
                continue
            if pause := self._completeness.wait_after(file, result):
                self._files.postpone(file, pause)
                continue
            self._complete(file, result)
            records += result.records
            files.append(file)
            if result.state is not IntakeState.PART:
                self._files.enter(file, FileState.RECORDED)
            elif stop.is_set():
                return  # the file is taken anew; what is kept of it is not kept twice
            if result.state is IntakeState.PART or len(files) >= BATCH:
                yield records, files
                records, files = [], []
        if files:
            yield records, files

    def _complete(self, file: DroppedFile, result: IntakeResult) -> None:
        """Complete the records of a file, and what is to be remembered of it."""
        stamp, name = result.stamp, file.folder.inner(file.path)
        bad = result.state is IntakeState.BAD
        target = None if stamp is None else self._disposal.plan(file, bad=bad)
        for record in result.records:
            record["file"] = name
            record["moved_to"] = target or None
            record["seen_at"] = file.seen_at
            record["waited_ms"] = int(1000 * (time.monotonic() - file.seen))
            if self._names and (sentence := self._names.note(record)):
                _log.warning("%s", printable(sentence))
        if result.state is IntakeState.PART:
            stamp, target = stamp and stamp._replace(ctime_ns=PART), None
        digest = result.records[0]["source_sha256"] if result.records else ""
        # Without a stamp it is taken anew.
        file.note = stamp and FileNote(stamp, name, digest, target, result.born_ns)

    def _batch(
        self, known: KnownFiles, records: list[Record], files: Sequence[DroppedFile]
    ) -> Batch:
        before = self._disposal.news()  # of earlier files of these names
        known.sent(before.taken)
        known.recognise(files)
        noted = {file.path: file.note and file.note._replace(former=file.former) for file in files}
        known.sent(noted)
        whole = [file for file in files if file.state is FileState.RECORDED]

        def kept() -> None:
            known.kept([*before.taken, *noted])
            self._disposal.kept(whole)
            self._arrivals.wake()

        return Batch(records, {**before.taken, **noted}, kept, before.placed)
