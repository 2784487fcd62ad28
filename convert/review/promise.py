"""Precision that holds on other lots: a bound over lots, not over wafers.

Wafers of a lot are right or wrong together, so a lot is one observation. Whoever doubts that of the
accepted wafers at most a share ``allowed`` is wrong is bet against: each lot multiplies the capital
by 1 + bet x (allowed x its accepted wafers - its wrong ones). While the doubt is right, the capital
does not grow on average, and it reaches 1 / delta with a chance of at most delta (I. Waudby-Smith,
A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86, 2023). The bet is
nearly the largest that no lot can ruin, and looks at how many are accepted, not at what they are.

Thresholds are tested from strict to loose until one fails, so that the last that passed keeps its
promise with probability 1 - delta (A. N. Angelopoulos et al., Learn then Test, 2021). It takes
hundreds of lots; with fewer, the same holds about, for sums over lots are about normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Share of the largest bet.
_BET: Final = 0.9

#: The first threshold accepts so many that, were all right, the evidence would be this many times
#: what is needed: some of them may be wrong.
_SPARE: Final = 2.0

#: Thresholds that are tried, at equal shares of the predictions.
_LEVELS: Final = 100

#: Halvings of the interval in which a bound is sought.
_HALVINGS: Final = 40


def evidence(accepted: Floats, wrong: Floats, allowed: float) -> float:
    """Natural logarithm of the capital after all lots.

    Args:
        accepted: Accepted wafers (L,) of each lot, above 0.
        wrong: How many of them are wrong (L,).
        allowed: Share of the accepted that may be wrong, 0..1 without the ends.
    """
    bet = _BET / ((1 - allowed) * accepted.max())
    return float(np.log1p(bet * (allowed * accepted - wrong)).sum())


def at_least(accepted: Floats, wrong: Floats, delta: float) -> float:
    """The precision of accepted wafers that holds with probability 1 - delta, 0..1, rounded down.

    For one threshold that was not chosen by these wafers; arguments as of ``evidence``.
    """
    low, high = 0.0, 1.0  # of the share that may be wrong: the evidence grows with it
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if evidence(accepted, wrong, middle) >= -math.log(delta):
            high = middle
        else:
            low = middle
    return math.floor((1 - high) * 1e4) / 1e4


@dataclass(frozen=True)
class Called:
    """Wafers that are called by one pattern.

    Attributes:
        confidence: (W,), 0..1.
        right: Whether they are of it (W,).
        lots: Their lots (W,).
        weights: As how many each counts (W,).
    """

    confidence: Floats
    right: npt.NDArray[np.bool_]
    lots: npt.NDArray[np.intp]
    weights: Floats

    def at(self, below: float) -> tuple[Floats, Floats]:
        """Accepted wafers of each lot, and how many of them are wrong (L,) each, by weight."""
        taken = self.confidence >= below
        _, lot = np.unique(self.lots[taken], return_inverse=True)
        weights = self.weights[taken]
        accepted, wrong = (
            np.bincount(lot, each) for each in (weights, weights * ~self.right[taken])
        )
        return accepted.astype(np.float64), wrong.astype(np.float64)

    def levels(self) -> list[float]:
        """Thresholds to try, from strict to loose, in 0..1."""
        ranks = np.linspace(1, 0, _LEVELS, endpoint=False)
        found = np.floor(np.quantile(self.confidence, ranks, method="lower") * 1e4) / 1e4
        return [*np.unique(found)[::-1].tolist(), 0.0]


def promised(called: Called, target: float, delta: float) -> float | None:
    """Smallest threshold, 0..1, at which a precision holds on other lots.

    Args:
        called: Wafers of lots that the network had not seen.
        target: Share of the accepted that shall be right.
        delta: Chance that the promise does not hold.

    Returns:
        None where it cannot be shown of any threshold.
    """
    found, needed, begun = None, -math.log(delta), False
    for level in called.levels():
        accepted, wrong = called.at(level)
        begun = begun or evidence(accepted, 0 * wrong, 1 - target) >= _SPARE * needed
        if begun and evidence(accepted, wrong, 1 - target) < needed:
            break
        if begun:
            found = level
    return found


def likely(called: Called, target: float, delta: float) -> float | None:
    """The same where lots are too few to be sure: as if their sums were normally distributed."""
    spreads, found = NormalDist().inv_cdf(1 - delta), None
    for level in called.levels():
        accepted, wrong = called.at(level)
        gain = (1 - target) * accepted - wrong
        if gain.sum() >= spreads * math.sqrt((gain**2).sum()):
            found = level
    return found
