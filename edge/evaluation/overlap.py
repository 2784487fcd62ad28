"""Whether a model is judged on wafers that trained it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.dataset.labelled_set import LabelledSet
from edge.evaluation.metrics import wilson
from edge.model.training import Sketch

#: Share of a set that may have trained the model before its figures mean nothing.
LIMIT = 0.10


@dataclass(frozen=True)
class Overlap:
    """How many wafers of a set trained the model.

    Attributes:
        sampled: Those whose fingerprint falls into the sample; only they can be found.
        found: Those of them that trained the model.
    """

    wafers: int
    sampled: int
    found: int

    @property
    def share(self) -> float:
        """Estimated share of the set that trained the model, 0..1; 0 where nothing is sampled."""
        return self.found / self.sampled if self.sampled else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share; (0, 1) where nothing is sampled."""
        return wilson(self.found, self.sampled)

    @property
    def too_large(self) -> bool:
        """Whether figures on this set mean nothing: surely more than ``LIMIT`` of it trained."""
        return self.interval[0] > LIMIT if self.found else False

    def warning(self) -> str:
        """What a reader of figures on this set must know; empty where no wafer was found."""
        if not self.sampled:
            return (
                "whether the model was trained on wafers of this data is not known: "
                f"too few ({self.wafers:,}) to be found in the sample of training wafers that its "
                "file keeps"
            )
        if not self.found:
            return ""
        low, high = self.interval
        counted = f"{self.found} of the {self.sampled} wafers that could be looked up"
        if self.sampled < self.wafers:
            counted += f", which stands for {100 * low:.0f} to {100 * high:.0f} % of all"
        effect = "say nothing of new wafers" if self.too_large else "are a little too good"
        return (
            f"the data overlaps the training data of this model ({counted}): the figures {effect}; "
            "judge on lots that trained nothing"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "wafers": self.wafers,
            "sampled": self.sampled,
            "found": self.found,
            "share": self.share,
            "ci95": list(self.interval),
        }


def overlap_of(sketch: Sketch, labelled: LabelledSet) -> Overlap:
    """How many wafers of a set trained the model whose file holds the sketch."""
    found = sketch.sampled(labelled.fingerprints())
    return Overlap(len(labelled), len(found), int(found.sum()))
