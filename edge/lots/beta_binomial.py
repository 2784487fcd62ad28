"""How many wafers of a lot show a pattern while nothing is wrong: beta-binomial, not binomial.

Patterns come in lots: on WM-811K the number of wafers a lot varies 1.4 to 21 times as much as
independent wafers would. A lot has a share of its own, drawn from a beta distribution of mean p;
rho, the correlation of two wafers of one lot, says how far these shares differ.

Nobody knows p and rho of a line. What some lots say of them is kept as a weight of each pair on a
grid (a posterior, by Bayes), and what is computed of a coming lot is averaged over the grid: from
few lots limits are wide, from many they are those of the line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: The grid: logits of p and of rho.
_P: Final = np.linspace(-9.0, 1.5, 43)
_RHO: Final = np.linspace(-5.5, 3.5, 19)

#: What is thought of them before a lot was seen: mean and standard deviation of the logits. Those
#: of seven patterns of WM-811K (p .003 to .055, rho .017 to .83) lie around -4.3 and -1.8, 1.1
#: and 1.9 apart; of p a line may be further away.
_P_BEFORE: Final = (-4.3, 2.0)
_RHO_BEFORE: Final = (-1.8, 1.9)

#: Lots of more wafers are taken for such of so many.
LARGE: Final = 400

#: Stirling's series is exact to 1e-13 from here on.
_FAR: Final = 8


def log_gamma(x: Floats) -> Floats:
    """Logarithm of the gamma function of numbers above 0, to 1e-12 of it or of 1.

    Stirling's series after eight steps up (M. Abramowitz, I. A. Stegun, Handbook of Mathematical
    Functions, 1964, 6.1.15 and 6.1.41).
    """
    steps = np.log(x)
    for step in range(1, _FAR):
        steps = steps + np.log(x + step)
    far = x + _FAR
    inverse = 1 / far
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return (far - 0.5) * np.log(far) - far + 0.5 * np.log(2 * np.pi) + series - steps


def log_pmf(counts: Floats, wafers: Floats, a: Floats, b: Floats) -> Floats:
    """Logarithm of the chance of a count of wafers, by the beta distribution's parameters."""
    rest = wafers - counts
    ways = log_gamma(wafers + 1) - log_gamma(counts + 1) - log_gamma(rest + 1)
    drawn = log_gamma(a + counts) + log_gamma(b + rest) - log_gamma(a + b + wafers)
    return ways + drawn - log_gamma(a) - log_gamma(b) + log_gamma(a + b)


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


class CountModel:
    """What some lots say of how often a pattern comes.

    Args:
        lots: Wafers that show it, and wafers, of each lot.
    """

    def __init__(self, lots: Iterable[tuple[int, int]]) -> None:
        p, rho = (grid.ravel() for grid in np.meshgrid(_P, _RHO))
        self.p, self.rho = _sigmoid(p), _sigmoid(rho)
        strength = 1 / self.rho - 1
        self._a, self._b = self.p * strength, (1 - self.p) * strength
        weight = -0.5 * ((p - _P_BEFORE[0]) / _P_BEFORE[1]) ** 2
        weight -= 0.5 * ((rho - _RHO_BEFORE[0]) / _RHO_BEFORE[1]) ** 2
        for (count, wafers), times in Counter(lots).items():
            weight += times * self._log_pmf(np.array([count]), wafers)[:, 0]
        weight = np.exp(weight - weight.max())
        self.weight: Floats = weight / weight.sum()

    def _log_pmf(self, counts: npt.NDArray[np.intp], wafers: int) -> Floats:
        """(grid, counts)."""
        a, b = self._a[:, np.newaxis], self._b[:, np.newaxis]
        return log_pmf(counts.astype(float)[np.newaxis], np.float64(wafers), a, b)

    @cached_property
    def rate(self) -> float:
        """Expected share of wafers."""
        return float(self.weight @ self.p)

    def dispersion(self, wafers: int) -> float:
        """How many times as much a count varies as that of independent wafers."""
        return float(1 + (wafers - 1) * (self.weight @ self.rho))

    def tail(self, wafers: int) -> Floats:
        """(wafers + 1,): the chance of a count of 0, 1, ... or more in a lot to come."""
        chances = self.weight @ np.exp(self._log_pmf(np.arange(wafers + 1), wafers))
        return np.minimum(1.0, chances[::-1].cumsum()[::-1])

    def limit(self, wafers: int, chance: float) -> tuple[int, float] | None:
        """The smallest count that comes by chance in at most such a share of lots, and that share.

        None where even all wafers come more often: then whole lots are normal. Of lots of more than
        400 wafers the share of 400 is taken, which is a little wider.
        """
        size = min(wafers, LARGE)
        tail = self.tail(size)
        if tail[-1] > chance:
            return None
        least = int(np.argmax(tail <= chance))
        return -(-least * wafers // size), float(tail[least])

    def hit(self, wafers: int) -> Floats:
        """(grid,): the chance that a lot has at least one such wafer."""
        return 1 - np.exp(self._log_pmf(np.array([0]), wafers)[:, 0])
