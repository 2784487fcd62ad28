"""Lot-wise folds: every wafer of the train and val parts serves once as the val part.

A network a fold is trained on the others; what it says of its own fold, it says of lots and maps
that it never saw. The test part takes no part in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.lots import lot_groups
from edge.dataset.split import assigned
from edge.errors import DataError

#: Of each wafer (W,): the number of its fold, from 1.
Folds = npt.NDArray[np.int16]


def without_test(labelled: LabelledSet) -> tuple[LabelledSet, npt.NDArray[np.intp]]:
    """The wafers of the train and val parts of a split set, and their places in it."""
    places = np.flatnonzero(np.isin(labelled.columns["part"], [Part.TRAIN, Part.VAL]))
    return labelled.select(places), places


def fold_path(folder: Path, number: int) -> Path:
    """The run folder of a fold, counted from 1, in a folder of folds."""
    return folder / f"fold-{number}"


def divide(labelled: LabelledSet, count: int, seed: int = 0) -> Folds:
    """Divide wafers into folds, by the groups of lots that ``split`` keeps together.

    Args:
        labelled: Wafers of the train and val parts alone.
        count: How many folds, from 2.
        seed: Same seed, same folds.

    Raises:
        DataError: no lot is known, or there are fewer groups of lots than folds.
    """
    groups = lot_groups(labelled)
    numbers = assigned(groups, labelled.strata(), np.full(count, 1 / count), seed)
    if len(found := np.unique(numbers)) < count:
        raise DataError(
            f"the lots of its train and val parts form {len(np.unique(groups))} groups, which "
            f"make {len(found)} folds, not {count}: fewer folds, or wafers of more lots"
        )
    return (numbers + 1).astype(np.int16)


def held_out(labelled: LabelledSet, folds: Folds, number: int) -> LabelledSet:
    """The same wafers with one fold as val part and the others as train part.

    A copy of a map of the fold would have taught its answer: it gets an empty part.
    """
    prints, mine = labelled.fingerprints(), folds == number
    copies = ~mine & np.isin(prints, prints[mine])
    parts = np.where(mine, Part.VAL.value, np.where(copies, "", Part.TRAIN.value))
    return labelled.with_columns(part=parts)
