"""One wafer map for each wafer that stood on the screen, out of many frames that show it."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.screen import Gate, Refusal
from edge.wafermap import DieGrid

#: Frames that must agree, unless said otherwise.
FRAMES: Final = 3


class Stable:
    """Waits until a wafer map has stood still, and gives it once.

    A map counts when so many frames in a row read it alike; frames that were refused in between do
    not matter, for they say nothing else. It is given unless it is the wafer given last: the same
    map is another wafer only if the screen was without a wafer (gate ``no-wafer``) for as many
    frames in between. Frames refused by another gate neither prolong nor end such a pause: they
    may show anything.

    Args:
        frames: How many frames must agree, 1 or more.

    Attributes:
        waiting: Whether the frame fed last was read, but may still change (gate ``unstable``).
    """

    def __init__(self, frames: int = FRAMES) -> None:
        if frames < 1:
            raise ValueError(f"{frames} frames; at least 1 must agree")
        self._frames = frames
        self._last: DieGrid | None = None
        self._candidate: DieGrid | None = None
        self._alike = 0
        self._absent = 0
        self.waiting = False

    def feed(self, seen: DieGrid | Refusal) -> DieGrid | None:
        """Take in what one frame showed.

        Args:
            seen: The map read, uint8 (rows, columns) of {0, 1, 2}, or why there is none.

        Returns:
            The map, in the frame in which it is sure that another wafer is there; else None.
        """
        self.waiting = False
        if isinstance(seen, Refusal):
            if seen.gate is Gate.NO_WAFER:
                self._away()
            return None
        if self._absent < self._frames:
            self._absent = 0  # too short a pause: it was the same wafer all along
        if not _alike(seen, self._candidate):
            self._candidate = seen.copy()
            self._alike = 0
        self._alike += 1
        if self._alike < self._frames:
            self.waiting = True
            return None
        if _alike(seen, self._last) and self._absent < self._frames:
            return None
        self._last = self._candidate
        self._absent = 0
        return self._last

    def _away(self) -> None:
        self._absent += 1
        if self._absent >= self._frames:
            self._candidate = None
            self._alike = 0


def _alike(one: DieGrid, other: DieGrid | None) -> bool:
    return other is not None and np.array_equal(one, other)
