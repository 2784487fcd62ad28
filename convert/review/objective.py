"""What the review rule is to reach: from the run's recipe, or as the caller says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

from edge.errors import UsageError
from edge.verdict.rule import Costs


@dataclass(frozen=True)
class ReviewObjective:
    """What decides between accept and review; see ``train.recipe.ReviewRecipe``, which it mirrors.

    Attributes:
        precision: Share of the accepted wafers of each pattern that shall be right, 0..1.
        costs: What mistakes cost; where given, they decide instead of ``precision``.
        unfamiliar: Share of ordinary wafers that may be called unfamiliar, 0..1.
        mixed: Share of ordinary wafers that may be called mixed, 0..1.
    """

    precision: float = 0.95
    costs: Costs | None = None
    unfamiliar: float = 0.02
    mixed: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what no share can be.

        Raises:
            UsageError: a share that is not inside 0..1, or a cost that is not a number from 0 up.
        """
        for name in ("precision", "unfamiliar", "mixed"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise UsageError(f"review: {name} is {value}, must lie between 0 and 1")
        prices = astuple(self.costs) if self.costs else ()
        if not all(math.isfinite(price) and price >= 0 for price in prices):
            raise UsageError(f"review: the costs {prices} are not numbers from 0 up")

    @classmethod
    def of_recipe(cls, recipe: Mapping[str, Any]) -> ReviewObjective:
        """The recipe's section ``review``; a run made before there was one has the defaults.

        Raises:
            UsageError: a value that makes no sense.
        """
        try:
            section = {key: float(value) for key, value in (recipe.get("review") or {}).items()}
            prices = [section.pop(key, 0.0) for key in ("escape", "false_alarm", "review")]
            return cls(costs=Costs(*prices) if any(prices) else None, **section)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"the recipe's section review makes no sense: {error}") from error

    def with_overrides(self, precision: float | None, costs: Costs | None) -> ReviewObjective:
        """With what a caller wants instead; costs win over precision."""
        if precision is not None:
            return replace(self, precision=precision, costs=costs)
        return self if costs is None else replace(self, costs=costs)

    def objective(self) -> dict[str, float]:
        """JSON form of what decides over low confidence."""
        if self.costs is None:
            return {"precision": self.precision}
        costs = self.costs
        return {"escape": costs.escape, "false_alarm": costs.false_alarm, "review": costs.review}
