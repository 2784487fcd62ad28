"""A lot, and what is counted of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from edge.lots.store_view import Wafer

_DIGITS: Final = re.compile(r"([0-9]+)")

#: A lot with fewer wafers is too small to say that all of it shows one pattern.
WHOLE: Final = 5


class PatternCount(Struct, frozen=True):
    """What a lot has of a pattern.

    Attributes:
        wafers: That show it.
        fails: Failing dies of these.
    """

    wafers: int
    fails: int


class Lot(Struct, frozen=True):
    """A lot; or a day, of wafers without one.

    Attributes:
        name: Of the lot; of wafers without one the day, as 2026-12-01.
        is_day: Whether it is a day.
        wafers: Each once: what came again counts as its newest record says.
        with_pattern: Of these, wafers that show any.
        review: Of these, wafers that went to a person.
        dies: Of all wafers together.
        fails: Of these.
        unfamiliarity: Mean of the wafers'.
        first_at: When its first wafer was recorded, UTC, ISO 8601.
        last_at: When its last one was.
        first: Its first wafer, in the order of its names, that shows a pattern; None: none does.
        worst: The wafer of the largest share of failing dies.
        worst_share: That share.
        run: Longest row of neighbours that show one pattern; 0: none, or of a day.
        run_of: That pattern.
        patterns: Counts by pattern, the most frequent first; a wafer with several is in each.
    """

    name: str
    is_day: bool
    wafers: int
    with_pattern: int
    review: int
    dies: int
    fails: int
    unfamiliarity: float
    first_at: str
    last_at: str
    first: str | None
    worst: str
    worst_share: float
    run: int
    run_of: str | None
    patterns: dict[str, PatternCount]

    @property
    def yielded(self) -> float:
        """Passing dies of all; 1 where there is no die."""
        return 1 - self.fail_share

    @property
    def fail_share(self) -> float:
        """Failing dies of all."""
        return self.fails / self.dies if self.dies else 0.0

    @property
    def review_share(self) -> float:
        """Wafers that went to a person, of all."""
        return self.review / self.wafers

    def count(self, pattern: str) -> int:
        """Wafers that show a pattern."""
        found = self.patterns.get(pattern)
        return found.wafers if found else 0


def newest(records: Iterable[Wafer]) -> list[Wafer]:
    """Each wafer once, as its newest record says; those without a name or slot are all others.

    ``records`` are of one lot, in the order of their numbers.
    """
    found = {
        ("w", one.wafer) if one.wafer else ("s", one.slot) if one.slot is not None else one.id: one
        for one in records
    }
    return list(found.values())


def in_order(wafers: Iterable[Wafer]) -> list[Wafer]:
    """Wafers of a lot in the order of their names, 2 before 10; without names as they came."""
    return sorted(wafers, key=lambda one: (_natural(one.wafer), one.slot or 0, one.id))


def _natural(text: str | None) -> tuple[tuple[int, str], ...]:
    """Numbers by their length and digits: a name may hold more of them than a number can."""
    parts = enumerate(_DIGITS.split(text or ""))
    bare = ((at % 2, part.lstrip("0") if at % 2 else part) for at, part in parts)
    return tuple((len(part) if is_number else -1, part) for is_number, part in bare)


def lot_of(name: str, wafers: Sequence[Wafer], *, is_day: bool = False) -> Lot:
    """What is counted of a lot, of at least one wafer, each once (``newest``).

    Args:
        name: Of the lot or the day.
        wafers: Its wafers.
        is_day: The wafers are those of a day, in no order.
    """
    ordered = wafers if is_day else in_order(wafers)
    worst = max(ordered, key=lambda one: one.fail_share)
    counted: dict[str, list[int]] = {}
    for wafer in ordered:
        for pattern in wafer.patterns:
            count = counted.setdefault(pattern, [0, 0])
            count[0] += 1
            count[1] += wafer.fails
    run, run_of = (0, None) if is_day else _longest_run(ordered, counted)
    times = [wafer.recorded_at for wafer in ordered]
    most = sorted(counted.items(), key=lambda pair: (-pair[1][0], pair[0]))
    return Lot(
        name=name,
        is_day=is_day,
        wafers=len(ordered),
        with_pattern=sum(bool(wafer.patterns) for wafer in ordered),
        review=sum(wafer.is_review for wafer in ordered),
        dies=sum(wafer.dies for wafer in ordered),
        fails=sum(wafer.fails for wafer in ordered),
        unfamiliarity=sum(wafer.unfamiliarity for wafer in ordered) / len(ordered),
        first_at=min(times),
        last_at=max(times),
        first=next((wafer.name for wafer in ordered if wafer.patterns), None),
        worst=worst.name,
        worst_share=worst.fail_share,
        run=run,
        run_of=run_of,
        patterns={pattern: PatternCount(*count) for pattern, count in most},
    )


def _longest_run(wafers: Sequence[Wafer], patterns: Iterable[str]) -> tuple[int, str | None]:
    best: tuple[int, str | None] = (0, None)
    for pattern in patterns:
        shown = itertools.groupby(pattern in one.patterns for one in wafers)
        longest = max((sum(1 for _ in same) for has, same in shown if has), default=0)
        best = max(best, (longest, pattern), key=lambda pair: pair[0])
    return best


def joined(parts: Sequence[Lot]) -> Lot:
    """Parts of a day as one lot."""
    if len(parts) == 1:
        return parts[0]
    worst = max(parts, key=lambda one: one.worst_share)
    wafers = sum(one.wafers for one in parts)
    patterns: dict[str, PatternCount] = {}
    for one in parts:
        for name, count in one.patterns.items():
            before = patterns.get(name, PatternCount(0, 0))
            both = before.wafers + count.wafers, before.fails + count.fails
            patterns[name] = PatternCount(*both)
    most = sorted(patterns.items(), key=lambda pair: (-pair[1].wafers, pair[0]))
    return Lot(
        name=worst.name,
        is_day=True,
        wafers=wafers,
        with_pattern=sum(one.with_pattern for one in parts),
        review=sum(one.review for one in parts),
        dies=sum(one.dies for one in parts),
        fails=sum(one.fails for one in parts),
        unfamiliarity=sum(one.unfamiliarity * one.wafers for one in parts) / wafers,
        first_at=min(one.first_at for one in parts),
        last_at=max(one.last_at for one in parts),
        first=next((one.first for one in parts if one.first), None),
        worst=worst.worst,
        worst_share=worst.worst_share,
        run=0,
        run_of=None,
        patterns=dict(most),
    )
