"""What a camera hands on: frames, and the words for how they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


class Pace(str, Enum):
    """Which frames of a source count."""

    #: A recording: every frame, as fast as they can be looked at.
    EVERY = "every"
    #: A live source: the newest; frames that came in between are dropped and counted.
    NEWEST = "newest"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Frame:
    """One frame of a camera or recording.

    Attributes:
        image: uint8 (height, width, 3), BGR. Nobody else writes into it.
        number: Frames that the source has given before this one, since the process started
            (dropped ones are counted), from 0.
        at: When it was received, in seconds of ``time.monotonic()``.
        moment: When it was shown, in seconds by the source's own clock: that of a recording goes by
            its frame rate, however fast it is looked at; for a live source the same as ``at``.
    """

    image: Image
    number: int
    at: float
    moment: float
