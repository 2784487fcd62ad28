"""Who takes the files: this process and, while there are many, workers in processes of their own.

A station waits most of the time, so workers are started when a backlog shows, as fresh Python
processes (this one has threads and must not be forked), and ended when it is worked off.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final

from edge.classification.classifier import Classifier
from edge.errors import InputError, InputKind
from edge.station.folder.deaths import MOST, Deaths, Slot
from edge.station.folder.intake import Entry, FileIntake, IntakeResult, IntakeState, bad
from edge.store.taken import stamp_at
from edge.system.open_writers import leases_harmless
from edge.system.worker_pool import Chunk, Worker, WorkerPool, cores, serve, shutdown

_log = logging.getLogger(__name__)

#: Files handed over at a time.
CHUNK: Final = 16

#: So many full chunks in a row are a backlog.
BACKLOG: Final = 4

#: Seconds until workers are called again when one could not be started.
ALONE: Final = 60.0

#: Seconds without a backlog after which workers are ended.
REST: Final = 10.0

#: Files that may hold any number of wafers are streamed by this process.
STREAMED: Final = (".npz",)

#: Signals by which somebody ends a worker: no file's fault.
_ENDED: Final = (-signal.SIGTERM, -signal.SIGINT)

#: What a worker runs. The station ends it: Ctrl-C reaches both.
_START: Final = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path = sys.argv[4:]; "
    "from edge.station.folder.workers import main; main()"
)


@dataclass(kw_only=True)
class StationWorker(Worker):
    """A worker of a station."""

    process: subprocess.Popen[bytes]
    slot: Slot


class Workers:
    """Takes files; one that the station died of is taken by a worker of its own.

    ``arguments`` are what a worker is told first, see ``main``.
    """

    def __init__(self, intake: FileIntake, arguments: dict[str, Any], deaths: Deaths) -> None:
        self._intake = intake
        self._arguments = arguments
        self._deaths = deaths
        self._workers: list[StationWorker] = []
        self._pool: WorkerPool[Entry, IntakeResult] = WorkerPool(self._take_here, self._workers)
        self._busy = self._alone_until = 0.0

    def take(self, entries: Iterator[Entry]) -> Iterator[IntakeResult]:
        """What comes of each file, in order."""
        yield from self._pool.work(self._chunks(entries))

    def rest(self) -> None:
        """There is nothing to do; called now and then."""
        if time.monotonic() - self._busy > REST:
            self.close()

    def close(self) -> None:
        """End the workers."""
        self._end(self._workers)
        self._workers.clear()

    def _end(self, workers: Collection[StationWorker]) -> None:
        shutdown(workers)
        for worker in workers:
            self._deaths.give_back(worker.slot)

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
                    self._call()
                yield Chunk(chunk)
                chunk = []
        yield Chunk(chunk)

    def _call(self) -> None:
        """Have as many workers as there are cores beside this process's."""
        self._busy = time.monotonic()
        self._end([worker for worker in self._workers if not worker.alive])
        self._workers[:] = [worker for worker in self._workers if worker.alive]
        while len(self._workers) < cores() - 1 and self._busy >= self._alone_until:
            worker = self._started()
            if worker is None:
                self._alone_until = self._busy + ALONE
            else:
                self._workers.append(worker)

    def _started(self) -> StationWorker | None:
        slot = self._deaths.slot()
        try:
            return _started(self._arguments, slot)
        except OSError as error:  # out of memory or processes: go on alone
            _log.warning("no worker can be started (%s); going on with one process", error)
            self._deaths.give_back(slot)
            return None

    def _take_here(self, entries: list[Entry]) -> Iterator[IntakeResult]:
        """What a worker has not taken, in the order in which it was noticed."""
        paths = {entry.path for entry in entries}
        for worker in self._workers:
            if not worker.alive:
                self._bury(worker, paths)
        if not any(path in self._deaths for path in paths):
            yield from self._intake.take_all(entries)
            return
        for entry in entries:
            if entry.path in self._deaths:
                yield from self._take_suspect(entry)
            else:
                yield from self._intake.take_all([entry])

    def _bury(self, worker: StationWorker, paths: Iterable[str]) -> None:
        """Note what a worker died of, or hangs at, if it is one of these files."""
        noted = worker.slot.read()
        if noted is None or noted[0] not in paths:
            return
        worker.stop()
        if worker.process.returncode in _ENDED:
            worker.slot.clear()
        else:
            self._deaths.count(worker.slot)

    def _take_suspect(self, entry: Entry) -> Iterator[IntakeResult]:
        """Take a file that the station died of, or pass it over."""
        path, stamp = entry.path, stamp_at(entry.path)
        times = self._deaths.times(path, stamp)
        if not times:
            self._deaths.survived(path)  # it is another file by now
        if times < MOST:
            last: IntakeResult | None = None
            for last in self._taken_apart(entry) if times else self._intake.take_all([entry]):
                yield last
            if last is not None:
                if last.state in (IntakeState.TAKEN, IntakeState.BAD, IntakeState.GONE):
                    self._deaths.survived(path)
                return
            if self._deaths.times(path, stamp) < MOST:  # somebody ended the worker
                yield IntakeResult(path, IntakeState.UNSURE, stamp)
                return
        text = (
            f"wm-edge died {MOST} times while it took it; it is passed over until it changes; "
            "please report it with the file"
        )
        yield bad(path, stamp, InputError(path, InputKind.UNREADABLE, text), "")

    def _taken_apart(self, entry: Entry) -> Iterable[IntakeResult]:
        """What a worker of its own makes of a file; nothing where it died of it."""
        if entry.path.lower().endswith(STREAMED):
            return self._intake.take_all([entry])
        worker = self._started()
        if worker is None:
            return [IntakeResult(entry.path, IntakeState.UNSURE)]
        alone: WorkerPool[Entry, IntakeResult] = WorkerPool(lambda _: (), [worker])
        try:
            results = list(alone.work([Chunk([entry])]))
            if not results:
                self._bury(worker, [entry.path])
            return results
        finally:
            self._end([worker])


def _started(arguments: dict[str, Any], slot: Slot) -> StationWorker:
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

    ours.send(arguments)
    return StationWorker(ours, stop, process=process, slot=slot)


def main() -> None:
    """What a worker does until its pipe is gone: it takes files.

    The arguments are the pipe's end, the file of notes and the slot in it. The first message are
    the keyword arguments of ``Classifier``, and those of ``FileIntake``.
    Then come chunks.
    """
    leases_harmless()
    for said in ("edge.own", "edge.model.runtime"):  # by the station
        logging.getLogger(said).setLevel(logging.ERROR)
    pipe, notes, number = map(int, sys.argv[1:4])
    with Connection(pipe) as connection:
        arguments = connection.recv()
        names, rules = arguments.pop("names"), arguments.pop("rules")
        slot = Slot(notes, number)
        slot.hold()
        serve(connection, FileIntake(Classifier(**arguments), names, slot, rules).take_all)
