"""Measure a model file that names several patterns a wafer, by the station's own classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.classification.classifier import Classifier
from edge.classification.several import NAMED
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, InputError
from edge.evaluation.evaluate import data_warnings
from edge.evaluation.learned import blind
from edge.evaluation.overlap import Overlap, overlap_of
from edge.evaluation.several import Hot, SeveralScores, score
from edge.model.training import Sketch
from edge.verdict.rule import REVIEW_REASONS, Reason, Verdict
from edge.wafer import encoding
from edge.wafer.wafermap import WaferMap


@dataclass(frozen=True)
class SeveralEvaluation:
    """How a model did on a labelled set.

    Attributes:
        scores: Pattern by pattern, and of all that a wafer shows.
        true: What each wafer shows (W, patterns).
        probabilities: Of each pattern, float64 (W, patterns).
        reasons: Why a person should look at each wafer, None where it was accepted, (W,).
        model: Name and hash of the model file.
        data_sha256: Hash of the labelled set.
        symmetries: Views averaged.
        overlap: Wafers that trained the model; None where its file keeps no sample of them.
        warnings: What a reader must know before quoting a figure.
    """

    scores: SeveralScores
    true: Hot
    probabilities: npt.NDArray[np.float64]
    reasons: tuple[Reason | None, ...]
    model: str
    model_sha256: str
    data_sha256: str
    symmetries: int
    overlap: Overlap | None
    warnings: tuple[str, ...]

    @property
    def named(self) -> Hot:
        """What was named on each wafer (W, patterns)."""
        return np.asarray(self.probabilities >= NAMED)

    def review(self) -> dict[str, Any]:
        """What went to a person: counts by reason, and how many wrong answers that caught."""
        looked_at = np.asarray([reason is not None for reason in self.reasons])
        wrong = (self.named != self.true).any(axis=1)
        counts = Counter(reason.value for reason in self.reasons if reason)
        return {
            "wafers": int(looked_at.sum()),
            "share": float(looked_at.mean()),
            "by_reason": {reason.value: counts[reason.value] for reason in REVIEW_REASONS},
            "wrong": int(wrong.sum()),
            "wrong_caught": int((wrong & looked_at).sum()),
            "wrong_accepted": int((wrong & ~looked_at).sum()),
        }

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the figures plus what they were measured on."""
        return {
            **self.scores.as_dict(),
            "review": self.review(),
            "wafers": len(self.true),
            "model": self.model,
            "model_sha256": self.model_sha256,
            "data_sha256": self.data_sha256,
            "symmetries": self.symmetries,
            "overlap": self.overlap.as_dict() if self.overlap else None,
            "warnings": list(self.warnings),
        }


def evaluate_several(
    labelled: LabelledSet,
    classifier: Classifier,
    progress: Callable[[int], None] = lambda _: None,
) -> SeveralEvaluation:
    """Classify every wafer and compare with what its label names; labels of one pattern will do.

    Raises:
        DataError: the set holds no wafer, one without dies, or a label that the model file does
            not know.
    """
    if not len(labelled):
        raise DataError("no wafer to evaluate on")
    model = classifier.model
    labelled = labelled.under(model.patterns)
    shares = np.empty((len(labelled), len(model.patterns)))
    reasons: list[Reason | None] = []
    for index in range(len(labelled)):
        try:
            found = classifier.classify(WaferMap(labelled.grid(index)))
        except InputError as error:
            raise DataError(f"wafer {index}: {error.reason}; leave it out of the set") from error
        shares[index] = [found.probabilities[name] for name in model.patterns]
        reasons.append(found.reason if found.verdict is Verdict.REVIEW else None)
        progress(index + 1)
    overlaps = [
        overlap_of(Sketch.parse(sketch), labelled) for sketch in model.metadata.training.sketches
    ]
    seen = max(overlaps, key=lambda each: each.share, default=None)
    true = labelled.hot()
    scores = score(true, shares >= NAMED, model.patterns.names)
    doubts = [*filter(None, [blind(scores)]), *data_warnings(labelled, seen)]
    return SeveralEvaluation(
        scores,
        true,
        shares,
        tuple(reasons),
        model.name,
        model.sha256,
        labelled.sha256(),
        encoding.SYMMETRIES if classifier.average_symmetries else 1,
        seen,
        tuple(doubts),
    )
