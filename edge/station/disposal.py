"""Files whose records are kept: where each goes, and what happens when it cannot go there."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from edge.sinks.store import Stamp
from edge.station.putaway import Done, put_away
from edge.station.take import Attempt, State
from edge.station.tops import FolderSettings, Top
from edge.text import printable

_log = logging.getLogger(__name__)

#: Seconds after which it is tried again to put away a file that could not be.
RETRY: Final = 60.0


class Left(NamedTuple):
    """A file that is done with.

    Attributes:
        path: The file.
        changed: Whether another file stands under its name by now.
    """

    path: str
    changed: bool


class Disposal:
    """Puts files away whose records are kept.

    Args:
        settings: Where they go.
    """

    def __init__(self, settings: FolderSettings) -> None:
        self._settings = settings
        self._kept: deque[tuple[Top, Attempt]] = deque()
        #: Files that could not be put away: their state, and when to try again.
        self._stuck: dict[str, tuple[Stamp, float]] = {}

    def goes_away(self, attempt: Attempt) -> bool:
        """Whether a file leaves its folder once its records are kept."""
        if attempt.stamp is None:
            return False
        if attempt.state is State.BAD:
            return self._settings.quarantine is not None
        return self._settings.done is not Done.KEEP

    def add(self, files: Sequence[tuple[Top, Attempt]]) -> None:
        """The records of these files are kept; from any thread."""
        self._kept.extend(files)

    def is_stuck(self, path: str, stamp: Stamp) -> bool:
        """Whether a file only waits to be put away: the attempt itself looks like a change."""
        left = self._stuck.get(path)
        return left is not None and left[0] == stamp and time.monotonic() < left[1]

    def put_away(self, until: float = float("inf")) -> Iterator[Left]:
        """Put away what is kept.

        Args:
            until: Leave the rest when this time has come (monotonic); it is recorded, and the next
                run puts it away.
        """
        while self._kept and time.monotonic() < until:
            top, attempt = self._kept.popleft()
            changed = self.goes_away(attempt) and self._put_away(top, attempt)
            yield Left(attempt.path, changed)

    def tidy(self) -> None:
        """Forget files that somebody else took away."""
        self._stuck = {path: left for path, left in self._stuck.items() if os.path.lexists(path)}

    def _put_away(self, top: Top, attempt: Attempt) -> bool:
        """Returns whether another file stands there by now."""
        path, stamp = attempt.path, attempt.stamp
        assert stamp is not None  # noqa: S101 - goes_away() says so
        target = top.place(path, bad=attempt.state is State.BAD)
        try:
            gone = put_away(path, stamp, target)
        except OSError as error:
            if path not in self._stuck:
                _log.error(
                    "%s: is recorded, but cannot be put away (%s); it stays where it is; give "
                    "this user the right to write in both folders",
                    printable(path),
                    error.strerror,
                )
            self._stuck[path] = stamp, time.monotonic() + RETRY
            return False
        self._stuck.pop(path, None)
        return not gone
