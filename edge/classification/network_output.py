"""What the network's bytes say: probabilities, confidence, unfamiliarity and mixture.

Of one wafer in plain Python, of a block in columns, and the same numbers bit for bit: both are
here, so that a change of one is seen to want the other.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from operator import mul
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.verdict.familiarity import Embedding, Familiarity

if TYPE_CHECKING:
    from edge.model.model_file import ModelFile

Plane = npt.NDArray[np.float64]

#: From here on ``sum`` of floats carries along what each addition loses.
_SUM_IS_EXACT: Final = sys.version_info >= (3, 12)


class NetworkOutput(NamedTuple):
    """What the network says of one encoded wafer.

    Attributes:
        probabilities: Calibrated probability of each label of the model file, summing to 1, as if
            the patterns were as common as the network was trained to take them; of several patterns
            a wafer each for itself.
        confidence: Chance that the most probable one is right, at the mix of patterns of the wafers
            that calibrated the model: a rare pattern needs a higher probability to be believed. Of
            several: of the least sure yes or no.
        unfamiliarity: Distance to the nearest class, in standard deviations of training wafers.
        mixture: Probability that two patterns overlap, 0..1.
        embedding: The network's second output, int8 (size,); of several views, the first one's.
    """

    probabilities: list[float]
    confidence: float
    unfamiliarity: float
    mixture: float
    embedding: Embedding | None = None


class NetworkOutputs(NamedTuple):
    """The same of a block of wafers: float64 (wafers, labels), float64 (wafers,) each."""

    probabilities: Plane
    confidence: Plane
    unfamiliarity: Plane
    mixture: Plane


class OutputReader:
    """Reads the outputs of one model file."""

    def __init__(self, model: ModelFile) -> None:
        embedding, rule = model.metadata.embedding, model.metadata.review
        self._familiarity = Familiarity(
            embedding.scale,
            embedding.zero_point,
            rule.unfamiliar.means,
            rule.mixed.weights,
            rule.mixed.bias,
        )
        self._class_prior = [math.exp(rule.log_prior[label]) for label in model.labels]
        # An int8 logit lies 0..255 steps under the largest one, so exp() is a table.
        step = model.metadata.output.scale / model.temperature
        self._powers = [math.exp(-step * below) for below in range(256)]
        self._power_column = np.asarray(self._powers)

    def read(self, logits: list[int], embedding: Embedding) -> NetworkOutput:
        """What int8 logits and embedding (size,) of one wafer say."""
        top = max(logits)
        powers = [self._powers[top - value] for value in logits]
        total = math.fsum(powers)
        shares = [power / total for power in powers]
        confidence = self._confidence(powers, logits.index(top))
        return NetworkOutput(shares, confidence, *self._familiarity.measure(embedding), embedding)

    def joined(self, views: Sequence[NetworkOutput]) -> NetworkOutput:
        """The mean of several views of one wafer."""
        means = [
            math.fsum(shares) / len(views) for shares in zip(*(v[0] for v in views), strict=True)
        ]
        return NetworkOutput(
            means,
            self._confidence(means, means.index(max(means))),
            math.fsum(view.unfamiliarity for view in views) / len(views),
            math.fsum(view.mixture for view in views) / len(views),
            views[0].embedding,
        )

    def read_all(
        self, logits: npt.NDArray[Any], embeddings: npt.NDArray[np.int8]
    ) -> NetworkOutputs:
        """What logits (wafers, labels) and embeddings (wafers, size), both int8, say."""
        logits = logits.astype(np.intp)
        powers = self._power_column[logits.max(axis=1, keepdims=True) - logits]
        weighted = powers * self._class_prior
        best = np.take_along_axis(weighted, logits.argmax(axis=1)[:, np.newaxis], 1)[:, 0]
        total, lost = _added(weighted)
        confidence = best / (total + lost if _SUM_IS_EXACT else total)
        shares = powers / _fsum(powers)[:, np.newaxis]
        return NetworkOutputs(shares, confidence, *self._familiarity.measure_all(embeddings))

    def _confidence(self, shares: list[float], best: int) -> float:
        """Bayes' rule with the patterns as common as they are; shares need not sum to 1."""
        weighted = list(map(mul, shares, self._class_prior))
        return weighted[best] / sum(weighted)


def _added(rows: Plane) -> tuple[Plane, Plane]:
    """Sums of rows (wafers, n) added from left to right, and what the additions lost.

    D. E. Knuth, The Art of Computer Programming 2, 4.2.2, theorem B: what one addition loses is a
    float, and exact.
    """
    total, lost = rows[:, 0], np.zeros(len(rows))
    for values in rows.T[1:]:
        both = total + values
        added = both - total
        lost += (total - (both - added)) + (values - added)
        total = both
    return total, lost


def _fsum(rows: Plane) -> Plane:
    """``math.fsum`` of each row (wafers, n) of numbers that are not negative."""
    total, lost = _added(rows)
    # What is lost is known to some n * n roundings of a rounding: where that might turn the sum,
    # which is once in 1e12 rows, the sum is made in the way that needs no bound.
    doubt = total * (rows.shape[1] * np.finfo(np.float64).eps) ** 2
    found = total + (lost - doubt)
    for row in np.flatnonzero(found != total + (lost + doubt)).tolist():
        found[row] = math.fsum(rows[row].tolist())
    return found
