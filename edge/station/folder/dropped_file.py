"""A dropped file, from the moment its name comes up until nothing is left to do about it.

WAITING -> DUE -> IN_FLIGHT -> RECORDED -> DONE, or STUCK for a while where it cannot be put away. A
file that is not whole, or that changed meanwhile, is WAITING again. Times are of
``time.monotonic()``: a clock that is set does not make a file due, or never due.
"""

from __future__ import annotations

import heapq
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final

from edge.station.folder.watched_folder import WatchedFolder
from edge.station.source import utc_now
from edge.store.taken import FileNote, Former, Stamp

#: Seconds until a file that somebody writes is looked at again, at first.
SOON: Final = 0.02


class FileState(str, Enum):
    """Where a dropped file stands."""

    #: It is looked at when its time has come.
    WAITING = "waiting"
    #: Its time has come.
    DUE = "due"
    #: Somebody reads it.
    IN_FLIGHT = "in flight"
    #: Its records are in the store, or on their way; then it is put away, if it has to.
    RECORDED = "recorded"
    #: It could not be put away; that is tried again when its time has come.
    STUCK = "stuck"
    #: It was put away, stays where it is or is gone: it is no more in the table.
    DONE = "done"


@dataclass(slots=True, eq=False)
class DroppedFile:
    """A file in a watched folder, and all that is known of it.

    Attributes:
        path: Absolute.
        folder: The watched folder that it is in.
        is_local: Whether the operating system knows who writes it (no other machine's folder).
        seen: When it was noticed.
        seen_at: The same by the clock on the wall, UTC.
        state: Where it stands.
        due: When it is looked at.
        is_fresh: It was just looked at, and may be taken as it is.
        has_changed: Something happened to it since it is in flight.
        stamp: Its state at the last look.
        unchanged: Looks in a row that found this state.
        since: When this state was first seen.
        pause: Seconds until the next look if somebody writes it.
        is_held: It was said that somebody holds it open.
        is_stuck: It was said that it cannot be put away.
        is_recognised: It was found out whether it had another name before.
        former: That name.
        note: What is remembered of it, once it is recorded, or a part of it.
        target: Where it will go; no other file gets that name.
        half_moved: Where an earlier run was about to move it.
    """

    path: str
    folder: WatchedFolder
    is_local: bool
    seen: float
    seen_at: str
    state: FileState = FileState.WAITING
    due: float = 0.0
    is_fresh: bool = False
    has_changed: bool = False
    stamp: Stamp | None = None
    unchanged: int = 0
    since: float = 0.0
    pause: float = SOON
    is_held: bool = False
    is_stuck: bool = False
    is_recognised: bool = False
    former: Former | None = None
    note: FileNote | None = None
    target: str = ""
    half_moved: str = ""


class DroppedFiles:
    """The files of a source that something is left to do about; every change of their state.

    Args:
        tells: Whether the operating system tells who writes a file.

    Attributes:
        targets: Names that files will get.
    """

    def __init__(self, tells: Callable[[str], bool] = lambda _: True) -> None:
        self.targets: set[str] = set()
        self._tells = tells
        self._files: dict[str, DroppedFile] = {}
        self._numbers: Counter[FileState] = Counter()
        self._order: list[tuple[float, int, DroppedFile]] = []
        self._turns = count()

    def __getitem__(self, path: str) -> DroppedFile:
        return self._files[path]

    def get(self, path: str) -> DroppedFile | None:
        """The file of that name."""
        return self._files.get(path)

    @property
    def waiting(self) -> int:
        """How many are not recorded yet; from any thread."""
        states = (FileState.WAITING, FileState.DUE, FileState.IN_FLIGHT)
        return sum(self._numbers[state] for state in states)

    @property
    def under_way(self) -> int:
        """How many something is done about without anybody's help."""
        return self.waiting + self._numbers[FileState.RECORDED]

    @property
    def stuck(self) -> list[str]:
        """Those that are recorded and cannot be put away; from any thread."""
        files = list(self._files.values()) if self._numbers[FileState.STUCK] else []
        return [file.path for file in files if file.state is FileState.STUCK]

    def add(self, path: str, folder: WatchedFolder) -> DroppedFile:
        """Take up a file; it is looked at now."""
        now = time.monotonic()
        file = self._files[path] = DroppedFile(path, folder, self._tells(path), now, utc_now())
        self._numbers[file.state] += 1
        self._plan(file, now)
        return file

    def notice(self, file: DroppedFile) -> None:
        """Something happened to a file: it is looked at now, or when it is back."""
        file.is_fresh = False
        if file.state in (FileState.IN_FLIGHT, FileState.RECORDED):
            file.has_changed = True
        elif file.state is FileState.WAITING and file.due > time.monotonic():
            file.pause = SOON
            self._plan(file, time.monotonic())

    def due(self) -> Iterator[DroppedFile]:
        """Files whose time has come; each must get another state before it comes again."""
        now = time.monotonic()
        while self._order and self._order[0][0] <= now:
            due, _, file = heapq.heappop(self._order)
            if file.due != due or file.state not in (FileState.WAITING, FileState.STUCK):
                continue
            if file.state is FileState.WAITING:
                self.enter(file, FileState.DUE)
            yield file

    def wait(self) -> float:
        """Seconds until the next file is due, at most 1."""
        return max(0.0, min(1.0, self._order[0][0] - time.monotonic())) if self._order else 1.0

    def postpone(self, file: DroppedFile, seconds: float) -> None:
        """Look at a file again after some seconds; now, if something happened to it meanwhile."""
        file.is_fresh = False
        if file.has_changed:
            file.has_changed, file.pause, seconds = False, SOON, 0.0
        self.enter(file, FileState.WAITING)
        self._plan(file, time.monotonic() + seconds)

    def stick(self, file: DroppedFile, seconds: float) -> None:
        """A file cannot be put away; that is tried again after some seconds."""
        file.is_stuck, file.has_changed = True, False  # the attempt itself looks like a change
        self.enter(file, FileState.STUCK)
        self._plan(file, time.monotonic() + seconds)

    def finish(self, file: DroppedFile) -> None:
        """Nothing is left to do; what happened to it meanwhile makes it another file."""
        self.enter(file, FileState.DONE)
        del self._files[file.path]
        self.targets.discard(file.target)
        if file.has_changed:
            self.add(file.path, file.folder).is_stuck = file.is_stuck

    def forget_gone(self) -> None:
        """Files that cannot be put away may have been taken away by somebody."""
        for path in self.stuck:
            if not os.path.lexists(path):
                self.finish(self._files[path])

    def enter(self, file: DroppedFile, state: FileState) -> None:
        """A file comes into another state."""
        self._numbers[file.state] -= 1
        self._numbers[state] += 1
        file.state = state

    def _plan(self, file: DroppedFile, due: float) -> None:
        file.due = due
        heapq.heappush(self._order, (due, next(self._turns), file))
