"""Two patterns on one wafer: examples made of training wafers, and a detector fitted on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.patterns import PATTERNS, Pattern

Floats = npt.NDArray[np.float64]

#: Patterns that leave no room for another one, or are none.
_ALONE: Final = ("Near-full", "Random", "none")

#: Penalty on the detector's weights, and steps of Newton's method (it settles in about ten).
_RIDGE: Final = 0.1
_STEPS: Final = 30


@dataclass(frozen=True)
class Detector:
    """Mixture = sigmoid(weights . embedding + bias).

    Attributes:
        weights: (size,).
        bias: Its threshold in the logit.
    """

    weights: Floats
    bias: float


def overlaid(
    planes: npt.NDArray[np.uint8],
    classes: npt.NDArray[np.intp],
    count: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Wafers laid over each other: the failing share of each cell is the larger of the two.

    Args:
        planes: Encoded training wafers, uint8 (W, size, size, 2).
        classes: Their classes, (W,).
        count: How many of each to make.
        rng: Source of chance.

    Returns:
        Wafers with one pattern under the scatter of a ``none`` wafer, and wafers with two, uint8
        (count, size, size, 2) each, on the die grid of the first wafer: so the detector learns that
        scatter is no second pattern. Classes that are missing give no such wafers.
    """
    own = {name: np.flatnonzero(classes == index) for index, name in enumerate(PATTERNS)}
    plain = own[Pattern.NONE.value]
    patterns = [own[name] for name in PATTERNS if name not in _ALONE and len(own[name])]

    def pairs(*, two: bool) -> Iterator[npt.NDArray[np.uint8]]:
        for _ in range(count):
            first, second = rng.choice(len(patterns), 2, replace=False)
            below = patterns[second] if two else plain
            yield _laid_over(planes[rng.choice(patterns[first])], planes[rng.choice(below)])

    enough = len(patterns) > 1
    single = np.stack(list(pairs(two=False))) if enough and len(plain) else planes[:0]
    return single, np.stack(list(pairs(two=True))) if enough else planes[:0]


def _laid_over(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Both wafers' failing shares on the die grid of the first."""
    fails, dies = second[..., 0].astype(float), second[..., 1]
    share = np.divide(fails, dies, out=np.zeros_like(fails), where=dies > 0)
    made = first.copy()
    made[..., 0] = np.maximum(made[..., 0], np.rint(share * first[..., 1]).astype(np.uint8))
    return made


def fit_detector(single: Floats, double: Floats) -> Detector:
    """Logistic regression by Newton's method, both kinds weighing alike.

    Args:
        single: Embeddings (A, size) of ordinary wafers.
        double: Embeddings (B, size) of wafers with two patterns.
    """
    size = single.shape[1]
    if not len(double):
        return Detector(np.zeros(size), -60.0)
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
    return Detector(weights, float(w[-1] - weights @ centre))
