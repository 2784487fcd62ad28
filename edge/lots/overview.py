"""What some lots are like together: totals, patterns by weight, days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct, to_builtins

from edge.lots.lot import Lot


class Weight(Struct, frozen=True):
    """What a pattern weighs; a wafer with several counts under each.

    Attributes:
        pattern: Its name.
        wafers: That show it.
        lots: That have such wafers.
        share: Of all wafers.
        fails: Failing dies of these wafers.
        fail_share: Of the failing dies of all wafers.
        running: Share of the counts of all patterns that this one and those before it make.
    """

    pattern: str
    wafers: int
    lots: int
    share: float
    fails: int
    fail_share: float
    running: float


class Period(Struct, frozen=True):
    """What the lots of a day, or of a month, are like together: those whose last wafer is of it.

    Attributes:
        name: As 2026-12-01, or 2026-12.
        lots: How many.
        wafers: Of these lots.
        review_share: Wafers that went to a person, of all.
        pattern_share: Wafers that show a pattern, of all.
        yielded: Passing dies of all.
        patterns: Wafers by pattern.
    """

    name: str
    lots: int
    wafers: int
    review_share: float
    pattern_share: float
    yielded: float
    patterns: dict[str, int]


class Overview(Struct, frozen=True):
    """Some lots of a store.

    Attributes:
        store: Its file.
        lots_in_store: How many it has.
        lots: Those looked at, in the order of their last wafers.
        together: All of these.
        pareto: Patterns, the most frequent first.
        trend: Days, or months where there are more than a hundred of them.
    """

    store: str
    lots_in_store: int
    lots: list[Lot]
    together: Period
    pareto: list[Weight]
    trend: list[Period]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return to_builtins({"store": self.store, "lots_in_store": self.lots_in_store,
            "together": self.together, "pareto": self.pareto, "trend": self.trend,
            "lots": [as_row(one) for one in self.lots]})  # fmt: skip


#: Days that a trend shows one by one.
_DAYS: Final = 100

#: Characters of a day and of a month in a time.
_DAY, _MONTH = 10, 7


def overview(lots: Sequence[Lot], store: str, lots_in_store: int) -> Overview:
    """What lots are like together, in the order of their last wafers."""
    days = {lot.last_at[:_DAY] for lot in lots}
    length = _DAY if len(days) <= _DAYS else _MONTH
    periods: dict[str, list[Lot]] = {}
    for lot in lots:
        periods.setdefault(lot.last_at[:length], []).append(lot)
    trend = [_period(name, some) for name, some in sorted(periods.items())]
    return Overview(store, lots_in_store, list(lots), _period("", lots), pareto(lots), trend)


def pareto(lots: Iterable[Lot]) -> list[Weight]:
    """Patterns by the wafers that show them, the most frequent first."""
    lots = list(lots)
    wafers = sum(lot.wafers for lot in lots)
    fails = sum(lot.fails for lot in lots)
    counts: dict[str, list[int]] = {}
    for lot in lots:
        for pattern, found in lot.patterns.items():
            count = counts.setdefault(pattern, [0, 0, 0])
            for at, more in enumerate((found.wafers, 1, found.fails)):
                count[at] += more
    all_counts = sum(count[0] for count in counts.values())
    weights: list[Weight] = []
    running = 0
    for pattern, (shown, of_lots, failing) in sorted(
        counts.items(), key=lambda pair: (-pair[1][0], pair[0])
    ):
        running += shown
        weights.append(
            Weight(
                pattern=pattern,
                wafers=shown,
                lots=of_lots,
                share=shown / wafers,
                fails=failing,
                fail_share=failing / fails if fails else 0.0,
                running=running / all_counts,
            )
        )
    return weights


def _period(name: str, lots: Sequence[Lot]) -> Period:
    wafers = sum(lot.wafers for lot in lots)
    dies = sum(lot.dies for lot in lots)
    patterns: dict[str, int] = {}
    for lot in lots:
        for pattern, count in lot.patterns.items():
            patterns[pattern] = patterns.get(pattern, 0) + count.wafers
    return Period(
        name=name,
        lots=len(lots),
        wafers=wafers,
        review_share=sum(lot.review for lot in lots) / wafers if wafers else 0.0,
        pattern_share=sum(lot.with_pattern for lot in lots) / wafers if wafers else 0.0,
        yielded=1 - sum(lot.fails for lot in lots) / dies if dies else 1.0,
        patterns=dict(sorted(patterns.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def as_row(lot: Lot) -> dict[str, Any]:
    """A lot as it stands in JSON: shares beside the counts, patterns as numbers of wafers."""
    return {
        "lot": lot.name,
        "is_day": lot.is_day,
        "wafers": lot.wafers,
        "with_pattern": lot.with_pattern,
        "review": lot.review,
        "review_share": round(lot.review_share, 6),
        "yield": round(lot.yielded, 6),
        "dies": lot.dies,
        "fails": lot.fails,
        "unfamiliarity": round(lot.unfamiliarity, 4),
        "first_at": lot.first_at,
        "last_at": lot.last_at,
        "first_with_pattern": lot.first,
        "worst": lot.worst,
        "worst_fail_share": round(lot.worst_share, 6),
        "run": lot.run,
        "run_of": lot.run_of,
        "patterns": {name: count.wafers for name, count in lot.patterns.items()},
    }
