"""Stores with lots in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from edge.results.record import MAP, Record
from edge.store.store import Store
from edge.store.wafer_maps import kept_map
from edge.wafer.wafermap import DieGrid
from tests.support.records import result

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

_numbers = itertools.count(1)


def at(minutes: float) -> str:
    """A time as records have it."""
    when = START + timedelta(minutes=minutes)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wafer(lot: str | None, name: str | None, pattern: str = "none", **changes: Any) -> Record:
    """What is recorded of a wafer, another one each time."""
    kept = {"slot": None, "verdict": "accept", "reason": None, "dies": 100, "fails": 10}
    dies: DieGrid | None = changes.pop("map", None)
    found = result(next(_numbers), **{**kept, "lot": lot, "wafer": name, "pattern": pattern})
    found |= changes
    if dies is not None:
        found[MAP] = kept_map(dies, None)
    return found


def lot_records(lot: str, patterns: Sequence[str], minutes: float, **changes: Any) -> list[Record]:
    """The records of a lot, a wafer of each of some patterns, from so many minutes on."""
    return [
        wafer(lot, str(number), pattern, recorded_at=at(minutes + number / 10), **changes)
        for number, pattern in enumerate(patterns, 1)
    ]


def write_store(path: Path, records: Iterable[Record]) -> Path:
    """Records at the end of a store, which is made where it is not there."""
    with closing(Store(path)) as store:
        store.add(records)
    return path


def with_counts(counts: Mapping[str, int], wafers: int = 25) -> list[str]:
    """So many wafers of each pattern, the others of none."""
    named = [name for name, count in counts.items() for _ in range(count)]
    return [*named, *["none"] * (wafers - len(named))]
