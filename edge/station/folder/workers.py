"""Who takes the files: this process and, while there are many, helpers in processes of their own.

A station waits most of the time, so helpers are started when a backlog shows, as fresh Python
processes (this one has threads and must not be forked), and ended when it is worked off.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from typing import Any, Final

from edge.errors import InputError, InputKind
from edge.station.folder.deaths import MOST, Deaths, Slot
from edge.station.folder.intake import Entry, FileIntake, IntakeResult, IntakeState, bad
from edge.store.taken import stamp_at
from edge.system.worker_pool import PATIENCE, Chunk, Worker, WorkerPool, shutdown

_log = logging.getLogger(__name__)

#: Files handed over at a time.
CHUNK: Final = 16

#: So many full chunks in a row are a backlog.
BACKLOG: Final = 4

#: Seconds until helpers are called again when one could not be started.
ALONE: Final = 60.0

#: Seconds without a backlog after which helpers are ended.
REST: Final = 10.0

#: Files that may hold any number of wafers are streamed by this process.
STREAMED: Final = (".npz",)

_CORES: Final = 4
#: Signals by which somebody ends a helper: no file's fault.
_ENDED: Final = (-signal.SIGTERM, -signal.SIGINT)

_START: Final = (
    "import sys; sys.path = sys.argv[4:]; from edge.station.folder.worker_main import main; main()"
)


@dataclass(kw_only=True)
class Aide(Worker):
    """A helper of a station.

    Attributes:
        process: What it runs in.
        slot: Where it notes what it takes.
    """

    process: subprocess.Popen[bytes]
    slot: Slot


class Workers:
    """Takes files; one that the station died of is taken by a helper, apart from all others.

    Args:
        taker: Takes them in this process.
        order: What a helper is told first, see ``worker_main``; None for no helpers.
        deaths: Which files the station died of.
    """

    def __init__(self, taker: FileIntake, order: dict[str, Any] | None, deaths: Deaths) -> None:
        self._taker = taker
        self._order = order
        self._deaths = deaths
        self._helpers: list[Aide] = []
        self._apart: Aide | None = None
        self._crew: WorkerPool[Entry, IntakeResult] = WorkerPool(self._take_here, self._helpers)
        self._busy = self._alone_until = 0.0
        self._most = _cores() - 1 if order is not None else 0

    def take(self, entries: Iterator[Entry]) -> Iterator[IntakeResult]:
        """What comes of each file, in order."""
        yield from self._crew.work(self._chunks(entries))

    def rest(self) -> None:
        """There is nothing to do; called now and then."""
        if time.monotonic() - self._busy > REST:
            self.close()

    def close(self) -> None:
        """End the helpers."""
        self._dismiss(self._helpers)
        if self._apart is not None:
            self._dismiss([self._apart])
            self._apart = None

    def _dismiss(self, aides: list[Aide]) -> None:
        shutdown(aides)
        for aide in aides:
            self._deaths.give_back(aide.slot)
        self._helpers[:] = [helper for helper in self._helpers if helper not in aides]

    def _chunks(self, entries: Iterator[Entry]) -> Iterator[Chunk[Entry]]:
        chunk: list[Entry] = []
        full = 0
        for entry in entries:
            if entry.path.lower().endswith(STREAMED) or entry.path in self._deaths:
                yield Chunk(chunk)
                yield Chunk([entry], streamed=True)
                chunk = []
                continue
            chunk.append(entry)
            if len(chunk) == CHUNK:
                full += 1
                if full >= BACKLOG:
                    self._call_helpers()
                yield Chunk(chunk)
                chunk = []
        yield Chunk(chunk)

    def _call_helpers(self) -> None:
        self._busy = time.monotonic()
        self._dismiss([helper for helper in self._helpers if not helper.alive])
        while len(self._helpers) < self._most and self._busy >= self._alone_until:
            helper = self._started()
            if helper is None:
                self._alone_until = self._busy + ALONE
            else:
                self._helpers.append(helper)

    def _started(self) -> Aide | None:
        slot = self._deaths.slot()
        try:
            return _started(self._order or {}, slot)
        except OSError as error:  # out of memory or processes: go on alone
            _log.warning("no helper can be started (%s); going on with one process", error)
            self._deaths.give_back(slot)
            return None

    def _take_here(self, entries: list[Entry]) -> Iterator[IntakeResult]:
        """What a helper has not taken, in the order in which it was noticed."""
        paths = {entry.path for entry in entries}
        for helper in self._helpers:
            if not helper.alive:
                self._bury(helper, paths)
        if not any(path in self._deaths for path in paths):
            yield from self._taker.take_all(entries)
            return
        for entry in entries:
            if entry.path in self._deaths:
                yield from self._take_suspect(entry)
            else:
                yield from self._taker.take_all([entry])

    def _bury(self, aide: Aide, paths: Iterable[str]) -> None:
        """Note what a helper died of, or hangs at, if it is one of these files."""
        noted = aide.slot.read()
        if noted is None or noted[0] not in paths:
            return
        aide.stop()
        if aide.process.returncode in _ENDED:
            aide.slot.clear()
        else:
            self._deaths.count(aide.slot)

    def _take_suspect(self, entry: Entry) -> Iterator[IntakeResult]:
        """Take a file that the station died of, or pass it over."""
        path = entry.path
        stamp = stamp_at(path)
        times = self._deaths.times(path, stamp)
        if not times:
            self._deaths.survived(path)  # it is another file by now
        if times < MOST:
            last: IntakeResult | None = None
            for last in self._taken_once_more(entry, apart=times > 0):
                yield last
            if last is not None:
                if last.state in (IntakeState.TAKEN, IntakeState.BAD, IntakeState.GONE):
                    self._deaths.survived(path)
                return
            if self._deaths.times(path, stamp) < MOST:  # somebody ended the helper
                yield IntakeResult(path, IntakeState.UNSURE, stamp)
                return
        text = (
            f"wm-edge died {MOST} times while it took it; it is passed over until it changes; "
            "please report it with the file"
        )
        yield bad(path, stamp, InputError(path, InputKind.UNREADABLE, text), "")

    def _taken_once_more(self, entry: Entry, *, apart: bool) -> Iterable[IntakeResult]:
        """What comes of it; nothing where the helper that took it died of it."""
        if not apart or self._order is None or entry.path.lower().endswith(STREAMED):
            return self._taker.take_all([entry])
        if self._apart is None:
            self._apart = self._started()
        if self._apart is None:
            return [IntakeResult(entry.path, IntakeState.UNSURE)]
        connection = self._apart.connection
        with suppress(EOFError, OSError):
            connection.send([entry])
            if connection.poll(PATIENCE):
                answer: list[IntakeResult] | BaseException = connection.recv()
                if isinstance(answer, BaseException):
                    raise answer
                return answer
        self._bury(self._apart, [entry.path])
        self._dismiss([self._apart])
        self._apart = None
        return []


def _started(order: dict[str, Any], slot: Slot) -> Aide:
    ours, theirs = Pipe()
    with theirs:
        ends = (theirs.fileno(), slot.descriptor)
        # The same import path as this process, whatever folder it was started in.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _START, *map(str, (*ends, slot.number)), *sys.path],
            pass_fds=ends,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def stop() -> None:
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    ours.send(order)
    return Aide(ours, stop, process=process, slot=slot)


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(_CORES, cores)
