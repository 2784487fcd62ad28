"""How long a search has to go: for the person who waits, and for the hours that it was given."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

#: Units of progress that a network is worth, trained or not.
_UNITS: Final = 100

#: Seconds after which time is looked at again.
_PATIENCE: Final = 5.0


class UnderWay(Protocol):
    """What a worker is at."""

    @property
    def share(self) -> float:
        """Of it that is done, 0..1."""


class Clock:
    """Knows what is done, what there is to do, and until when.

    Args:
        networks: To try or train, in this call.
        finals: How many of these come at the end, and are trained to their end.
        hours: That this call may take; None: as long as it takes.
        jobs: Networks that are trained at once.
        stage: Told how far it is.
    """

    def __init__(
        self,
        networks: int,
        finals: int,
        hours: float | None,
        jobs: int,
        stage: Callable[[str, int, int], None],
    ) -> None:
        self._total, self._finals, self._jobs, self._stage = networks, finals, jobs, stage
        self._began = time.monotonic()
        self._until = None if hours is None else self._began + 3600 * hours
        self._done = 0
        self._seconds: list[float] = []
        self.patience = _PATIENCE

    def over(self) -> bool:
        """Whether the hours are."""
        return self._until is not None and time.monotonic() >= self._until

    def trials_over(self) -> bool:
        """Whether what is left of the hours is what the finalists will take."""
        if self._until is None:
            return False
        return time.monotonic() + self._for_finals() >= self._until

    def _for_finals(self) -> float:
        """Seconds, by what trainings have taken so far; the finals may take up to half the time."""
        if self._until is None or not self._seconds:
            return 0.0
        wanted = self._finals * statistics.fmean(self._seconds) / self._jobs
        return min(wanted, (self._until - self._began) / 2)

    def trained(self, seconds: float) -> None:
        """A network was trained to its end, in so many seconds."""
        self._seconds.append(seconds)

    def ended(self) -> None:
        """One network less."""
        self._done += 1

    def show(self, under_way: Iterable[UnderWay]) -> None:
        """Tell how far it is."""
        parts = self._done + sum(one.share for one in under_way)
        self._stage("searching", round(_UNITS * parts), _UNITS * self._total)

    @property
    def left(self) -> str:
        """For a person; empty where nothing can be said."""
        ahead = self._total - self._done
        if not self._done or ahead <= 0:
            return ""
        now = time.monotonic()
        seconds = (now - self._began) / self._done * ahead
        if self._until is not None:
            seconds = min(seconds, max(0.0, self._until - now))
        return f"; about {_words(seconds)} to go"


def _words(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 90:
        return f"{max(1, round(minutes))} min"
    return f"{minutes / 60:.1f} h"
