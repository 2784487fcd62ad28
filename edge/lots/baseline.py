"""The baseline: lots in which nothing was out of the ordinary, frozen by a person or a first check.

What is unusual is unusual against these lots alone: limits that follow the newest lots would follow
a drift as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
from msgspec import Struct

from edge.lots.beta_binomial import CountModel
from edge.lots.lot import Lot

#: Fewer lots say too little.
ENOUGH: Final = 20

#: Of more lots the newest so many are taken.
MOST: Final = 500

#: Days of a month.
_MONTH: Final = 30.44


class Baseline(Struct, frozen=True, dict=True):
    """Lots that coming ones are held against.

    Attributes:
        lots: In the order of their last wafers.
        patterns: That the model files tell apart, and others that these lots show.
    """

    lots: list[Lot]
    patterns: list[str]

    @property
    def until(self) -> str:
        """When its last wafer was recorded; lots after that are judged."""
        return self.lots[-1].last_at

    @cached_property
    def size(self) -> int:
        """Wafers of a usual lot."""
        return int(np.median([lot.wafers for lot in self.lots]))

    @cached_property
    def lots_a_month(self) -> float:
        """How many there were; of less than a day as if it had been one."""
        first, last = (_time(self.lots[at].last_at) for at in (0, -1))
        days = max((last - first).total_seconds() / 86_400, 1.0)
        return len(self.lots) / days * _MONTH

    def model(self, pattern: str) -> CountModel:
        """How often its lots show a pattern."""
        return CountModel((lot.count(pattern), lot.wafers) for lot in self.lots)

    def share(self, pattern: str) -> float:
        """Wafers that show a pattern, of all."""
        return sum(lot.count(pattern) for lot in self.lots) / sum(lot.wafers for lot in self.lots)


def baseline(lots: Sequence[Lot], patterns: Sequence[str]) -> Baseline | None:
    """What lots are held against from now on; None where there are too few (``ENOUGH``).

    Args:
        lots: In the order of their last wafers.
        patterns: That the model files tell apart.
    """
    if len(lots) < ENOUGH:
        return None
    taken = list(lots[-MOST:])
    shown = [name for lot in taken for name in lot.patterns]
    return Baseline(taken, list(dict.fromkeys([*patterns, *shown])))


def _time(text: str) -> datetime:
    """Of a record: ISO 8601 in UTC, whose Z Python 3.10 does not know."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
