"""One wafer map for each wafer that stood on the screen, out of many frames that show it."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from edge.screen.refusal import Refusal, RejectReason
from edge.wafer.wafermap import DieGrid

#: Frames that must agree, unless said otherwise.
FRAMES: Final = 3


class Stable:
    """Waits until a wafer map has stood still and is complete, and gives it once.

    A map counts when so many frames in a row read it alike; frames that were refused in between do
    not matter, for they say nothing else. Then it is waited for dies that come: a prober draws one
    after the other, and a map that only grows is one wafer. A wafer is complete when nothing has
    changed for ``complete_after`` seconds, when the screen is without a wafer, when another wafer
    has stood still, or at the end.

    It is given unless it is the wafer given last: the same map is another wafer only if the screen
    was without a wafer (``no-wafer``) for as many frames in between. Frames refused for another
    reason neither prolong nor end such a pause: they may show anything. So may a map that lacks
    dies of the wafer before it and is the same otherwise: a row was lost in the frame.

    Args:
        frames: How many frames must agree, 1 or more.
        complete_after: Seconds without a change after which a wafer is complete.
        last: ``digest_of`` the wafer given last, by an earlier run.

    Attributes:
        waiting: Whether the frame fed last was read, but may still change (``unstable``).
        known: Whether the frame fed last shows the wafer given last.
        lacking: Whether the frame fed last shows the wafer before with fewer dies.
        late: Wafers that went on growing after they were given, and count twice.
    """

    def __init__(
        self, frames: int = FRAMES, complete_after: float = 0.0, last: str | None = None
    ) -> None:
        if frames < 1:
            raise ValueError(f"{frames} frames; at least 1 must agree")
        self._frames = frames
        self._complete_after = complete_after
        self._last: DieGrid | None = None
        self._last_digest = last
        self._pending: DieGrid | None = None
        self._grown = False
        self._since = 0.0
        self._candidate: DieGrid | None = None
        self._alike = 0
        self._absent = 0
        self.waiting = False
        self.known = False
        self.lacking = False
        self.late = 0

    def feed(self, seen: DieGrid | Refusal, at: float = 0.0) -> DieGrid | None:
        """Take in what one frame showed: the map, uint8 (rows, columns) of {0, 1, 2}, or why none.

        ``at`` is in seconds by the frames' own clock. A map comes back in the frame in which it is
        sure that it is another wafer's and complete.
        """
        self.waiting = self.known = self.lacking = False
        if isinstance(seen, Refusal):
            if seen.reason is RejectReason.NO_WAFER and self._away():
                return self.end()
            return self._due(at)
        if self._absent < self._frames:
            self._absent = 0  # too short a pause: it was the same wafer all along
            if self._lacks(seen):
                self.lacking = True
                return self._due(at)
        if self._candidate is None or not _alike(seen, self._candidate):
            self._candidate = seen.copy()
            self._since = at
            self._alike = 0
        self._alike += 1
        self.waiting = self._alike < self._frames
        if self.waiting:
            return None
        if _alike(seen, self._pending):
            return self._due(at)
        return self._stands(self._candidate, at)

    def end(self, *, grown: bool = True) -> DieGrid | None:
        """The wafer that was still waited for, if there is one: no more frames come.

        ``grown`` gives it even if dies came while it was looked at, and more may come.
        """
        if self._pending is None or (self._grown and not grown):
            return None
        self._last, self._pending = self._pending, None
        self._last_digest = digest_of(self._last)
        return self._last

    def _lacks(self, seen: DieGrid) -> bool:
        """Whether a map is that of the wafer before without some dies."""
        if self._candidate is not None and _alike(seen, self._candidate):
            return False
        before = self._last if self._pending is None else self._pending
        return before is not None and grows(seen, before)

    def _stands(self, seen: DieGrid, at: float) -> DieGrid | None:
        """Another map than the one that is waited for has stood still."""
        self._grown = self._pending is not None and grows(self._pending, seen)
        before = None if self._grown else self.end()
        if before is None and self._absent < self._frames and not self._grown:
            self.known = digest_of(seen) == self._last_digest
            if self.known:
                return None
            self.late += self._last is not None and grows(self._last, seen)
        self._pending = seen
        self._absent = 0
        return before if before is not None else self._due(at)

    def _due(self, at: float) -> DieGrid | None:
        return self.end() if at - self._since >= self._complete_after else None

    def _away(self) -> bool:
        """Whether the screen has been without a wafer for long enough."""
        self._absent += 1
        if self._absent < self._frames:
            return False
        self._candidate = None
        self._alike = 0
        return True


def grows(old: DieGrid, new: DieGrid) -> bool:
    """Whether a map is another one with more dies; each may be cropped to its dies."""
    rows, columns = (1 + more - less for more, less in zip(new.shape, old.shape, strict=True))
    if np.count_nonzero(new) <= np.count_nonzero(old):
        return False
    dies = old > 0
    height, width = old.shape
    return any(
        np.array_equal(new[top : top + height, left : left + width][dies], old[dies])
        for top in range(rows)
        for left in range(columns)
    )


def digest_of(dies: DieGrid) -> str:
    """SHA-256 of a wafer map that has no file: its sides and its dies."""
    rows, columns = dies.shape
    return hashlib.sha256(f"{rows} {columns} ".encode() + dies.tobytes()).hexdigest()


def _alike(one: DieGrid, other: DieGrid | None) -> bool:
    return other is not None and np.array_equal(one, other)
