"""How far a probability can be trusted: calibration error, risk against coverage, separation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

#: Equal-width bins of confidence, as in the calibration literature.
BINS: Final = 15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Predictions whose confidence falls into one interval.

    Attributes:
        low: Lower end of the interval, exclusive.
        high: Upper end, inclusive.
        confidence: Their mean confidence, 0 where n is 0.
        accuracy: Share of them that were right, 0 where n is 0.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability_bins(confidence: Floats, right: npt.NDArray[np.bool_]) -> list[Bin]:
    """Predictions binned by confidence (W,), 0..1, and whether each was right (W,)."""
    edges = np.linspace(0.0, 1.0, BINS + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    n = np.bincount(place, minlength=BINS)
    filled = np.maximum(n, 1)
    mean = np.bincount(place, confidence, minlength=BINS) / filled
    accuracy = np.bincount(place, right.astype(float), minlength=BINS) / filled
    return [
        Bin(float(edges[i]), float(edges[i + 1]), int(n[i]), float(mean[i]), float(accuracy[i]))
        for i in range(BINS)
    ]


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error (M. P. Naeini et al., AAAI 2015), 0..1.

    Mean of \\|accuracy - confidence\\| over the bins, weighted by the predictions in them.
    """
    bins = reliability_bins(confidence, right)
    wafers = max(1, len(confidence))
    return sum(one.n * abs(one.accuracy - one.confidence) for one in bins) / wafers


def risk_coverage(doubt: Floats, wrong: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Share of wrong verdicts among those accepted, for every share that is accepted.

    The least doubtful are accepted first. Returns coverage (share accepted) and risk (share of
    those that are wrong), both (W,).
    """
    order = np.argsort(doubt, kind="stable")
    accepted = np.arange(1, len(doubt) + 1)
    return accepted / max(1, len(doubt)), np.cumsum(wrong[order]) / accepted


def caught(doubt: Floats, wrong: npt.NDArray[np.bool_], review: float) -> float:
    """Share of the wrong verdicts among the ``review`` most doubtful, 0..1; 1 where none is wrong.

    ``review`` is the share of all wafers that a person looks at, 0..1.
    """
    looked_at = np.argsort(-doubt, kind="stable")[: round(review * len(doubt))]
    total = int(wrong.sum())
    return float(wrong[looked_at].sum()) / total if total else 1.0


def auroc(ordinary: Floats, strange: Floats) -> float:
    """Chance that a strange wafer scores higher than an ordinary one (ties count half).

    Area under the ROC curve by ranks (Mann-Whitney) of at least one score each; 0.5 is guessing.
    """
    scores = np.concatenate([ordinary, strange])
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    above = ranks[len(ordinary) :].sum() - len(strange) * (len(strange) + 1) / 2
    return float(above / (len(ordinary) * len(strange)))
