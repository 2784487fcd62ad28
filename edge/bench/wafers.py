"""The wafers that are measured on: a sample of a labelled set, or simple ones drawn here."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.dataset.drawn import SEED
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.verdict.rule import MIN_FAILS
from edge.wafer.wafermap import FAIL

#: Wafers taken from a labelled set.
SAMPLE: Final = 64


def sample(labelled: LabelledSet) -> LabelledSet:
    """At most ``SAMPLE`` wafers of a set by chance that the network is asked about.

    The same in every run.

    Raises:
        DataError: there is none.
    """
    order = np.random.default_rng(SEED).permutation(len(labelled))
    chosen: list[int] = []
    for index in order.tolist():
        if len(chosen) == SAMPLE:
            break
        if np.count_nonzero(labelled.grid(index) == FAIL) >= MIN_FAILS:
            chosen.append(index)
    if not chosen:
        raise DataError(
            f"no wafer with {MIN_FAILS} failing dies or more, which the network is asked about, "
            "to measure on; give another --data"
        )
    return labelled.select(np.asarray(chosen))
