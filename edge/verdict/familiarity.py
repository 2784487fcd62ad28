"""Distance of an embedding to the training classes, and whether it looks like two of them.

The second output of the network holds coordinates in which the training wafers of a class scatter
alike in all directions, so that the Euclidean distance to a class mean is the Mahalanobis distance
(K. Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples, NeurIPS 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Embedding = npt.NDArray[np.int8]

_FAR: Final = 60.0


class Familiarity:
    """The distance and mixture of one model file.

    Args:
        scale: Of the embedding.
        zero_point: Of the embedding.
        means: Of the classes in the embedding, (patterns, size).
        mixed: Weights (size,) of the detector of two patterns.
        bias: Of the same.
    """

    def __init__(
        self,
        scale: float,
        zero_point: int,
        means: Sequence[Sequence[float]],
        mixed: Sequence[float],
        bias: float,
    ) -> None:
        self._scale = scale
        weights = np.asarray(mixed, np.float64)
        # Everything in steps of the int8 output, from its zero: |m - e|^2 = |e|^2 - 2 m.e + |m|^2,
        # one product of a matrix with the bytes as they come. float64 keeps it exact to 1e-9.
        steps = np.asarray(means, np.float64) / scale + zero_point
        self._rows = np.vstack([-2.0 * steps, scale * weights])
        self._base = np.asarray(
            [*(steps**2).sum(axis=1), bias - scale * zero_point * weights.sum()]
        )

    def measure(self, embedding: Embedding) -> tuple[float, float]:
        """Unfamiliarity and mixture of one wafer.

        Args:
            embedding: int8 (size,), the network's second output.

        Returns:
            Distance to the nearest class mean in standard deviations (0 up; around the square root
            of ``size`` for ordinary wafers), and the probability 0..1 that two patterns overlap.
        """
        values = embedding.astype(np.float64)
        found = self._rows.dot(values)
        found += self._base
        *distances, logit = found.tolist()
        nearest = min(distances) + float(values.dot(values))
        unfamiliarity = self._scale * math.sqrt(nearest) if nearest > 0 else 0.0
        # exp() of a large number overflows; beyond 60 the probability is 0 or 1 anyway.
        mixture = 1 / (1 + math.exp(-logit)) if -_FAR < logit < _FAR else float(logit > 0)
        return unfamiliarity, mixture

    def measure_all(
        self, embeddings: npt.NDArray[np.int8]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The same of embeddings (wafers, size): both (wafers,), each bit as ``measure`` gives it.

        One product of a matrix and a vector a wafer: a product of matrices adds in another order.
        """
        values = embeddings.astype(np.float64)
        found = np.matmul(self._rows, values[..., np.newaxis])[..., 0] + self._base
        nearest = found[:, :-1].min(axis=1) + (values * values).sum(axis=1)
        logits = np.clip(found[:, -1], -_FAR, _FAR).tolist()
        exact = np.asarray([1 / (1 + math.exp(-logit)) for logit in logits])
        mixture = np.where(np.abs(found[:, -1]) < _FAR, exact, found[:, -1] > 0)
        return self._scale * np.sqrt(np.maximum(nearest, 0)), mixture
