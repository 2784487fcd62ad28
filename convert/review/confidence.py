"""How far a network is to be believed, and from which confidence on a wafer is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.review.promise import Called, at_least, likely, promised
from convert.review.temperature import fit_log_prior, fit_temperature
from convert.review.thresholds import for_precision
from edge.errors import UsageError
from edge.evaluation import metrics
from edge.model.metadata import FoldCount, Held
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import PatternSet

Floats = npt.NDArray[np.float64]

#: Ends of the bins in which confidence is held against truth.
_ENDS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Judged:
    """What int8 networks said of wafers that had not trained them.

    Attributes:
        logits: (W, patterns).
        classes: Class index (W,) of each label.
        lots: A number a lot (W,); of wafers without a known lot, one each. None: of a val part,
            which has fitted the thresholds as they are and promises nothing elsewhere.
        network: Which network judged it (W,); None: the same one all.
    """

    logits: Floats
    classes: npt.NDArray[np.intp]
    lots: npt.NDArray[np.intp] | None = None
    network: npt.NDArray[np.int16] | None = None

    @property
    def guess(self) -> npt.NDArray[np.intp]:
        """Class index (W,) of the most probable pattern."""
        return self.logits.argmax(axis=1)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether it is the label's (W,)."""
        return np.asarray(self.guess == self.classes)

    def count(self) -> FoldCount | None:
        """How much there is of it; None of a val part."""
        if self.lots is None or self.network is None:
            return None
        networks, lots = (len(np.unique(numbers)) for numbers in (self.network, self.lots))
        return FoldCount(networks, len(self.classes), lots)


@dataclass(frozen=True)
class ConfidenceRule:
    """Temperature, frequencies and thresholds, and what holds of these by pattern."""

    temperature: float
    log_prior: dict[str, float]
    below: dict[str, float]
    holds: dict[str, Held] = field(default_factory=dict)


def confidence_rule(
    judged: Judged, objective: ReviewObjective, patterns: PatternSet
) -> ConfidenceRule:
    """Fit the rule.

    With lots, the threshold of a pattern is the smallest one whose precision holds on others; where
    there are too few lots to be sure, the one at which that is likely and which reaches the
    precision on these wafers, and ``holds`` says what is sure; where it is not, all go to a person.

    Raises:
        UsageError: the objective states a share of a pattern that there is not.
    """
    weights = mix(judged.classes, objective.none_share, patterns)
    temperature, log_prior = _calibrated(judged.logits, judged.classes, weights, patterns)
    if objective.costs:
        below = {name: round(v, 4) for name, v in objective.costs.below(patterns).items()}
        return ConfidenceRule(temperature, log_prior, below)
    confidence, guess, right = cross_fitted(judged, weights, patterns), judged.guess, judged.right
    below = for_precision(guess, confidence, right, objective.precision, patterns, weights)
    if judged.lots is None:
        return ConfidenceRule(temperature, log_prior, below)
    holds: dict[str, Held] = {}
    for index, name in enumerate(patterns):
        own = guess == index
        if not own.any():
            continue
        called = Called(confidence[own], right[own], judged.lots[own], weights[own])
        below[name], held = _threshold(called, objective, below[name])
        holds |= {name: held} if held else {}
    return ConfidenceRule(temperature, log_prior, below, holds)


def _threshold(
    called: Called, objective: ReviewObjective, plain: float
) -> tuple[float, Held | None]:
    """The threshold of a pattern and what is known of what it accepts; None where it is nothing.

    ``plain`` reaches the precision on these wafers.
    """
    target, delta = objective.precision, objective.delta
    below = level = promised(called, target, delta)
    if below is None and (about := likely(called, target, delta)) is not None:
        below = max(about, plain)
    if below is None or below >= 1:
        return 1.0, None
    accepted, wrong = called.at(below)
    return below, Held(
        level is not None,
        target if level is not None else at_least(accepted, wrong, delta),
        round(float(1 - wrong.sum() / accepted.sum()), 4),
        int((called.confidence >= below).sum()),
        len(accepted),
    )


def mix(classes: npt.NDArray[np.intp], none_share: float, patterns: PatternSet) -> Floats:
    """As how many each wafer (W,) counts, so that ``none_share`` of all have no pattern; 0: as one.

    Raises:
        UsageError: none of the patterns means that there is none.
    """
    weights = np.ones(len(classes))
    if not none_share:
        return weights
    if patterns.none is None:
        what = f"review: none_share is {none_share:g}, but none of the patterns means no pattern"
        raise UsageError(f"{what}; leave it out, or say at import which one does")
    none = classes == patterns.index(patterns.none)
    if none.any() and not none.all():
        weights[none] = none_share / (1 - none_share) * (~none).sum() / none.sum()
    return weights


def _calibrated(
    logits: Floats, classes: npt.NDArray[np.intp], weights: Floats, patterns: PatternSet
) -> tuple[float, dict[str, float]]:
    """Temperature and logarithms of frequencies."""
    temperature = fit_temperature(logits, classes, weights)
    return temperature, fit_log_prior(logits / temperature, classes, patterns, weights)


def cross_fitted(judged: Judged, weights: Floats, patterns: PatternSet) -> Floats:
    """Confidence (W,) of each wafer's guess, calibrated on wafers of the other networks.

    Of a single network: on the same ones.
    """
    network, guess = judged.network, judged.guess
    confidence = np.empty(len(guess))
    groups = [None] if network is None else np.unique(network).tolist()
    for number in groups:
        mine = np.ones(len(guess), bool) if number is None else network == number
        by = mine if number is None else ~mine
        temperature, log_prior = _calibrated(
            judged.logits[by], judged.classes[by], weights[by], patterns
        )
        added = np.asarray([log_prior[name] for name in patterns])
        shares = metrics.softmax(judged.logits[mine] / temperature + added)
        confidence[mine] = shares[np.arange(len(shares)), guess[mine]]
    return confidence


def confidence_bins(judged: Judged, patterns: PatternSet) -> Iterator[dict[str, Any]]:
    """Confidence against truth: wafers of each bin, their mean confidence and share of right.

    Each wafer's confidence is that of the others' calibration, at the mix of patterns of the data.
    """
    confidence = cross_fitted(judged, np.ones(len(judged.classes)), patterns)
    for low, high in pairwise(_ENDS):
        own = (confidence >= low) & ((confidence < high) | (high == 1))
        if own.any():
            yield {
                "from": low,
                "to": high,
                "wafers": int(own.sum()),
                "confidence": round(float(confidence[own].mean()), 4),
                "right": round(float(judged.right[own].mean()), 4),
            }
