"""Accuracy where a wafer may show several patterns: pattern by pattern, and of all it shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.evaluation.metrics import Z95, Scores, sigmoid, wilson
from edge.wafer.patterns import JOINT, NOTHING

#: Which patterns wafers show, or are named (W, patterns).
Hot = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PatternScore:
    """How well one of several patterns is recognised.

    Attributes:
        n: Wafers that show it.
        recall: Share of them on which it is named; None where n is 0.
        ci95: Wilson interval of the recall.
        precision: Share of the wafers on which it is named that show it; None where it never is.
        false_alarms: Wafers on which it is named and not there.
        false_alarm_rate: Of those that do not show it; None where all do.
    """

    n: int
    recall: float | None
    ci95: tuple[float, float]
    precision: float | None
    false_alarms: int
    false_alarm_rate: float | None


@dataclass(frozen=True)
class Exact:
    """Wafers of which exactly what they show was named.

    Attributes:
        n: How many wafers.
        right: Of how many.
        ci95: Wilson interval of the share.
    """

    n: int
    right: int
    ci95: tuple[float, float]

    @property
    def share(self) -> float:
        """0..1; 0 where there is no wafer."""
        return self.right / max(1, self.n)


@dataclass(frozen=True)
class SeveralScores:
    """Accuracy of a set of predictions.

    Attributes:
        labels: The patterns.
        per_class: By pattern.
        exact: Of all wafers.
        by_number: The same by the number of patterns that a wafer shows.
        only_answer: What all wafers were named although they show different things; None otherwise.
    """

    labels: tuple[str, ...]
    per_class: dict[str, PatternScore]
    exact: Exact
    by_number: dict[int, Exact]
    only_answer: str | None

    @property
    def accuracy(self) -> float:
        """Share of the wafers of which exactly what they show was named."""
        return self.exact.share

    @property
    def macro_recall(self) -> float:
        """Mean over the patterns that are there of the share of wafers on which each is named."""
        found = [each.recall for each in self.per_class.values() if each.recall is not None]
        return float(np.mean(found)) if found else 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "macro_recall": self.macro_recall,
            "accuracy": self.accuracy,
            "per_class": {name: asdict(each) for name, each in self.per_class.items()},
            "exact": asdict(self.exact),
            "by_number": {str(number): asdict(each) for number, each in self.by_number.items()},
        }


#: Figures of either kind of pattern set.
AnyScores = Scores | SeveralScores


def score(true: Hot, named: Hot, labels: tuple[str, ...]) -> SeveralScores:
    """Figures of what was named (W, patterns) where something else is true (W, patterns)."""
    right = (true == named).all(axis=1)
    numbers = true.sum(axis=1)
    alike = len(named) > 0 and bool((named == named[0]).all()) and not (true == true[0]).all()
    answer = (JOINT.join(compress(labels, named[0])) or NOTHING) if alike else None
    return SeveralScores(
        labels,
        {name: _pattern(true[:, place], named[:, place]) for place, name in enumerate(labels)},
        _exact(right),
        {int(number): _exact(right[numbers == number]) for number in np.unique(numbers)},
        answer,
    )


def cross_entropy(logits: npt.NDArray[np.floating[Any]], true: Hot) -> float:
    """Mean over wafers and patterns, of logits and what is true, both (W, patterns)."""
    said = np.where(true, sigmoid(logits), sigmoid(-logits))
    return abs(float(np.log(np.maximum(said, 1e-12)).mean()))


def _exact(right: npt.NDArray[np.bool_]) -> Exact:
    count = int(right.sum())
    return Exact(len(right), count, wilson(count, len(right), Z95))


def _pattern(true: npt.NDArray[np.bool_], named: npt.NDArray[np.bool_]) -> PatternScore:
    n, found, given = int(true.sum()), int((true & named).sum()), int(named.sum())
    alarms, others = given - found, len(true) - n
    return PatternScore(
        n,
        found / n if n else None,
        wilson(found, n),
        found / given if given else None,
        alarms,
        alarms / others if others else None,
    )
