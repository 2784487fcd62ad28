"""Folders as a source of a station: every file that is complete, once.

watch (something changed) + scan (everything there) -> settle (is it due?) -> take -> put away
"""

from __future__ import annotations

import heapq
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

from edge.sinks.record import Record
from edge.sinks.store import Stamp
from edge.sinks.store_reader import StoreReader
from edge.sources.batch import Batch, Figure
from edge.sources.writer import is_remote
from edge.station.putaway import Done, give_back_all, put_away
from edge.station.settle import Candidate, Next, Patience, Settling
from edge.station.take import Attempt, State, Trust, stamp_of
from edge.station.team import Team
from edge.station.tops import FolderSettings, Top
from edge.text import printable

_log = logging.getLogger(__name__)

#: Files in a batch, and names taken from a scan at a time.
BATCH: Final = 32

#: Seconds between two looks through everything, for what nobody told; more where there are many
#: files: so many seconds a file.
RESCAN: Final = 10.0
RESCAN_A_FILE: Final = 0.002

#: Seconds after which a folder that appeared is looked through once more.
AGAIN: Final = 1.0

#: Seconds after which it is tried again to put away a file that could not be.
RETRY: Final = 60.0

#: Changes that are kept until there is time; beyond, everything is looked through.
CHANGES: Final = 50_000


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
        self._tops = [Top(top, settings, written) for top in settings.tops]
        blind = settings.polling is not None or any(is_remote(top) for top in settings.tops)
        patience = settings.patience
        interval = settings.polling or patience.interval
        self._settling = Settling(Patience(patience.looks, interval, patience.bad, blind=blind))
        #: Files at the team or the recorder, and whether they changed meanwhile.
        self._flying: dict[str, bool] = {}
        self._kept: deque[Attempt] = deque()
        #: Files that could not be put away: their state, and when to try again.
        self._stuck: dict[str, tuple[Stamp, float]] = {}
        self._scan: Iterator[tuple[Top, str]] = iter(())
        self._scanned = 0
        self._top_of: dict[str, Top] = {}
        self._again: list[tuple[float, str, Top]] = []
        # Shared with the threads that listen.
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._changes: dict[str, Top] = {}
        self._gap = True

    def figures(self) -> Iterable[Figure]:
        """Files that are waited for: somebody writes them, or they cannot be read yet."""
        return [Figure("files_waiting", len(self._settling))]

    def trouble(self) -> str | None:
        """Folders that are away."""
        away = [top.name for top in self._tops if not top.is_there]
        return f"folder away: {', '.join(away)}" if away else None

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """See ``StationSource``."""
        reader = StoreReader(self._store)
        try:
            for top in self._tops:
                for name in give_back_all(top.name, recursive=self._settings.recursive):
                    _log.warning("%s: was being put away; it is looked at anew", printable(name))
                top.listen(self._on_change, self._on_gap)
            yield from self._run(stop, reader)
        finally:
            for top in self._tops:
                top.stop()
            self._team.close()
            reader.close()

    def close(self) -> None:
        """See ``StationSource``."""
        self._put_away_kept()

    def _run(self, stop: threading.Event, reader: StoreReader) -> Iterator[Batch]:
        rescan_at = 0.0
        while not stop.is_set():
            if self._gap or time.monotonic() >= rescan_at:
                self._gap = False
                self._scan = chain.from_iterable(map(_named, self._tops))
                self._scanned = 0
                rescan_at = 0.0
            yield from self._take(self._due(reader, stop), stop)
            if not rescan_at:
                rescan_at = time.monotonic() + max(RESCAN, RESCAN_A_FILE * self._scanned)
            if self._settings.once and not (len(self._settling) or self._flying):
                return
            self._team.rest()
            self._wake.wait(min(self._settling.wait(), 0.5))
            self._wake.clear()

    # What the threads that listen call.

    def _on_change(self, top: Top, paths: set[str]) -> None:
        with self._lock:
            self._changes.update(dict.fromkeys(paths, top))
            if len(self._changes) > CHANGES:
                self._changes.clear()
                self._gap = True
        self._wake.set()

    def _on_gap(self) -> None:
        self._gap = True
        self._wake.set()

    # From what happened to what is due.

    def _due(self, reader: StoreReader, stop: threading.Event) -> Iterator[tuple[str, Trust]]:
        """Files to take now, until there is none left."""
        while not stop.is_set():
            self._put_away_kept()
            self._hear()
            found = self._look_around(reader)
            ready = list(islice(self._settling.due(), BATCH))
            for path, trust in ready:
                if self._is_ready(path, reader):
                    self._flying[path] = False
                    yield path, trust
            if not found and not ready:
                return

    def _hear(self) -> None:
        """Turn changes into candidates."""
        with self._lock:
            changes, self._changes = self._changes, {}
        now = time.monotonic()
        for path, top in changes.items():
            if os.path.isdir(path):  # noqa: PTH112
                # What was in it when it came, and what came before anybody listened to it.
                heapq.heappush(self._again, (now, path, top))
                heapq.heappush(self._again, (now + AGAIN, path, top))
            elif top.counts(name := top.called(path)):
                self._notice(name, top)
        while self._again and self._again[0][0] <= now:
            _, path, top = heapq.heappop(self._again)
            for name in top.scan(path):
                self._notice(name, top)

    def _look_around(self, reader: StoreReader) -> int:
        """Go on with the scan for a few files."""
        found = 0
        for top, path in islice(self._scan, BATCH):
            found += 1
            if path not in self._flying and path not in self._settling:
                stamp = _stamp(path)
                if stamp is not None and reader.taken(_key(path)) != stamp:
                    self._notice(path, top)
        self._scanned += found
        return found

    def _notice(self, path: str, top: Top) -> None:
        if path in self._flying:
            self._flying[path] = True
        else:
            self._top_of[path] = top
            self._settling.notice(path)

    def _is_ready(self, path: str, reader: StoreReader) -> bool:
        stamp = _stamp(path)
        if stamp is None or reader.taken(_key(path)) == stamp or self._is_stuck(path, stamp):
            self._forget(path)
            return False
        if self._settling.needs_look(path, stamp):
            self._settling.postpone(path)
            return False
        return True

    def _is_stuck(self, path: str, stamp: Stamp) -> bool:
        """Whether a file is recorded and waits to be put away: the attempt itself is an event."""
        left = self._stuck.get(path)
        return left is not None and left[0] == stamp and time.monotonic() < left[1]

    # From what is due to what is kept.

    def _take(self, due: Iterator[tuple[str, Trust]], stop: threading.Event) -> Iterator[Batch]:
        records: list[Record] = []
        finished: list[Attempt] = []
        for attempt in self._team.take(due):
            path = attempt.path
            following = self._settling.judge(attempt)
            if following is not Next.RECORD:
                if following is Next.FORGET:
                    self._forget(path)
                self._land(path)  # takes it up again if something happened to it meanwhile
                busy = following is Next.WAIT and attempt.state is State.BUSY
                if busy and self._settling.is_held(path):
                    _log.warning("%s: somebody holds it open for writing", printable(path))
                continue
            candidate = self._settling.candidate(path)
            records += [_timed(record, candidate) for record in attempt.records]
            if attempt.state is not State.PART:
                self._settling.forget(path)
                finished.append(attempt._replace(records=[]))
            elif stop.is_set():
                return  # the file is taken anew; what is kept of it is not kept twice
            if len(finished) >= BATCH or attempt.state is State.PART:
                yield self._batch(records, finished)
                records, finished = [], []
        if records or finished:
            yield self._batch(records, finished)

    def _batch(self, records: list[Record], finished: list[Attempt]) -> Batch:
        taken: dict[str, Stamp | None] = {
            _key(attempt.path): attempt.stamp
            for attempt in finished
            if not self._goes_away(attempt)
        }

        def kept() -> None:
            self._kept.extend(finished)
            self._wake.set()

        return Batch(records, taken, kept)

    def _goes_away(self, attempt: Attempt) -> bool:
        if attempt.state is State.BAD:
            return self._settings.quarantine is not None
        return self._settings.done is not Done.KEEP

    # What is kept goes away or stays.

    def _put_away_kept(self) -> None:
        while self._kept:
            attempt = self._kept.popleft()
            if self._goes_away(attempt) and attempt.stamp is not None:
                bad = attempt.state is State.BAD
                target = self._top_of[attempt.path].place(attempt.path, bad=bad)
                try:
                    if not put_away(attempt.path, attempt.stamp, target):
                        self._flying[attempt.path] = True
                    self._stuck.pop(attempt.path, None)
                except OSError as error:
                    if attempt.path not in self._stuck:
                        _log.error(
                            "%s: is recorded, but cannot be put away (%s); it stays where it is",
                            printable(attempt.path),
                            error.strerror,
                        )
                    self._stuck[attempt.path] = attempt.stamp, time.monotonic() + RETRY
            self._land(attempt.path)

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
            if not os.path.lexists(path):
                self._stuck.pop(path, None)


def _named(top: Top) -> Iterator[tuple[Top, str]]:
    return ((top, path) for path in top.scan())


def _key(path: str) -> str:
    """What the store knows a file by, whatever folder the station was started in."""
    return os.path.abspath(path)  # noqa: PTH100


def _stamp(path: str) -> Stamp | None:
    try:
        return stamp_of(os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return Stamp(-1, 0, 0)  # whoever opens it is told why


def _timed(record: Record, candidate: Candidate) -> Record:
    record["seen_at"] = candidate.seen_at
    record["waited_ms"] = int(1000 * (time.monotonic() - candidate.seen))
    return record
