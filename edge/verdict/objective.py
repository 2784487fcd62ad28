"""What the review rule is to reach: from the recipe of a training, or as somebody else says."""

from __future__ import annotations

from dataclasses import asdict, astuple
from typing import Annotated

from msgspec import Meta, structs

from edge.errors import UsageError
from edge.system.typed import MismatchError, Strict, decode
from edge.verdict.rule import Costs

_Part = Annotated[float, Meta(ge=1e-6, le=0.999999)]
_Cost = Annotated[float, Meta(ge=0, le=1e9)]


class ReviewObjective(Strict, frozen=True):
    """What conversion shall reach when it sets the thresholds between accept and review.

    Attributes:
        precision: Share of the accepted wafers of each pattern that shall be right.
        escape: Cost of a wafer with a pattern that is accepted as ``none``. Where any of the three
            costs is above 0, they decide instead of ``precision``.
        false_alarm: Cost of a wafer accepted under a pattern that it does not have.
        review: Cost of a look by a person.
        unfamiliar: Share of ordinary wafers that may be called unfamiliar.
        mixed: Share of ordinary wafers that may be called mixed.
        delta: Chance, a pattern, that ``precision`` does not hold on other lots, where folds set
            the thresholds.
        none_share: Share of wafers without a pattern where it shall hold; 0: as in the data.
    """

    precision: _Part = 0.95
    escape: _Cost = 0.0
    false_alarm: _Cost = 0.0
    review: _Cost = 0.0
    unfamiliar: _Part = 0.02
    mixed: _Part = 0.01
    delta: _Part = 0.1
    none_share: Annotated[float, Meta(ge=0, le=0.999999)] = 0.0

    @property
    def costs(self) -> Costs | None:
        """What mistakes cost, where that decides."""
        costs = Costs(self.escape, self.false_alarm, self.review)
        return costs if any(astuple(costs)) else None

    def with_overrides(self, precision: float | None, costs: Costs | None) -> ReviewObjective:
        """With what a caller wants instead; costs win over precision.

        Raises:
            UsageError: a share that is not inside 0..1, or a cost that is not a number from 0 up.
        """
        changes = {} if precision is None else {"precision": precision, **asdict(Costs(0, 0, 0))}
        changes |= asdict(costs) if costs else {}
        try:
            return decode(ReviewObjective, structs.asdict(self) | changes)
        except MismatchError as error:
            raise UsageError(f"review: {error}") from None

    def objective(self) -> dict[str, float]:
        """JSON form of what decides over low confidence."""
        mix = {"none_share": self.none_share} if self.none_share else {}
        return {**(asdict(self.costs) if self.costs else {"precision": self.precision}), **mix}
