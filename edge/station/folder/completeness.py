"""Which files are due to be looked at: new ones at once, busy or bad ones again after a while.

Times are of ``time.monotonic()``: a clock that is set does not make a file due, or never due.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edge.station.folder.intake import IntakeResult, State, WriterCheck
from edge.station.folder_settings import Patience
from edge.station.source import utc_now
from edge.store.taken import Stamp

#: Seconds until a file that somebody writes is looked at again, at first and at most.
SOON: Final = 0.02
LATER: Final = 0.2

#: Seconds after which a file that somebody still holds open is looked at less often, and after
#: which that is mentioned, once.
PATIENT: Final = 30.0
HELD: Final = 60.0

#: Nanoseconds between two times that FAT can tell apart.
FAT_STEP: Final = 2_000_000_000


class Next(str, Enum):
    """What happens to a file after an attempt."""

    #: Its records are kept.
    RECORD = "record"
    #: It is looked at again.
    WAIT = "wait"
    #: Nothing: it is gone.
    FORGET = "forget"


@dataclass
class PendingFile:
    """A file that may have to be taken.

    Attributes:
        seen: When it was noticed, monotonic seconds.
        seen_at: The same by the clock on the wall, UTC.
        due: When to look at it.
        blind: Whether the operating system is not asked who writes it (another machine's folder).
        stamp: Its state at the last look.
        unchanged: Looks in a row that found this state.
        since: When this state was first seen.
        pause: Seconds until the next look if somebody writes it.
        held: Whether it was mentioned that somebody holds it open.
    """

    seen: float
    seen_at: str
    due: float
    blind: bool = False
    stamp: Stamp | None = None
    unchanged: int = 0
    since: float = 0.0
    pause: float = SOON
    held: bool = False


class ArrivalTracker:
    """The files that are waited for.

    Args:
        patience: How long they are given.
        tells: Whether the operating system tells who writes a file.
    """

    def __init__(self, patience: Patience, tells: Callable[[str], bool] = lambda _: True) -> None:
        self._tells = tells
        self._patience = patience
        self._candidates: dict[str, PendingFile] = {}
        self._order: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._candidates)

    def __contains__(self, path: str) -> bool:
        return path in self._candidates

    def notice(self, path: str) -> None:
        """Something happened to a file: look at it now."""
        now = time.monotonic()
        candidate = self._candidates.get(path)
        if candidate is None:
            candidate = self._candidates[path] = PendingFile(
                now, utc_now(), now, not self._tells(path)
            )
        elif candidate.due <= now:
            return
        candidate.pause = SOON
        self._plan(path, candidate, now)

    def is_sure(self, path: str, stamp: Stamp) -> bool:
        """Whether a file that was just noticed may be taken as it is, if nobody writes it."""
        return not self._candidates[path].blind and not self._quiet(stamp)

    def due(self) -> Iterator[tuple[str, WriterCheck]]:
        """Files to look at now; each must be judged or forgotten before it comes again."""
        now = time.monotonic()
        while self._order and self._order[0][0] <= now:
            due, path = heapq.heappop(self._order)
            candidate = self._candidates.get(path)
            if candidate is not None and candidate.due == due:
                yield path, self._trust(candidate)

    def wait(self) -> float:
        """Seconds until the next file is due, at most 1."""
        return max(0.0, min(1.0, self._order[0][0] - time.monotonic())) if self._order else 1.0

    def needs_look(self, path: str, stamp: Stamp) -> bool:
        """Whether a file, before it is opened, has to be found unchanged once more."""
        candidate = self._candidates[path]
        if not candidate.blind and not self._quiet(stamp):
            return False
        self._compare(candidate, stamp)
        if time.monotonic() - candidate.since < self._quiet(stamp):
            return True
        return candidate.blind and not self._is_settled(candidate)

    def postpone(self, path: str) -> None:
        """Look again after the usual interval, or when it will have been unchanged long enough."""
        candidate = self._candidates[path]
        now = time.monotonic()
        pause = self._patience.interval
        if not candidate.blind and candidate.stamp is not None:
            pause = max(SOON, candidate.since + self._quiet(candidate.stamp) - now)
        self._plan(path, candidate, now + pause)

    def judge(self, attempt: IntakeResult) -> Next:
        """Decide what follows from an attempt."""
        candidate = self._candidates.get(attempt.path)
        if candidate is None or attempt.state is State.GONE:
            return Next.FORGET
        if attempt.state in (State.TAKEN, State.PART):
            # It may have been opened long after it was found settled.
            waited = not attempt.sure or (attempt.stamp and self._quiet(attempt.stamp))
            if waited and attempt.stamp != candidate.stamp:
                self._compare(candidate, attempt.stamp)
                self.postpone(attempt.path)
                return Next.WAIT
            return Next.RECORD
        now = time.monotonic()
        if not candidate.blind:
            self._compare(candidate, attempt.stamp)
        if attempt.state is State.BAD and now - candidate.since >= self._patience.bad:
            return Next.RECORD
        if attempt.state is State.BUSY:
            most = LATER if now - candidate.seen < PATIENT else 1.0
            candidate.pause = min(most, candidate.pause * 1.5)
            self._plan(attempt.path, candidate, now + candidate.pause)
        else:
            pause = self._patience.interval
            if attempt.state is State.BAD:
                pause = min(pause, self._patience.bad / 4)
            self._plan(attempt.path, candidate, now + pause)
        return Next.WAIT

    def is_held(self, path: str) -> bool:
        """Whether somebody has held a file open for so long that it is worth saying, once."""
        candidate = self._candidates[path]
        held = not candidate.held and time.monotonic() - candidate.seen > HELD
        candidate.held = candidate.held or held
        return held

    def candidate(self, path: str) -> PendingFile:
        """What is known of a file that is waited for."""
        return self._candidates[path]

    def forget(self, path: str) -> None:
        """Take a file off the list."""
        self._candidates.pop(path, None)

    def _trust(self, candidate: PendingFile) -> WriterCheck:
        if candidate.blind:
            return WriterCheck.SKIP
        return WriterCheck.STABLE if self._is_settled(candidate) else WriterCheck.PROBE

    def _is_settled(self, candidate: PendingFile) -> bool:
        """Enough looks over enough time: events bring looks forward."""
        quiet = (self._patience.looks - 1) * self._patience.interval
        enough = candidate.unchanged >= self._patience.looks
        return enough and time.monotonic() - candidate.since >= quiet

    def _quiet(self, stamp: Stamp) -> float:
        """Seconds that a file in this state must stay unchanged."""
        # FAT counts in steps of two seconds: until one is over, a change need not show.
        coarse = stamp.mtime_ns == stamp.ctime_ns and not stamp.mtime_ns % FAT_STEP
        return max(self._patience.complete, FAT_STEP / 1e9 if coarse else 0.0)

    def _compare(self, candidate: PendingFile, stamp: Stamp | None) -> None:
        if stamp == candidate.stamp and candidate.unchanged:
            candidate.unchanged += 1
            return
        candidate.stamp, candidate.unchanged, candidate.since = stamp, 1, time.monotonic()

    def _plan(self, path: str, candidate: PendingFile, due: float) -> None:
        candidate.due = due
        heapq.heappush(self._order, (due, path))
