"""Has a model become worse? Two measurements of the same wafers, with chance taken into account.

Paired, where the answer to every wafer is known from both: only wafers that one model got right and
the other wrong tell anything, and if neither model is better each of them is as likely lost as won
(exact test of Q. McNemar, Psychometrika 12, 1947, one-sided). Else by the intervals of two shares
(hybrid score interval of R. G. Newcombe, Stat. Med. 17, 1998), which finds less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.evaluation.metrics import wilson

#: A fall counts when chance alone would show one as large less often than this.
SIGNIFICANCE: Final = 0.05

#: 95 % quantile of the standard normal: one-sided test of ``SIGNIFICANCE``.
_Z95_ONE_SIDED: Final = 1.6448536269514722

#: Slack in percentage points, so that a limit of 1.0 allows exactly one point.
_SLACK: Final = 0.01

_DRAWS: Final = 20_000

Counts = Sequence[tuple[float, int]]


@dataclass(frozen=True)
class Change:
    """A share before and now.

    Attributes:
        before: 0..1.
        now: 0..1.
        chance: Probability of so large a fall, or a larger one, if nothing had become worse.
    """

    before: float
    now: float
    chance: float

    def fell(self, points: float) -> bool:
        """Whether it fell by more than so many percentage points, whatever the chance."""
        return not 100 * (self.before - self.now) <= points + _SLACK

    @property
    def certain(self) -> bool:
        """Whether chance does not explain a fall."""
        return self.chance < SIGNIFICANCE

    def __str__(self) -> str:
        return f"{100 * self.before:.1f} % -> {100 * self.now:.1f} %"


def paired(before: npt.NDArray[np.bool_], now: npt.NDArray[np.bool_]) -> Change:
    """Change of a share of the same wafers: whether each (W,) was right, and is now."""
    lost = int((before & ~now).sum())
    won = int((now & ~before).sum())
    return Change(float(before.mean()), float(now.mean()), mcnemar(lost, won))


def mcnemar(lost: int, won: int) -> float:
    """Chance of ``lost`` or more heads in ``lost + won`` throws of a fair coin."""
    throws = lost + won
    # Whole numbers of any size: the quotient is exact, where a float of each would overflow.
    ways, term = 0, math.comb(throws, lost)
    for heads in range(lost, throws + 1):
        ways += term
        term = term * (throws - heads) // (heads + 1)
    return ways / (1 << throws)


def unpaired(before: Counts, now: Counts) -> Change:
    """Change of shares of which only counts are known, averaged.

    The chance is 0 where the one-sided 95 % interval of the fall lies above 0, else 1.

    Args:
        before: (share 0..1, number of wafers) of each class, at least one.
        now: The same of the model under test.
    """
    margins = []
    for (share, n), (other, m) in zip(before, now, strict=True):
        low = wilson(round(share * n), n, _Z95_ONE_SIDED)[0]
        high = wilson(round(other * m), m, _Z95_ONE_SIDED)[1]
        margins.append(math.hypot(share - low, high - other))
    means = [math.fsum(share for share, _ in counts) / len(counts) for counts in (before, now)]
    certain = means[0] - means[1] > math.hypot(*margins) / len(margins)
    return Change(means[0], means[1], 0.0 if certain else 1.0)


def paired_mean(
    classes: npt.NDArray[np.intp], before: npt.NDArray[np.bool_], now: npt.NDArray[np.bool_]
) -> Change:
    """Change of the mean over classes of the share that is right.

    The chance is counted over random draws, always the same ones: every wafer that changed is lost
    or won by the throw of a coin, and weighs as its class does.

    Args:
        classes: Class of each wafer, (W,), W > 0.
        before: Whether it was right, (W,).
        now: The same of the model under test.
    """
    found = np.unique(classes)
    members = [classes == index for index in found]
    sizes = np.asarray([mine.sum() for mine in members])
    changed = np.asarray([(before ^ now)[mine].sum() for mine in members])
    fall = sum((before[m].mean() - now[m].mean()) for m in members) / len(found)
    lost = np.random.default_rng(0).binomial(changed, 0.5, (_DRAWS, len(found)))
    drawn = ((2 * lost - changed) / sizes).mean(axis=1)
    return Change(
        float(np.mean([before[mine].mean() for mine in members])),
        float(np.mean([now[mine].mean() for mine in members])),
        float((drawn >= fall - 1e-12).mean()),
    )
