"""When the wafers of a pattern are out of the ordinary: the limits of one pattern."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from edge.lots.alarm import Alarm, Rule, rarely
from edge.lots.baseline import Baseline
from edge.lots.beta_binomial import LARGE, Floats
from edge.lots.lot import WHOLE, Lot

#: Parts of a pattern's false alarms: of the limit, of lots in a row, of some of ten; what is left
#: is for the first whole lot.
_LIMIT, _ROW, _SOME = 0.4, 0.15, 0.25

#: Share of the wafers of a lot that is nearly all of them.
_NEARLY: Final = 0.8

#: Lots of which some may have the pattern; the longest row that is waited for.
WINDOW: Final = 10
_LONGEST: Final = 50


class Limit(NamedTuple):
    """From which number on there is an alarm, and at which share of lots it comes by chance."""

    number: int
    chance: float


class PatternRules:
    """The limits of a pattern.

    Args:
        baseline: The lots.
        pattern: Which.
        chance: False alarms a lot that it may raise.

    Attributes:
        model: How often lots of the baseline show it.
        row: Lots in a row, or None where no row is rare enough.
        some: Of ten lots, or None.
    """

    def __init__(self, baseline: Baseline, pattern: str, chance: float) -> None:
        self._baseline, self._pattern = baseline, pattern
        self.model = baseline.model(pattern)
        self._chance = _LIMIT * chance
        self._limits: dict[int, Limit | None] = {}
        # Among so few lots as a baseline may have, one that nearly is whole tells that some are.
        self._has_whole = any(
            lot.wafers >= WHOLE and lot.count(pattern) >= _NEARLY * lot.wafers
            for lot in baseline.lots
        )
        hits = [lot.count(pattern) > 0 for lot in baseline.lots]
        hit = self.model.hit(min(baseline.size, LARGE))
        self.row = self._row_of(hit, hits, _ROW * chance)
        some = self._some_of(hit, hits, _SOME * chance)
        is_row = some is not None and self.row is not None and some.number == WINDOW
        self.some = None if is_row and self.row and self.row.number <= WINDOW else some

    def limit(self, wafers: int) -> Limit | None:
        """Of the wafers of a lot of so many; None where whole lots of the pattern are normal."""
        if wafers not in self._limits:
            found = self.model.limit(wafers, self._chance)
            self._limits[wafers] = found and Limit(*found)
        return self._limits[wafers]

    def limit_of(self, lot: Lot, *, is_newest: bool) -> Limit | None:
        """Of a lot; of the newest, which may lack wafers still to come, as if it had them."""
        return self.limit(max(lot.wafers, self._baseline.size) if is_newest else lot.wafers)

    def alarms(self, lots: Sequence[Lot]) -> Iterator[Alarm]:
        """Those of the lots behind the baseline, in their order."""
        row, was_some, was_whole = 0, False, self._has_whole
        for at, lot in enumerate(lots):
            count = lot.count(self._pattern)
            is_newest = at == len(lots) - 1
            limit = self.limit_of(lot, is_newest=is_newest)
            least = max(WHOLE, self._baseline.size / 2 if is_newest else 0)
            is_whole = count == lot.wafers >= least
            if limit and count >= limit.number:
                yield self._beyond(lot, count, limit)
            elif is_whole and not was_whole:
                chance = float(self.model.tail(min(lot.wafers, LARGE))[-1])
                yield self._beyond(lot, count, Limit(lot.wafers, chance))
            was_whole |= is_whole
            row = row + 1 if count else 0
            if self.row and row == self.row.number:
                yield self._in_a_row(lots[at + 1 - row : at + 1], self.row)
            window = lots[max(0, at + 1 - WINDOW) : at + 1]
            shown = [one for one in window if one.count(self._pattern)]
            is_some = self.some is not None and len(shown) >= self.some.number
            if self.some and is_some and not was_some:
                yield self._some_lots(shown, self.some)
            was_some = is_some

    def _row_of(self, hit: Floats, hits: Sequence[bool], chance: float) -> Limit | None:
        """Length of a row that is rare enough, and longer than any of the baseline's own."""
        longest = row = 0
        for is_hit in hits:
            row = row + 1 if is_hit else 0
            longest = max(longest, row)
        lengths = range(max(2, longest + 1), _LONGEST + 1)
        found = (Limit(length, float(self.model.weight @ hit**length)) for length in lengths)
        return next((limit for limit in found if limit.chance <= chance), None)

    def _some_of(self, hit: Floats, hits: Sequence[bool], chance: float) -> Limit | None:
        """How many of ten lots are rare enough, and more than any ten of the baseline had."""
        most = max(sum(hits[at : at + WINDOW]) for at in range(len(hits) - WINDOW + 1))
        ways = [
            math.comb(WINDOW, number) * hit**number * (1 - hit) ** (WINDOW - number)
            for number in range(WINDOW + 1)
        ]
        tail = (np.asarray(ways) @ self.model.weight)[::-1].cumsum()[::-1]
        numbers = range(max(2, most + 1), WINDOW + 1)
        return next((Limit(one, float(tail[one])) for one in numbers if tail[one] <= chance), None)

    def _alarm(
        self, rule: Rule, lots: Sequence[Lot], said: str, limit: Limit, **numbers: Any
    ) -> Alarm:
        share = self._baseline.share(self._pattern)
        return Alarm(
            rule=rule,
            subject=self._pattern,
            lot=lots[-1].name,
            lots=[one.name for one in lots],
            said=f"{self._pattern}: {said} by chance at {rarely(limit.chance)}",
            numbers={**numbers, "limit": limit.number, "baseline_share": round(share, 6)},
            chance=limit.chance,
            false_alarms_a_month=limit.chance * self._baseline.lots_a_month,
        )

    def _beyond(self, lot: Lot, count: int, limit: Limit) -> Alarm:
        is_whole = count == lot.wafers >= WHOLE
        what = f"all {count} wafers" if is_whole else f"{count} of {lot.wafers} wafers"
        said = f"{what} of lot {lot.name}; {limit.number} or more come"
        rule = Rule.WHOLE if is_whole else Rule.LIMIT
        return self._alarm(rule, [lot], said, limit, wafers=lot.wafers, count=count)

    def _in_a_row(self, lots: Sequence[Lot], limit: Limit) -> Alarm:
        said = f"in {limit.number} lots in a row, up to lot {lots[-1].name}; so many come"
        return self._alarm(Rule.ROW, lots, said, limit, count=len(lots))

    def _some_lots(self, lots: Sequence[Lot], limit: Limit) -> Alarm:
        what = f"in {len(lots)} of {WINDOW} lots, up to lot {lots[-1].name}"
        said = f"{what}; {limit.number} or more come"
        return self._alarm(Rule.SOME, lots, said, limit, count=len(lots), window=WINDOW)
