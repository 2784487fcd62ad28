"""Encoded wafers with their classes: what a network is trained, fitted and judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.wafer import encoding
from edge.wafer.patterns import PatternSet


@dataclass(frozen=True)
class EncodedSet:
    """Wafers as a network takes them.

    Attributes:
        planes: uint8 (W, rows, columns, planes), 0..255.
        classes: Class index (W,), in the order of ``patterns``; of several patterns a wafer the
            number of its combination (``LabelledSet.strata``).
        patterns: What the classes are.
        hot: Which of several patterns (W, patterns) each shows; None where each shows one.
    """

    planes: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.intp]
    patterns: PatternSet
    hot: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.classes)

    def per_class(self, most: int, rng: np.random.Generator) -> EncodedSet:
        """At most so many of each class, by chance."""
        chosen = np.concatenate(some_of_each(self.classes, self.strata, most, rng))
        hot = None if self.hot is None else self.hot[chosen]
        return EncodedSet(self.planes[chosen], self.classes[chosen], self.patterns, hot)

    @property
    def strata(self) -> int:
        """How many classes, or combinations, there are."""
        several = self.patterns.is_several and len(self)
        return int(self.classes.max()) + 1 if several else len(self.patterns)


def some_of_each(
    classes: npt.NDArray[np.intp], count: int, most: int, rng: np.random.Generator
) -> list[npt.NDArray[np.intp]]:
    """Places of at most ``most`` wafers of each of ``count`` classes, by chance, class by class."""
    return [rng.permutation(np.flatnonzero(classes == index))[:most] for index in range(count)]


def spread_of_each(classes: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """Places of at most ``most`` wafers of each class, evenly spaced over it, class by class."""
    places = (np.flatnonzero(classes == index) for index in np.unique(classes))
    return np.concatenate(
        [
            mine[np.linspace(0, len(mine) - 1, min(most, len(mine))).astype(np.intp)]
            for mine in places
        ]
    )


def encoded(
    labelled: LabelledSet,
    size: int = encoding.SIZE,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> EncodedSet:
    """Encode every wafer of a set; ``progress`` is told how many are done, and of how many."""
    planes = np.empty((len(labelled), size, size, encoding.PLANES), np.uint8)
    for index in range(len(labelled)):
        planes[index] = encoding.encode(labelled.grid(index), size)
        progress(index + 1, len(labelled))
    return with_labels(planes, labelled)


def with_labels(planes: npt.NDArray[np.uint8], labelled: LabelledSet) -> EncodedSet:
    """Encoded wafers (W, ...) of a set with what they show."""
    hot = labelled.hot() if labelled.patterns.is_several else None
    return EncodedSet(planes, labelled.strata(), labelled.patterns, hot)
