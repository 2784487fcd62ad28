"""Which wafers belong together: those of a lot, and of lots that ran side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.formats.columns import known


def lot_groups(labelled: LabelledSet) -> npt.NDArray[np.intp]:
    """Group number (W,) of each wafer: its lot band, else its lot, else a number of its own.

    Bands that share a lot are one group: neither may stand on two sides.

    Raises:
        DataError: the set knows no lot at all.
    """
    groups = len(labelled) + np.arange(len(labelled))
    band, lot = (_numbered(labelled, name) for name in ("lot_band", "lot"))
    if not (band >= 0).any():
        band = lot
    has_band, has_lot = band >= 0, lot >= 0
    if has_band.any():
        band = _joined(lot, band)
        groups[has_band] = band[has_band]
        # A wafer without a band goes with its lot's others, or they would stand on two sides.
        home = dict(zip(lot[has_band].tolist(), band[has_band].tolist(), strict=True))
        for index in np.flatnonzero(has_lot & ~has_band):
            number = int(lot[index])
            groups[index] = home.get(number, 2 * len(labelled) + number)
        return groups
    raise DataError(
        "no lot is known in this labelled set, so neither it nor its official Training part can be "
        "divided by lot; add a `lot` column, or accept optimistic figures with `wm-edge dataset "
        "split --by random`"
    )


def lot_numbers(labelled: LabelledSet) -> npt.NDArray[np.intp]:
    """A number a lot (W,), or a number of its own where a wafer's lot is unknown.

    Where no lot is known, bands of lots stand for them.
    """
    found = _numbered(labelled, "lot")
    if not (found >= 0).any():
        found = _numbered(labelled, "lot_band")
    return np.where(found >= 0, found, len(labelled) + np.arange(len(labelled)))


def lots_together(labelled: LabelledSet) -> npt.NDArray[np.intp]:
    """Wafers (W,) in an order in which those of a lot follow each other, else by chance."""
    rng = np.random.default_rng(0)
    try:
        _, group = np.unique(lot_groups(labelled), return_inverse=True)
    except DataError:  # no lot is known
        group = np.arange(len(labelled))
    order = rng.permutation(len(labelled))
    return order[rng.permutation(len(labelled))[group[order]].argsort(kind="stable")]


def _joined(lot: npt.NDArray[np.intp], band: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Band (W,) of each wafer, with bands that share a lot made one: the lowest of them."""
    parent = list(range(int(band.max()) + 1))

    def root(number: int) -> int:
        while parent[number] != number:
            number = parent[number]
        return number

    first: dict[int, int] = {}
    both = (lot >= 0) & (band >= 0)
    for one, own in np.unique(np.stack([lot[both], band[both]], axis=1), axis=0).tolist():
        low, high = sorted((root(first.setdefault(one, own)), root(own)))
        parent[high] = low
    roots = np.asarray([root(number) for number in range(len(parent))], np.intp)
    return np.where(band >= 0, roots[band], -1)


def _numbered(labelled: LabelledSet, name: str) -> npt.NDArray[np.intp]:
    """Number (W,) of each wafer's value in a column, in sorted order; -1 where it is unknown."""
    values = labelled.columns.get(name)
    if values is None:
        return np.full(len(labelled), -1, np.intp)
    _, numbers = np.unique(values, return_inverse=True)
    return np.where(known(values), numbers, -1).astype(np.intp)


def lots_apart(labelled: LabelledSet) -> bool:
    """Whether no lot and no band of a split set stands in two parts.

    False where neither is known. Looks at the columns, not at how ``split`` groups them.
    """
    part = labelled.columns["part"]
    columns = [_numbered(labelled, name) for name in ("lot", "lot_band")]
    if not any((numbers >= 0).any() for numbers in columns):
        return False
    for numbers in columns:
        used = (numbers >= 0) & (part != "")
        pairs = set(zip(numbers[used].tolist(), part[used].tolist(), strict=True))
        if len(pairs) != len({number for number, _ in pairs}):
            return False
    return True
