"""How a source is doing: whether it is away, when to try again, and what is said about it."""

from __future__ import annotations

import logging
import random
import time
from typing import Final

from edge.system.choice import Choice
from edge.system.text import counted

#: Seconds before the first and the longest wait before a lost source is opened again.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0

#: Seconds a source must give frames before its earlier failures are forgotten: one that comes and
#: goes is not opened twice a second.
STEADY: Final = 5.0

#: A recording that gives fewer of its announced frames than this is called damaged. Less than one,
#: because some containers only estimate their number.
WHOLE: Final = 0.97

_LOG = logging.getLogger(__name__)


class FeedState(Choice):
    """How a feed is doing."""

    #: The first attempt to open it is running.
    CONNECTING = "connecting"
    #: Frames come.
    RUNNING = "running"
    #: It could not be opened, or gives no more frames; it is tried again.
    LOST = "lost"
    #: The recording is over, or nobody asks for frames any more.
    ENDED = "ended"


def longest_delay(failures: int) -> float:
    """Seconds before the next attempt, at most: doubled with each failure in a row, from 1 on."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures - 1, 16)))


def shortfall(given: int, announced: int | None) -> str | None:
    """What a recording lacks at its end, in words; None for a whole one.

    Args:
        given: Frames that it gave.
        announced: Frames that it says it holds; None where it does not say.
    """
    if announced is not None and given < announced * WHOLE:
        return f"gave {given} of {counted(announced, 'frame')}"
    return None if given else "gave no frame"


class Outage:
    """Failures in a row of one source, and whether it is away now.

    One line is logged when it goes and one when it is back, none for an attempt between. ``note_``
    methods are called under the feed's lock, ``say_`` methods without it: a log may be slow.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._failures = 0
        self._since: float | None = None
        self._opened_at: float | None = None
        self._seen = False

    @property
    def delay(self) -> float:
        """Seconds to wait before the next attempt, drawn anew each time; 0 before a failure.

        Random, so that stations that lost the same camera server do not all come back at once.
        """
        if not self._failures:
            return 0.0
        return random.uniform(0, longest_delay(self._failures))  # noqa: S311 - no secret

    def note_opened(self) -> bool:
        """Count an attempt that opened the source; True when it was open before."""
        again = self._opened_at is not None
        self._opened_at = time.monotonic()
        return again

    def note_loss(self) -> bool:
        """Count a failure; True when the source was not away already, which is to be said."""
        self._failures += 1
        if self._since is not None:
            return False
        self._since = time.monotonic()
        return True

    def note_frame(self, now: float) -> float | None:
        """Take note of a frame; gives the seconds that the source was away, if this ends that."""
        if self._failures and self._opened_at is not None and now - self._opened_at > STEADY:
            self._failures = 0
        self._seen = True
        since, self._since = self._since, None
        return None if since is None else now - since

    def say_lost(self, reason: str) -> None:
        """Log that the source is away, and why."""
        what = "lost" if self._seen else "not reached"
        _LOG.warning("%s: %s: %s; tried again until it is there", self._shown, what, reason)

    def say_back(self, away: float) -> None:
        """Log that the source is back, and how long it was away in seconds."""
        _LOG.warning("%s: gives frames after %.1f s without", self._shown, away)

    def say_damaged(self, what: str) -> str:
        """Log that a recording ended too early; returns what is wrong and what to do."""
        damage = f"{what}; the file is damaged or cut off, record or copy it again"
        _LOG.warning("%s: %s", self._shown, damage)
        return damage

    def say_hanging(self, attempts: int) -> None:
        """Log that no further attempt can be made."""
        _LOG.error(
            "%s: %d attempts to read it hang in the driver; unplug the camera or restart this "
            "program",
            self._shown,
            attempts,
        )
