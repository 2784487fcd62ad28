"""First family: the same network and converter, other ranges for the activations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convert.quantise import Calibration, quantise
from convert.remedy.graph import activations, outputs, points, with_ranges
from convert.remedy.ranges import Histogram, histograms, least_error, percentile
from convert.report.activation_recorder import Range, extremes

if TYPE_CHECKING:
    import keras

    from convert.remedy.search import Build

#: Ways to choose a range that clips.
CHOICES: dict[str, Callable[[Histogram], Range]] = {
    "percentile 99.99": functools.partial(percentile, share=0.9999),
    "percentile 99.9": functools.partial(percentile, share=0.999),
    "least squared error": least_error,
}


def remedies(network: keras.Model, calibration: Calibration) -> Iterator[tuple[str, Build]]:
    """Min-max over more wafers, percentiles, least squared error.

    ``network`` is folded; there are more wafers than those of the plain conversion.
    """

    def more() -> tuple[bytes, str]:
        return quantise(network, calibration), f"{len(calibration.planes):,} wafers"

    @functools.cache
    def measured() -> dict[str, Histogram]:
        return measure(network, calibration.planes)

    def clipped(choose: Callable[[Histogram], Range]) -> tuple[bytes, str]:
        found = ranges(network, measured(), choose)
        kept = [
            (found[name][1] - found[name][0]) / (histogram.highest - histogram.lowest)
            for name, histogram in measured().items()
        ]
        note = f"smallest range: {100 * min(kept):.3g} % of the full one" if kept else ""
        return quantise(with_ranges(network, found), calibration), note

    yield "min-max, more wafers", more
    for name, choose in CHOICES.items():
        yield name, functools.partial(clipped, choose)


def measure(network: keras.Model, planes: npt.NDArray[np.uint8]) -> dict[str, Histogram]:
    """Histograms of all activations that int8 rounds with a range of their own."""
    names = points(network)
    limits = extremes(activations(network, names, planes))
    return histograms(activations(network, names, planes), limits)


def ranges(
    network: keras.Model,
    measured: Mapping[str, Histogram],
    choose: Callable[[Histogram], Range],
) -> dict[str, Range]:
    """A range for each activation, chosen by ``choose``.

    The network's outputs keep their full range: a clipped logit is a wrong probability, and a
    clipped embedding hides how unfamiliar a wafer is.
    """
    whole = outputs(network)
    return {
        name: (histogram.lowest, histogram.highest) if name in whole else choose(histogram)
        for name, histogram in measured.items()
    }
