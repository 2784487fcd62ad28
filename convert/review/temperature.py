"""Calibration (C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017).

The temperature, which keeps the order of the patterns, and, for the confidence alone, one number a
pattern: how much more common it is than the network takes it for. Networks are trained on balanced
patterns, so what they say of a rare one must be believed less. Both together make the classes most
likely: a temperature that is fitted before the other is too low, as it makes up for what is missing
there, and confidences between 0.5 and 0.95 then promise 6 to 11 points too much.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.evaluation import metrics

#: Wafers' worth of belief that a pattern is as common as the network takes it for: a handful of
#: wafers must not decide over a rare class.
_PRIOR: Final = 5.0

#: Keeps Newton's method on its feet where all logits of a wafer are alike.
_RIDGE: Final = 1e-6

#: Newton's method settles in about ten steps.
_STEPS: Final = 50

#: Ends of the temperature.
_COLDEST, _HOTTEST = 0.25, 4.0

_LARGEST: Final = 6.0

Logits = npt.NDArray[np.floating]
Classes = npt.NDArray[np.intp]
Weights = npt.NDArray[np.float64]


def fit_temperature(logits: Logits, classes: Classes, weights: Weights | None = None) -> float:
    """The temperature, 0.25..4 to 0.01, that makes the classes (W,) of wafers most likely.

    By logits (W, classes) of wafers that did not train the network, each as common as its pattern
    is; see ``fit_log_prior``, which also says what ``weights`` are.
    """
    count = logits.shape[1]
    weight = np.ones(len(logits)) if weights is None else weights
    excess, sharpness, added = -np.eye(count)[classes], 1.0, np.zeros(count)
    for _ in range(_STEPS):
        shares = metrics.softmax(logits * sharpness + added)
        wrong = weight[:, np.newaxis] * (shares + excess)
        mean = (shares * logits).sum(axis=1)
        slope = np.asarray([(wrong * logits).sum(), *(wrong.sum(axis=0) + _PRIOR * added)])
        weighed = weight[:, np.newaxis] * shares
        bent = (weighed * (logits - mean[:, np.newaxis])).sum(axis=0)
        spread = (weighed * (logits - mean[:, np.newaxis]) ** 2).sum() + _RIDGE
        curve = np.diag(weighed.sum(axis=0)) - shares.T @ weighed + _PRIOR * np.eye(count)
        step = np.linalg.solve(np.block([[spread, bent], [bent[:, np.newaxis], curve]]), slope)
        # Half steps: whole ones may jump over the valley where a class is nearly absent.
        sharpness = float(np.clip(sharpness - 0.5 * step[0], 1 / _HOTTEST, 1 / _COLDEST))
        added -= 0.5 * step[1:]
    return round(1 / sharpness, 2)


def fit_log_prior(
    logits: Logits, classes: Classes, names: Iterable[str], weights: Weights | None = None
) -> dict[str, float]:
    """How much more common each pattern is than the network takes it for.

    By logits (W, classes), divided by the temperature, of wafers that did not train the network:
    what to add to each to make their classes (W,) most likely, mean 0, in -6..6, to 0.001.
    ``weights`` (W,) say as how many each wafer counts; None: as one.
    """
    added = np.zeros(logits.shape[1])
    counts = np.bincount(classes, weights, minlength=len(added))
    for _ in range(_STEPS):
        shares = metrics.softmax(logits + added)
        weighed = shares if weights is None else shares * weights[:, np.newaxis]
        slope = weighed.sum(axis=0) - counts + _PRIOR * added
        curve = np.diag(weighed.sum(axis=0)) - shares.T @ weighed + _PRIOR * np.eye(len(added))
        # Half steps, as above.
        added -= 0.5 * np.linalg.solve(curve, slope)
    added = np.clip(added - added.mean(), -_LARGEST, _LARGEST)
    return {name: round(float(value), 3) for name, value in zip(names, added, strict=True)}
