"""Measure a model file that names several patterns a wafer, by the station's own classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.classification.classifier import Classifier
from edge.classification.several import NAMED
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.evaluation.evaluate import data_warnings, predictions, review_counts, trained_with
from edge.evaluation.learned import blind
from edge.evaluation.overlap import Overlap
from edge.evaluation.several import Hot, SeveralScores, score
from edge.verdict.rule import Reason, Verdict
from edge.wafer import encoding


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
        return review_counts(self.reasons, (self.named != self.true).any(axis=1))

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
    for index, found in enumerate(predictions(labelled, classifier)):
        shares[index] = [found.probabilities[name] for name in model.patterns]
        reasons.append(found.reason if found.verdict is Verdict.REVIEW else None)
        progress(index + 1)
    seen = trained_with(classifier, labelled)
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
