"""Calibration (C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017).

First the temperature, which keeps the order of the patterns. Then, for the confidence alone, one
number a pattern: how much more common it is than the network takes it for. Networks are trained on
balanced patterns, so what they say of a rare one must be believed less.
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

#: Newton's method settles in about ten steps.
_STEPS: Final = 50

_LARGEST: Final = 6.0


def fit_temperature(logits: npt.NDArray[np.floating], classes: npt.NDArray[np.intp]) -> float:
    """The temperature, 0.25..4 to 0.01, that makes the classes (W,) of wafers most likely.

    By logits (W, classes) of wafers that did not train the network.
    """
    candidates = np.geomspace(0.25, 4.0, 200)
    losses = [metrics.cross_entropy(logits / t, classes) for t in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 2)


def fit_log_prior(
    logits: npt.NDArray[np.floating], classes: npt.NDArray[np.intp], names: Iterable[str]
) -> dict[str, float]:
    """How much more common each pattern is than the network takes it for.

    By logits (W, classes), divided by the temperature, of wafers that did not train the network:
    what to add to each to make their classes (W,) most likely, mean 0, in -6..6, to 0.001.
    """
    added = np.zeros(logits.shape[1])
    counts = np.bincount(classes, minlength=len(added))
    for _ in range(_STEPS):
        shares = metrics.softmax(logits + added)
        slope = shares.sum(axis=0) - counts + _PRIOR * added
        curve = np.diag(shares.sum(axis=0)) - shares.T @ shares + _PRIOR * np.eye(len(added))
        # Half steps: whole ones may jump over the valley where a class is nearly absent.
        added -= 0.5 * np.linalg.solve(curve, slope)
    added = np.clip(added - added.mean(), -_LARGEST, _LARGEST)
    return {name: round(float(value), 3) for name, value in zip(names, added, strict=True)}
