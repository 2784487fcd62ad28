"""Two patterns on one wafer: a detector, fitted on examples of both kinds."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Penalty on the detector's weights, and steps of Newton's method (it settles in about ten).
_RIDGE: Final = 0.1
_STEPS: Final = 30


def fit_detector(single: Floats, double: Floats) -> tuple[Floats, float]:
    """Logistic regression by Newton's method, both kinds weighing alike.

    From embeddings (A, size) of ordinary wafers and (B, size) of wafers with two patterns to
    weights (size,) and bias of mixture = sigmoid(weights . embedding + bias).
    """
    size = single.shape[1]
    if not len(double):
        return np.zeros(size), -60.0
    x = np.vstack([single, double])
    centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    x = np.column_stack([(x - centre) / spread, np.ones(len(x))])
    y = np.repeat([0.0, 1.0], [len(single), len(double)])
    weight = np.where(y > 0, 0.5 * len(x) / len(double), 0.5 * len(x) / len(single))
    ridge = _RIDGE * np.eye(size + 1)
    w = np.zeros(size + 1)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -60, 60)))
        curve = (x * (weight * p * (1 - p))[:, np.newaxis]).T @ x + ridge
        w -= np.linalg.solve(curve, x.T @ (weight * (p - y)) + ridge @ w)
    weights = w[:-1] / spread
    return weights, float(w[-1] - weights @ centre)
