"""Whether lots drift away from the baseline, a little at a time.

Four numbers of each lot are looked at. A number counts by its place among those of the baseline's
lots, as a score that is normal while nothing changes, whatever the number is distributed like: one
odd lot cannot raise an alarm. The scores are averaged with weights that fade (EWMA; S. W. Roberts,
Technometrics 1, 1959). The limit allows for how little some lots say of where the middle is.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import NormalDist, fmean, pstdev
from typing import Final

from edge.lots.baseline import Baseline
from edge.lots.lot import Lot
from edge.system.choice import Choice

#: Weight of the newest lot.
WEIGHT: Final = 0.2

#: Scores that differ less than by so much are taken for such that do.
_LEAST: Final = 0.5


class Drift(Choice):
    """What may drift, upwards."""

    UNFAMILIARITY = "unfamiliarity"
    REVIEW = "review share"
    FAILS = "fail rate"
    MIX = "mix of patterns"


class Scores:
    """The scores of one number against a baseline.

    Args:
        drift: Which number.
        baseline: The lots.
        chance: Share of lots at which the average may pass the limit by chance.
    """

    def __init__(self, drift: Drift, baseline: Baseline, chance: float) -> None:
        self._number = _number(drift, baseline)
        own = _own_mix(baseline) if drift is Drift.MIX else map(self._number, baseline.lots)
        self._known = sorted(own)
        plain = [self._plain(number) for number in self._known]
        self._middle, self._spread = fmean(plain), max(pstdev(plain), _LEAST)
        varies = math.sqrt(WEIGHT / (2 - WEIGHT) + 1 / len(plain))
        self.limit = NormalDist().inv_cdf(1 - chance) * varies

    def averages(self, lots: Sequence[Lot]) -> list[float]:
        """The average after each of some lots."""
        average = 0.0
        found = []
        for lot in lots:
            score = (self._plain(self._number(lot)) - self._middle) / self._spread
            average += WEIGHT * (score - average)
            found.append(average)
        return found

    def _plain(self, number: float) -> float:
        below, upto = bisect_left(self._known, number), bisect_right(self._known, number)
        return NormalDist().inv_cdf(((below + upto) / 2 + 0.5) / (len(self._known) + 1))


def _number(drift: Drift, baseline: Baseline) -> Callable[[Lot], float]:
    usual = {name: baseline.share(name) for name in baseline.patterns}
    return {
        Drift.UNFAMILIARITY: lambda lot: lot.unfamiliarity,
        Drift.REVIEW: lambda lot: lot.review_share,
        Drift.FAILS: lambda lot: lot.fail_share,
        Drift.MIX: lambda lot: _away(lot, usual),
    }[drift]


def _own_mix(baseline: Baseline) -> Iterator[float]:
    """How far each lot of the baseline is from the others: from all it would seem too near."""
    wafers = sum(lot.wafers for lot in baseline.lots)
    counts = {name: sum(lot.count(name) for lot in baseline.lots) for name in baseline.patterns}
    for lot in baseline.lots:
        rest = wafers - lot.wafers
        yield _away(lot, {name: (all_ - lot.count(name)) / rest for name, all_ in counts.items()})


def _away(lot: Lot, usual: Mapping[str, float]) -> float:
    """How far the shares of its patterns are from usual ones, all together."""
    names = dict.fromkeys([*usual, *lot.patterns])
    return sum(abs(lot.count(name) / lot.wafers - usual.get(name, 0.0)) for name in names)
