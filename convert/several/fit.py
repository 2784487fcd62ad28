"""Probabilities and thresholds of several patterns, fitted on wafers that trained nothing."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.review.fit import MIN_DIES, dequantised, neutral, raw_outputs
from convert.review.thresholds import PRIOR, above
from edge.classification.classifier import Classifier
from edge.classification.several import NAMED
from edge.dataset.encoded_set import EncodedSet
from edge.evaluation.metrics import sigmoid
from edge.evaluation.several import Hot
from edge.model.metadata import Mixed, Outputs, Review, Unfamiliar
from edge.model.model_file import ModelFile
from edge.verdict.familiarity import Familiarity
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import PatternSet

Floats = npt.NDArray[np.float64]

#: As so many wafers a scale of 1 and a bias of 0 count: a handful must not decide over a pattern.
_PRIOR: Final = 5.0

_STEPS: Final = 50

#: Ends of the scale, as of a temperature from 4 to 0.25, and of the bias.
_SCALES, _BIASES = (0.25, 4.0), (-6.0, 6.0)


def fit_output(logits: Floats, true: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and bias that make what is true (W,) of one pattern most likely, by its logits (W,).

    J. Platt, Probabilistic outputs for support vector machines, 1999: two numbers an output.
    """
    scale, bias = 1.0, 0.0
    for _ in range(_STEPS):
        share = sigmoid(scale * logits + bias)
        wrong, spread = share - true, share * (1 - share)
        slope = np.asarray([(wrong * logits).sum(), wrong.sum()]) + _PRIOR * np.asarray(
            [scale - 1, bias]
        )
        off = (spread * logits).sum()
        curve = np.asarray([[(spread * logits**2).sum(), off], [off, spread.sum()]])
        step = np.linalg.solve(curve + _PRIOR * np.eye(2), slope)
        # Half steps: whole ones may jump over the valley where a pattern is nearly absent.
        scale = float(np.clip(scale - 0.5 * step[0], *_SCALES))
        bias = float(np.clip(bias - 0.5 * step[1], *_BIASES))
    return round(scale, 3), round(bias, 3)


def threshold(share: Floats, true: npt.NDArray[np.bool_], target: float) -> float:
    """Smallest confidence of a pattern's yes or no that reaches a target, 0.5..1; 1 where none.

    Of the wafers with an accepted yes this share must show the pattern, and of those that show it
    and were accepted it must have been named: the first is precision, the second what escapes.
    ``PRIOR`` wafers that are right as often as all accepted ones count with either.

    Args:
        share: Probability of the pattern (W,).
        true: Whether it is there (W,).
        target: 0..1.
    """
    named, sure = share >= NAMED, np.maximum(share, 1 - share)
    right = named == true
    for thousandth in range(500, 1000):
        accepted = sure >= thousandth / 1000
        everyone = float(right[accepted].mean()) if accepted.any() else 1.0
        for of in (named, true):
            mine = accepted & of
            count, good = int(mine.sum()), int((mine & right).sum())
            if not count or min(good / count, (good + PRIOR * everyone) / (count + PRIOR)) < target:
                break
        else:
            return thousandth / 1000
    return 1.0


def draft_of(patterns: PatternSet, size: int) -> tuple[Outputs, Review]:
    """Sections that accept everything: for running a network not yet judged."""
    count = len(patterns)
    return Outputs((1.0,) * count, (0.0,) * count), neutral(patterns, size)


def fit(
    draft: ModelFile,
    train: EncodedSet,
    val: EncodedSet,
    objective: ReviewObjective,
    told: Any = lambda: None,
) -> tuple[Outputs, Review]:
    """Fit outputs and review rule through the station's own code.

    Args:
        draft: The network with the sections of ``draft_of``.
        train: Wafers of which the means of the combinations are made.
        val: The val part, which fits all else.
        objective: What the thresholds shall reach.
        told: Called after each wafer.
    """
    classifier, patterns = Classifier(draft), draft.patterns
    hot = np.zeros((len(val), len(patterns)), bool) if val.hot is None else val.hot
    logits, steps = raw_outputs(classifier, val.planes, told)
    values, _ = dequantised(draft, logits, steps)
    fitted = [fit_output(values[:, k], hot[:, k]) for k in range(len(patterns))]
    scale, bias = zip(*fitted, strict=True)
    shares = sigmoid(values * np.asarray(scale) + np.asarray(bias))
    embedding = dequantised(draft, *raw_outputs(classifier, train.planes, told))[1]
    means = np.stack([embedding[train.classes == k].mean(axis=0) for k in np.unique(train.classes)])
    rounded, output = np.round(means, 2).tolist(), draft.metadata.embedding
    weights = [0.0] * output.size
    familiarity = Familiarity(output.scale, output.zero_point, rounded, weights, 0.0)
    distances = np.asarray([familiarity.measure(row)[0] for row in steps])
    review = Review(
        _below(shares, hot, objective, patterns),
        objective.objective(),
        MIN_DIES,
        Unfamiliar(float(np.ceil(above(distances, objective.unfamiliar) * 1e4) / 1e4), rounded),
        Mixed(1.0, weights, 0.0),  # that there are several is no reason: they are named
        dict.fromkeys(patterns, 0.0),
    )
    return Outputs(scale, bias), review


def _below(
    shares: Floats, hot: Hot, objective: ReviewObjective, patterns: PatternSet
) -> dict[str, float]:
    if costs := objective.costs:
        return {name: round(value, 4) for name, value in costs.below(patterns).items()}
    return {
        name: threshold(shares[:, k], hot[:, k], objective.precision)
        for k, name in enumerate(patterns)
    }
