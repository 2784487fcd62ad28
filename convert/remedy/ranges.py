"""Ranges of activations: what int8 must hold, and what it had better clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.report.activation_recorder import Range

#: Bins of a histogram: enough that a range 1/256 of the whole still has 32 of them.
_BINS = 8192

#: Shares of the full range that the least-error search tries.
_SHRINK = np.geomspace(1.0, 1 / 256, 129)

#: Steps between the 256 levels of int8.
_STEPS = 255


@dataclass(frozen=True)
class Histogram:
    """Values of one activation over many wafers.

    Attributes:
        lowest: Smallest value, at most 0 (int8 must be able to say 0).
        highest: Largest value, at least 0.
        counts: Values in each of equal bins from lowest to highest, zeros not among them.
        zeros: Number of values that are exactly 0; int8 has them without error.
    """

    lowest: float
    highest: float
    counts: npt.NDArray[np.int64]
    zeros: int

    @property
    def centres(self) -> npt.NDArray[np.floating]:
        """Middle of each bin."""
        width = (self.highest - self.lowest) / len(self.counts)
        return self.lowest + width * (np.arange(len(self.counts)) + 0.5)


Batch = Mapping[str, npt.NDArray[np.float32]]


def histograms(batches: Iterable[Batch], limits: Mapping[str, Range]) -> dict[str, Histogram]:
    """Histogram of each activation.

    Args:
        batches: The same values that ``limits`` was found on.
        limits: From ``extremes``. An activation that is always 0 has no histogram.
    """
    counts = {name: np.zeros(_BINS, np.int64) for name, (low, high) in limits.items() if low < high}
    zeros = dict.fromkeys(counts, 0)
    for batch in batches:
        for name in counts:
            values = batch[name].ravel()
            some = values[values != 0]
            zeros[name] += values.size - some.size
            counts[name] += np.histogram(some, _BINS, limits[name])[0]
    return {name: Histogram(*limits[name], counts[name], zeros[name]) for name in counts}


def percentile(histogram: Histogram, share: float) -> Range:
    """The range that holds ``share`` (of 1) of all values, the same number cut off at either end.

    A side without values beyond 0 stays at 0 and leaves the whole cut to the other.
    """
    edges = np.linspace(histogram.lowest, histogram.highest, len(histogram.counts) + 1)
    counts = histogram.counts.copy()
    place = int(np.searchsorted(edges, 0.0, side="right")) - 1
    counts[min(place, len(counts) - 1)] += histogram.zeros
    sides = (histogram.lowest < 0) + (histogram.highest > 0)
    allowed = (1 - share) * counts.sum() / sides
    low = edges[:-1][counts.cumsum() > allowed][0] if histogram.lowest < 0 else 0.0
    high = edges[1:][counts[::-1].cumsum()[::-1] > allowed][-1] if histogram.highest > 0 else 0.0
    return min(float(low), 0.0), max(float(high), 0.0)


def least_error(histogram: Histogram) -> Range:
    """The range with the least mean squared error of clipping and rounding together.

    Both ends are drawn in by the same share. Rounding costs step**2 / 12 a value (uniform error;
    B. Widrow, I. Kollar, Quantization Noise, 2008), a value that rounds to 0 its own square.
    """
    centres, counts = histogram.centres, histogram.counts
    squares = centres**2
    costs = []
    for share in _SHRINK:
        low, high = histogram.lowest * share, histogram.highest * share
        step = (high - low) / _STEPS
        clipping = (centres - np.clip(centres, low, high)) ** 2
        rounding = np.where(np.abs(centres) < step / 2, squares, step**2 / 12)
        costs.append(float((counts * (clipping + rounding)).sum()))
    share = float(_SHRINK[int(np.argmin(costs))])
    return histogram.lowest * share, histogram.highest * share
