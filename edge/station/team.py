"""Who takes the files: this process and, while there are many, helpers in processes of their own.

A station waits most of the time, so helpers are started when a backlog shows, as fresh Python
processes (this one has threads and must not be forked), and ended when it is worked off.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Pipe
from typing import Any, Final

from edge.crew import Chunk, Crew, Helper, dismiss
from edge.station.take import Attempt, Entry, Taker

_log = logging.getLogger(__name__)

#: Files handed over at a time.
CHUNK: Final = 16

#: So many full chunks in a row are a backlog.
BACKLOG: Final = 4

#: Seconds without a backlog after which helpers are ended.
REST: Final = 10.0

#: Files that may hold any number of wafers are streamed by this process.
STREAMED: Final = (".npz",)

_MOST: Final = 4
_START: Final = "import sys; sys.path = sys.argv[2:]; from edge.station.helper import main; main()"


class Team:
    """Takes files.

    Args:
        taker: Takes them in this process.
        order: What a helper is told first, see ``edge.station.helper``; None for no helpers.
    """

    def __init__(self, taker: Taker, order: dict[str, Any] | None) -> None:
        self._order = order
        self._helpers: list[Helper] = []
        self._crew: Crew[Entry, Attempt] = Crew(taker.take_all, self._helpers)
        self._busy = 0.0
        self._most = _cores() - 1 if order is not None else 0

    def take(self, entries: Iterator[Entry]) -> Iterator[Attempt]:
        """What comes of each file, in order."""
        yield from self._crew.work(self._chunks(entries))

    def rest(self) -> None:
        """There is nothing to do; called now and then."""
        if self._helpers and time.monotonic() - self._busy > REST:
            self.close()

    def close(self) -> None:
        """End the helpers."""
        dismiss(self._helpers)
        self._helpers.clear()

    def _chunks(self, entries: Iterator[Entry]) -> Iterator[Chunk[Entry]]:
        chunk: list[Entry] = []
        full = 0
        for entry in entries:
            if entry.path.lower().endswith(STREAMED):
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
        dead = [helper for helper in self._helpers if not helper.alive]
        dismiss(dead)
        for helper in dead:
            self._helpers.remove(helper)
        while len(self._helpers) < self._most:
            try:
                self._helpers.append(_started(self._order or {}))
            except OSError as error:  # out of memory or processes: go on alone
                _log.warning("no helper can be started (%s); going on with one process", error)
                self._most = len(self._helpers)


def _started(order: dict[str, Any]) -> Helper:
    ours, theirs = Pipe()
    with theirs:
        # The same import path as this process, whatever folder it was started in.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _START, str(theirs.fileno()), *sys.path],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    ours.send(order)
    return Helper(ours, _stopper(process))


def _stopper(process: subprocess.Popen[bytes]) -> Callable[[], None]:
    def stop() -> None:
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    return stop


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(_MOST, cores)
