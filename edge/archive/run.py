"""All parts of an archive judged, by as many processes as are wanted, whatever is killed when.

Nobody keeps a list: a part is done when its result lies there by its name, so any number of runs,
one after the other or side by side, do each part once, or twice with the same bytes.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.archive import results
from edge.archive.maps import Part, parts_of
from edge.archive.results import Settings
from edge.archive.worker import DONE, STOP
from edge.errors import OutputError, UsageError
from edge.system.child_process import ChildProcess
from edge.system.files import write_text

#: So often a part is tried.
TRIES: Final = 3

#: Where it is told of parts that were set aside.
ASIDE: Final = "_aside"

#: Seconds after which what a killed process left is taken for left.
_LEFT: Final = 3600.0

_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Shard(NamedTuple):
    """Which share of the parts is done here: the ``number``-th of ``of``, from 1."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``i/n``.

        Raises:
            UsageError: it is something else.
        """
        number, _, of = text.partition("/")
        if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
            return cls(int(number), int(of))
        raise UsageError(f"{text!r} is no shard; write 1/16 for the first of sixteen")


@dataclass
class Ran:
    """What a run did, and how far it is meanwhile.

    Attributes:
        parts: Of its shard; ``rows`` in them, ``positions`` of their dies.
        done: Parts that have a result; ``rows_done`` in them.
        aside: What is wrong with each part that was set aside.
        seconds: Since the beginning.
    """

    parts: int = 0
    rows: int = 0
    positions: int = 0
    done: int = 0
    rows_done: int = 0
    positions_done: int = 0
    aside: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows_done / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float:
        """Seconds that the others will take, by the positions of their dies."""
        if not self.positions_done:
            return 0.0
        return self.seconds * (self.positions - self.positions_done) / self.positions_done


def shard_of(parts: Iterable[Part], shard: Shard) -> list[Part]:
    """The parts of a shard, the largest first: each goes to the shard that has the least by then.

    R. L. Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17(2), 1969.
    """
    loads = [0] * shard.of
    found = []
    for part in sorted(parts, key=lambda part: (-part.positions, part.path.name)):
        least = loads.index(min(loads))
        loads[least] += part.positions + 1
        if least == shard.number - 1:
            found.append(part)
    return found


def run(
    maps: Path,
    folder: Path,
    settings: Settings,
    *,
    workers: int = 1,
    shard: Shard | None = None,
    on_part: Callable[[Ran], None] | None = None,
) -> Ran:
    """Judge all parts of an archive, or those of a shard, that have no result yet.

    Args:
        maps: Folder of parts.
        folder: Of results, which is made.
        settings: How.
        workers: Processes.
        shard: Of the parts; None for all.
        on_part: Called after each part.

    Raises:
        UsageError: there are no parts, or the results there are of other settings.
        OutputError: a result cannot be written.
    """
    parts = shard_of(parts_of(maps), shard or Shard())
    results.claim(folder, settings)
    _sweep(folder)
    sums = (sum(part.rows for part in parts), sum(part.positions for part in parts))
    work = _Work(folder, settings, parts, Ran(len(parts), *sums), on_part)
    try:
        for _ in range(max(1, min(workers, len(parts)))):
            work.begin()
        while work.answer():
            pass
    finally:
        work.close()
    return work.ran


class _Work:
    """Parts that are still to do, and the processes that do them."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        parts: Sequence[Part],
        ran: Ran,
        on_part: Callable[[Ran], None] | None,
    ) -> None:
        self.ran = ran
        self._folder, self._settings, self._on_part = folder, settings, on_part
        self._waiting = deque(parts)
        self._tries: Counter[str] = Counter()
        self._busy: dict[Any, tuple[ChildProcess, Part | None]] = {}
        self._began = time.monotonic()

    def begin(self) -> None:
        """Start a process; its first answer says that it is ready."""
        child = ChildProcess("edge.archive.worker", _ENVIRONMENT)
        self._busy[child.pipe] = child, None
        with suppress(OSError):  # it died at once: that is its answer
            child.pipe.send((self._folder, self._settings))

    def answer(self) -> bool:
        """Wait for an answer, and hand out the next part; False when all is done."""
        for pipe in wait([*self._busy]):
            child, part = self._busy.pop(pipe)
            try:
                word, text = child.pipe.recv()
            except (EOFError, OSError):
                self._lost(child, part)
                continue
            if word == STOP:
                child.close()
                raise OutputError(text)
            if part is not None:
                self._took(part, "" if word == DONE else text)
            if self._waiting:
                self._hand_out(child)
            else:
                child.close()
        return bool(self._busy)

    def close(self) -> None:
        """End the processes."""
        for child, _ in self._busy.values():
            child.close()

    def _hand_out(self, child: ChildProcess) -> None:
        part = self._waiting.popleft()
        self._busy[child.pipe] = child, part
        with suppress(OSError):
            child.pipe.send(part.path)

    def _lost(self, child: ChildProcess, part: Part | None) -> None:
        """A process died: its part is tried again, by another one."""
        how = child.ended()
        child.close()
        if part is None:
            self._tries[""] += 1
            if self._tries[""] == TRIES:
                raise OutputError(f"no process for the work can be started; {how}")
        else:
            self._took(part, f"{part.path}: {how}")
        if self._waiting:
            self.begin()

    def _took(self, part: Part, wrong: str) -> None:
        """A part is done, or went wrong."""
        name = part.path.name
        aside = self._folder / ASIDE / f"{name}.json"
        if not wrong:
            aside.unlink(missing_ok=True)
        else:
            self._tries[name] += 1
            if self._tries[name] < TRIES:
                self._waiting.append(part)
                return
            self.ran.aside[name] = wrong
            aside.parent.mkdir(exist_ok=True)
            write_text(aside, json.dumps({"part": str(part.path), "error": wrong}) + "\n")
        self.ran.done += not wrong
        self.ran.rows_done += 0 if wrong else part.rows
        self.ran.positions_done += part.positions
        self.ran.seconds = time.monotonic() - self._began
        if self._on_part:
            self._on_part(self.ran)


def _sweep(folder: Path) -> None:
    """Take away what processes that were killed long ago left half written."""
    for left in folder.glob(".wm-edge-*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT:
                left.unlink()
