"""Wafers that are likely mislabelled: listed for a person, dropped by nobody.

Confident learning (C. G. Northcutt, L. Jiang, I. L. Chuang, Confident Learning: Estimating
Uncertainty in Dataset Labels, JAIR 70, 2021), by what networks said of lots that they had not seen.
A network is sure of a pattern where it gives it at least the probability that it gives on average
to the wafers so labelled; of several, the most probable one counts. A wafer is suspect whose
network is sure of another pattern than its label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.out_of_fold import OutOfFold
from edge.evaluation import metrics
from edge.results.csv import Rows
from edge.system.files import write_text
from edge.system.text import columns, padded

NAME: Final = "suspects.csv"

_COLUMNS: Final = (
    "lot",
    "wafer",
    "row",
    "fold",
    "label",
    "network_says",
    "probability",
    "probability_of_label",
)


@dataclass(frozen=True)
class Suspects:
    """Wafers that are likely mislabelled, the clearest case first.

    Attributes:
        places: Of the wafers (S,) in ``found``.
        says: Class index (S,) that the network is sure of.
        shares: Probability (W, classes) of every wafer's patterns.
        found: What the networks said.
    """

    places: npt.NDArray[np.intp]
    says: npt.NDArray[np.intp]
    shares: npt.NDArray[np.float64]
    found: OutOfFold

    @classmethod
    def of(cls, found: OutOfFold) -> Suspects:
        """By the rule above; sorted by how much more probable the network's pattern is."""
        shares, wafers = metrics.softmax(found.logits), np.arange(len(found))
        count = shares.shape[1]
        usual = np.asarray(
            [
                shares[own, index].mean() if (own := found.classes == index).any() else np.inf
                for index in range(count)
            ]
        )
        sure = np.where(shares >= usual, shares, -1.0)
        says = sure.argmax(axis=1)
        places = np.flatnonzero((sure.max(axis=1) >= 0) & (says != found.classes))
        margin = shares[wafers, says] - shares[wafers, found.classes]
        places = places[np.argsort(-margin[places], kind="stable")]
        return cls(places, says[places], shares, found)

    def save(self, folder: Path, labelled: LabelledSet) -> None:
        """Write ``suspects.csv``; ``labelled`` holds the wafers of ``found`` in their order."""
        rows, names = Rows(_COLUMNS), self.found.patterns.names
        lines = [rows.header()]
        for place, says in zip(self.places.tolist(), self.says.tolist(), strict=True):
            wafer_map, label = labelled.wafer_map(place), int(self.found.classes[place])
            values = (
                wafer_map.lot,
                wafer_map.wafer,
                int(self.found.row[place]),
                int(self.found.fold[place]),
                names[label],
                names[says],
                f"{self.shares[place, says]:.4f}",
                f"{self.shares[place, label]:.4f}",
            )
            lines.append(rows.row(dict(zip(_COLUMNS, values, strict=True))))
        write_text(folder / NAME, "".join(f"{line}\n" for line in lines))

    def summary(self) -> Iterator[str]:
        """A line a pattern: how many of its wafers are suspect, and what they are said to be."""
        names, labels = self.found.patterns.names, self.found.classes[self.places]
        width = max(10, *map(columns, names))
        yield f"{padded('label', width)} {'wafers':>7} {'suspect':>8}  the network says"
        for index, name in enumerate(names):
            said = np.bincount(self.says[labels == index], minlength=len(names))
            most = [
                f"{names[other]} {said[other]}" for other in np.argsort(-said)[:3] if said[other]
            ]
            wafers = int((self.found.classes == index).sum())
            yield f"{padded(name, width)} {wafers:>7} {said.sum():>8}  {', '.join(most)}".rstrip()
