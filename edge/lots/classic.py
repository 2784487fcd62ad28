"""What who must shows it asks for: p-chart, Laney's p' chart, Nelson's rules on the fail rate.

None of these is used unless asked for. They take wafers of a lot for independent, or lots for
normally distributed: on patterns of wafers they raise far more false alarms than they promise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final, NamedTuple

from edge.lots.baseline import Baseline
from edge.lots.lot import Lot

#: Mean range of two normal numbers, in their standard deviations.
_RANGE_OF_TWO: Final = 1.128

#: Smallest and largest fail rate that has a logit here.
_EDGE: Final = 1e-4


class Limits(NamedTuple):
    """Upper limits of the share of a lot's wafers, three standard deviations above the mean.

    Attributes:
        p: Of a p-chart.
        laney: Of the same widened by what lots vary beyond that (D. B. Laney, Improved control
            charts for attributes, Quality Engineering 14, 2002).
    """

    p: float
    laney: float


class Shares:
    """p and p' limits of a pattern.

    Args:
        baseline: The lots.
        pattern: Which.
    """

    def __init__(self, baseline: Baseline, pattern: str) -> None:
        self._mean = baseline.share(pattern)
        scores = [self._score(lot.count(pattern), lot.wafers) for lot in baseline.lots]
        ranges = [abs(one - other) for one, other in pairwise(scores)]
        self._wider = max(1.0, fmean(ranges) / _RANGE_OF_TWO)

    def limits(self, wafers: int) -> Limits:
        """Those of a lot of so many wafers."""
        reach = 3 * self._deviation(wafers)
        return Limits(min(1.0, self._mean + reach), min(1.0, self._mean + reach * self._wider))

    def _deviation(self, wafers: int) -> float:
        return math.sqrt(self._mean * (1 - self._mean) / wafers)

    def _score(self, count: int, wafers: int) -> float:
        deviation = self._deviation(wafers)
        return (count / wafers - self._mean) / deviation if deviation else 0.0


class Nelson(NamedTuple):
    """A rule that a lot has broken.

    Attributes:
        rule: Its number (L. S. Nelson, The Shewhart control chart: tests for special causes,
            Journal of Quality Technology 16, 1984).
        said: What it says.
        chance: At how many of all lots it is broken by chance, were they normal and independent.
    """

    rule: int
    said: str
    chance: float


_RULES: Final = {
    1: Nelson(1, "beyond three standard deviations", 0.0027),
    2: Nelson(2, "nine lots in a row on one side of the mean", 2 * 0.5**9),
    3: Nelson(3, "six lots in a row each above, or each below, the one before", 2 / 720),
    5: Nelson(5, "two of three lots beyond two standard deviations, on one side", 0.0031),
}


def broken(baseline: Baseline, lots: Sequence[Lot]) -> Iterator[tuple[Lot, float, Nelson]]:
    """Where lots begin to break rule 1, 2, 3 or 5 by the logit of their fail rate.

    Yields:
        The lot, how many standard deviations it is away, and the rule.
    """
    known = [_logit(lot) for lot in baseline.lots]
    mean, spread = fmean(known), max(stdev(known), 1e-6)
    scores = [(_logit(lot) - mean) / spread for lot in lots]
    before: set[int] = set()
    for at, lot in enumerate(lots):
        now = _broken(scores[max(0, at - 8) : at + 1])
        yield from ((lot, scores[at], _RULES[rule]) for rule in sorted(now - before))
        before = now


def _broken(scores: Sequence[float]) -> set[int]:
    nine, six, three = scores[-9:], scores[-6:], scores[-3:]
    steps = [after > one for one, after in pairwise(six) if after != one]
    return {
        rule
        for rule, is_broken in {
            1: abs(scores[-1]) > 3,
            2: len(nine) == 9 and len({score > 0 for score in nine}) == 1,
            3: len(steps) == 5 and len(set(steps)) == 1,
            5: any(sum(side * score > 2 for score in three) >= 2 for side in (1, -1)),
        }.items()
        if is_broken
    }


def _logit(lot: Lot) -> float:
    share = min(max(lot.fail_share, _EDGE), 1 - _EDGE)
    return math.log(share / (1 - share))
