"""Temperature scaling (C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge import metrics


def fit_temperature(logits: npt.NDArray[np.floating], classes: npt.NDArray[np.intp]) -> float:
    """The temperature that makes the probabilities of these wafers most likely.

    Args:
        logits: (W, classes) of wafers that did not train the network.
        classes: True class (W,).

    Returns:
        Temperature in 0.25..4, to 0.01.
    """
    candidates = np.geomspace(0.25, 4.0, 200)
    wafers = np.arange(len(classes))
    losses = [
        -np.log(np.maximum(metrics.softmax(logits / t)[wafers, classes], 1e-12)).mean()
        for t in candidates
    ]
    return round(float(candidates[int(np.argmin(losses))]), 2)
