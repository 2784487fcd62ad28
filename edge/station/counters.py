"""What a station has done since it started: counted as it happens, read from any thread."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final

from edge.results.record import Record, named
from edge.system.text import counted
from edge.verdict.rule import Verdict

#: Upper bounds of the latency histogram, seconds from noticing a wafer to having it on the disk.
BOUNDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Counters:
    """Counts of a station.

    Attributes:
        wafers: By pattern and verdict; of several patterns a wafer by all that it shows.
        named: The same under each of several patterns.
        claims: Wafers that a pattern of one's own claimed: by its name, and whether it is trusted
            and they were accepted (``yes``, ``no``).
        errors: By kind.
        repeats: Sources whose content had been recorded before.
        warned: Wafers whose files warn of something.
        latencies: Wafers by the first bound of ``BOUNDS`` that their latency is under; the last
            one holds the rest.
        latency_sum: Of all wafers, seconds.
    """

    def __init__(self) -> None:
        self.wafers: Counter[tuple[str, str]] = Counter()
        self.named: Counter[tuple[str, str]] = Counter()
        self.claims: Counter[tuple[str, str]] = Counter()
        self.errors: Counter[str] = Counter()
        self.repeats = self.warned = 0
        self.latencies = [0] * (len(BOUNDS) + 1)
        self.latency_sum = 0.0
        self._started = time.monotonic()
        self._last = self._started
        self.lock = threading.Lock()

    def add(self, records: Sequence[Record], waited: float, repeats: int) -> None:
        """Count records that are on the disk.

        Args:
            records: Results and errors.
            waited: Seconds since they were handed over; comes on top of their ``waited_ms``.
            repeats: Sources whose content had been recorded before.
        """
        with self.lock:
            self.repeats += repeats
            for record in records:
                if "error" in record:
                    self.errors[record["kind"]] += 1
                    continue
                self.wafers[record["pattern"], record["verdict"]] += 1
                if "patterns" in record:
                    self.named.update((name, record["verdict"]) for name in named(record))
                self.warned += bool(record.get("warning"))
                if own := record["suggested"]:
                    accepted = record["verdict"] == Verdict.ACCEPT
                    self.claims[own, "yes" if accepted else "no"] += 1
                latency = record["waited_ms"] / 1000 + waited
                self.latencies[bisect_left(BOUNDS, latency)] += 1
                self.latency_sum += latency
                self._last = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since the last wafer, or since the start."""
        return time.monotonic() - self._last

    def summary(self) -> str:
        """For a person."""
        with self.lock:
            total = self.wafers.total()
            review = sum(
                count for (_, verdict), count in self.wafers.items() if verdict == Verdict.REVIEW
            )
            parts = [f"{total - review} accepted", f"{review} to review"]
            if self.errors:
                parts.append(f"{self.errors.total()} could not be read")
            if self.warned:
                parts.append(f"{self.warned} with a warning")
            if self.repeats:
                parts.append(f"{self.repeats} recorded before")
        return f"{counted(total, 'wafer')}: {', '.join(parts)}"
