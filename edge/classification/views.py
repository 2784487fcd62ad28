"""Wafer maps in, what there is to see of them for patterns of one's own out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from edge.own.fit import Views
from edge.own.numbers import Numbers, numbers
from edge.verdict.familiarity import Embedding
from edge.verdict.rule import MIN_FAILS
from edge.wafer import encoding
from edge.wafer.encoding import Encoded
from edge.wafer.wafermap import DieGrid, WaferMap


class Sees(Protocol):
    """What makes embeddings: a classifier.

    Attributes:
        size: Side of an encoded wafer, cells.
    """

    size: int

    def outputs(self, encoded: Encoded) -> tuple[list[int], Embedding]:
        """Logits and embedding of an encoded wafer."""


def view(classifier: Sees, dies: DieGrid) -> tuple[Embedding, Numbers] | None:
    """What there is to see of a map, as it is; None where so few dies fail that nothing is."""
    wafer_map = WaferMap(dies)
    if wafer_map.fail_count < MIN_FAILS:
        return None
    return classifier.outputs(encoding.encode(dies, classifier.size))[1], numbers(dies)


def views(classifier: Sees, grids: Iterable[DieGrid]) -> Views:
    """Maps under the eight flips and quarter turns, the first as they are."""
    embeddings: list[list[Embedding]] = []
    found: list[list[Numbers]] = []
    for dies in grids:
        turned = symmetries(dies)
        encoded = [encoding.encode(one, classifier.size) for one in turned]
        embeddings.append([classifier.outputs(one)[1] for one in encoded])
        found.append([numbers(one) for one in turned])
    return Views(np.asarray(embeddings), np.asarray(found))


def symmetries(dies: DieGrid) -> list[DieGrid]:
    """A map under the eight flips and quarter turns, the first as it is."""
    return [
        np.ascontiguousarray(encoding.symmetry(dies[np.newaxis], which)[0])
        for which in range(encoding.SYMMETRIES)
    ]
