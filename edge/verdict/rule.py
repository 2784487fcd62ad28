"""Accept, or leave it to a person: the rule and its reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edge.errors import UsageError
from edge.wafer.patterns import WM811K, PatternSet

#: With fewer failing dies no pattern can be told from them: the wafer is ``none``, and no network
#: is asked, which never saw such a wafer.
MIN_FAILS: Final = 3


#: Stands for every pattern where a threshold is given; no pattern's name is spelled so there.
ALL: Final = "all"


class Verdict(str, Enum):
    """What to do with a prediction."""

    ACCEPT = "accept"
    REVIEW = "review"


class Reason(str, Enum):
    """What decided over a verdict: ``few-fails``, why no network was asked; else why to look.

    Of several the first of ``few-dies``, ``mixed``, ``unfamiliar``, ``low-confidence`` is given.
    """

    FEW_DIES = "few-dies"
    MIXED = "mixed"
    UNFAMILIAR = "unfamiliar"
    LOW_CONFIDENCE = "low-confidence"
    OWN = "own"
    FEW_FAILS = "few-fails"

    @property
    def verdict(self) -> Verdict:
        """What follows from it."""
        return Verdict.ACCEPT if self is Reason.FEW_FAILS else Verdict.REVIEW


#: Those that a model file alone gives: a pattern of a station's own is none of them.
_OF_MODEL: Final = tuple(reason for reason in Reason if reason is not Reason.OWN)

#: Why a person should look.
REVIEW_REASONS: Final = tuple(one for one in _OF_MODEL if one.verdict is Verdict.REVIEW)

#: Reason of the firmware by its number: ``wm_reason`` in C.
REASONS: Final = (None, *_OF_MODEL)


@dataclass(frozen=True)
class ReviewRule:
    """When a wafer goes to a person.

    Attributes:
        below: Smallest confidence a pattern that is accepted, 0..1.
        unfamiliar_above: Largest distance to the nearest class that is accepted, in standard
            deviations of the training wafers (see ``edge.verdict.familiarity``).
        mixed_above: Largest probability of two patterns at once that is accepted, 0..1.
        min_dies: Wafers with fewer dies are fragments.
        patterns: The patterns there are.

    Raises:
        UsageError: a number is out of its range.
    """

    below: Mapping[str, float]
    unfamiliar_above: float
    mixed_above: float
    min_dies: int
    patterns: PatternSet = WM811K

    def __post_init__(self) -> None:
        """Refuse what NaN and percents would make of it."""
        limits = {"mixed_above": self.mixed_above, **self.below}
        for name, limit in limits.items():
            if not 0 <= limit <= 1:
                raise UsageError(f"{name}: is {limit}, must be from 0 to 1")
        if math.isnan(self.unfamiliar_above):
            raise UsageError("unfamiliar_above: is nan, must be a number")

    def reason(
        self, pattern: str, confidence: float, unfamiliarity: float, mixture: float, dies: int
    ) -> Reason | None:
        """Why a person should look, or None to accept."""
        if dies < self.min_dies:
            return Reason.FEW_DIES
        if mixture > self.mixed_above:
            return Reason.MIXED
        if unfamiliarity > self.unfamiliar_above:
            return Reason.UNFAMILIAR
        least = self.below[pattern]
        # A threshold of 1 says that no confidence will do, not even one that rounds to 1.
        if confidence < least or least >= 1:
            return Reason.LOW_CONFIDENCE
        return None

    def with_overrides(
        self,
        below: Sequence[Mapping[str, float]] = (),
        costs: Costs | None = None,
        unfamiliar_above: float | None = None,
        mixed_above: float | None = None,
    ) -> ReviewRule:
        """The same with what somebody wants otherwise; ``below`` has the last word over ``costs``.

        Args:
            below: Smallest confidences by pattern, in any spelling, or for ``all``; the last one
                counts. A pattern that is called so is meant by another spelling, as ``ALL``.
            costs: From which smallest confidences are computed.
            unfamiliar_above: None leaves the limit.
            mixed_above: None leaves the limit.

        Raises:
            UsageError: a name in ``below`` is none of the patterns.
        """
        least = dict(costs.below(self.patterns) if costs else self.below)
        for name, confidence in (item for change in below for item in change.items()):
            pattern = None if name == ALL else self.patterns.named(name)
            if pattern is None and name != ALL:
                known = ", ".join(self.patterns)
                raise UsageError(f"below: unknown pattern {name!r}; this model file knows {known}")
            least |= dict.fromkeys([pattern] if pattern else self.patterns, confidence)
        return ReviewRule(
            least,
            self.unfamiliar_above if unfamiliar_above is None else unfamiliar_above,
            self.mixed_above if mixed_above is None else mixed_above,
            self.min_dies,
            self.patterns,
        )


@dataclass(frozen=True)
class Costs:
    """What a mistake costs against a look by a person, in any one unit.

    Attributes:
        escape: A wafer with a pattern that is accepted as one without.
        false_alarm: A wafer accepted under a pattern that it does not have: a machine is stopped,
            or the wrong one looked at.
        review: A person looks at a wafer.
    """

    escape: float
    false_alarm: float
    review: float

    def below(self, patterns: PatternSet) -> dict[str, float]:
        """Smallest confidence a pattern at which accepting costs less than a look.

        Accepting a pattern of confidence p costs (1 - p) times the mistake (C. K. Chow, On optimum
        recognition error and reject tradeoff, IEEE Trans. Inf. Theory 16, 1970), so it pays from
        p = 1 - review / mistake on.
        """
        mistakes = dict.fromkeys(patterns, self.false_alarm)
        if patterns.is_several:  # one threshold for a yes, which may be a false alarm, and a no
            mistakes = dict.fromkeys(patterns, max(self.false_alarm, self.escape))
        if patterns.none is not None:
            mistakes[patterns.none] = self.escape
        return {
            name: max(0.0, 1 - self.review / mistake) if mistake > 0 else 0.0
            for name, mistake in mistakes.items()
        }
