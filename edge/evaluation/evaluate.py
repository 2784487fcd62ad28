"""Measure a model file on labelled wafers through the station's own classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.dataset.labelled_set import FEW_WAFERS, LabelledSet
from edge.errors import DataError, InputError
from edge.evaluation import metrics
from edge.evaluation.calibration import calibration_error
from edge.evaluation.learned import blind
from edge.evaluation.overlap import Overlap, overlap_of
from edge.model.training import Sketch
from edge.verdict.rule import MIN_FAILS, REVIEW_REASONS, Reason, Verdict
from edge.wafer import encoding
from edge.wafer.wafermap import WaferMap

#: Logit of who is sure of no pattern, whatever the temperature.
_SURE: Final = 1e6


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a labelled set.

    Attributes:
        true: Class index (W,) of each label, in the order of ``scores.labels``.
        probabilities: Float64 (W, patterns), in the same order.
        confidence: Chance that the most probable pattern is right, float64 (W,).
        unfamiliarity: Distance to the nearest class, float64 (W,).
        mixture: Probability of two patterns at once, float64 (W,).
        reasons: Why a person should look at each wafer, None where it was accepted, (W,).
        model: Name and hash of the model file.
        data_sha256: Hash of the labelled set (of the wafers that were judged).
        symmetries: Views averaged.
        overlap: Wafers that trained the model; None where its file keeps no sample of them.
        warnings: What a reader must know before quoting a figure.
    """

    scores: metrics.Scores
    true: npt.NDArray[np.intp]
    probabilities: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    unfamiliarity: npt.NDArray[np.float64]
    mixture: npt.NDArray[np.float64]
    reasons: tuple[Reason | None, ...]
    model: str
    model_sha256: str
    data_sha256: str
    symmetries: int
    overlap: Overlap | None
    warnings: tuple[str, ...]

    @property
    def wafers(self) -> int:
        """Number of wafers."""
        return len(self.true)

    @cached_property
    def predicted(self) -> npt.NDArray[np.intp]:
        """Class index (W,) of the most probable pattern."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def reviewed(self) -> npt.NDArray[np.bool_]:
        """Whether each wafer goes to a person, (W,)."""
        return np.asarray([reason is not None for reason in self.reasons])

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0..1."""
        return calibration_error(self.probabilities.max(axis=1), self.predicted == self.true)

    @property
    def confidence_error(self) -> float:
        """Expected calibration error of the confidence, 0..1."""
        return calibration_error(self.confidence, self.predicted == self.true)

    def review(self) -> dict[str, Any]:
        """What went to a person: counts by reason, and how many wrong verdicts that caught."""
        return review_counts(self.reasons, self.predicted != self.true)

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the figures plus what they were measured on."""
        return {
            **self.scores.as_dict(),
            "calibration_error": self.calibration_error,
            "confidence_error": self.confidence_error,
            "review": self.review(),
            "wafers": self.wafers,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "data_sha256": self.data_sha256,
            "symmetries": self.symmetries,
            "overlap": self.overlap.as_dict() if self.overlap else None,
            "warnings": list(self.warnings),
        }


def predictions(labelled: LabelledSet, classifier: Classifier) -> Iterator[Prediction]:
    """What a classifier says of each wafer of a set.

    Raises:
        DataError: a wafer without dies.
    """
    for index in range(len(labelled)):
        try:
            yield classifier.classify(WaferMap(labelled.grid(index)))
        except InputError as error:
            raise DataError(f"wafer {index}: {error.reason}; leave it out of the set") from error


def trained_with(classifier: Classifier, labelled: LabelledSet) -> Overlap | None:
    """How many wafers of a set trained the model file; None where it does not say what did."""
    sketches = map(Sketch.parse, classifier.model.metadata.training.sketches)
    overlaps = [overlap_of(sketch, labelled) for sketch in sketches]
    return max(overlaps, key=lambda each: each.share, default=None)


def review_counts(reasons: Sequence[Reason | None], wrong: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """What went to a person, by why, and how many wrong answers (W,) that caught; JSON form."""
    looked_at = np.asarray([reason is not None for reason in reasons])
    counts = Counter(reason.value for reason in reasons if reason)
    return {
        "wafers": int(looked_at.sum()),
        "share": float(looked_at.mean()),
        "by_reason": {reason.value: counts[reason.value] for reason in REVIEW_REASONS},
        "wrong": int(wrong.sum()),
        "wrong_caught": int((wrong & looked_at).sum()),
        "wrong_accepted": int((wrong & ~looked_at).sum()),
    }


def evaluate(
    labelled: LabelledSet,
    classifier: Classifier,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Classify every wafer and compare with its label.

    Raises:
        DataError: the set holds no wafer, one without dies, or a label that the model file does
            not know.
        UsageError: the model file names several patterns a wafer (``evaluate_several``).
    """
    if not len(labelled):
        raise DataError("no wafer to evaluate on")
    classifier.model.require_exclusive("this measure of accuracy")
    patterns = classifier.model.patterns
    labelled = labelled.under(patterns)
    shares = np.empty((len(labelled), len(patterns)))
    others = np.empty((len(labelled), 3))
    reasons: list[Reason | None] = []
    for index, found in enumerate(predictions(labelled, classifier)):
        shares[index] = [found.probabilities[name] for name in patterns]
        others[index] = found.confidence, found.unfamiliarity, found.mixture
        reasons.append(found.reason if found.verdict is Verdict.REVIEW else None)
        if progress:
            progress(index + 1)
    true = labelled.class_indices()
    seen = trained_with(classifier, labelled)
    confusion = metrics.confusion_matrix(true, shares.argmax(axis=1), len(patterns))
    scores = metrics.score(confusion, patterns.names)
    warnings = list(data_warnings(labelled, seen))
    if doubt := blind(scores):
        warnings.insert(0, doubt)
    return Evaluation(
        scores,
        true,
        shares,
        others[:, 0],
        others[:, 1],
        others[:, 2],
        tuple(reasons),
        classifier.model.name,
        classifier.model.sha256,
        labelled.sha256(),
        encoding.SYMMETRIES if classifier.average_symmetries else 1,
        seen,
        tuple(warnings),
    )


def as_station(
    logits: npt.NDArray[np.floating[Any]], labelled: LabelledSet
) -> npt.NDArray[np.floating[Any]]:
    """A copy of a float network's logits (W, patterns) under the station's rule on few fails.

    Otherwise int8, which is judged through the station's code, would be held against another rule.
    """
    sure = np.asarray([_SURE * (name == labelled.patterns.none) for name in labelled.patterns])
    clear = (labelled.fail_counts() < MIN_FAILS) & sure.any()
    return np.where(clear[:, np.newaxis], sure.astype(np.float32), logits)


def data_warnings(labelled: LabelledSet, overlap: Overlap | None) -> Iterator[str]:
    """What a reader of figures measured on these wafers must know: a sentence each.

    ``overlap`` says how many of them trained the model, None where that cannot be told.
    """
    counts = labelled.class_counts()
    missing = [name for name, n in counts.items() if not n]
    few = [f"{name} ({n})" for name, n in counts.items() if 0 < n < FEW_WAFERS]
    if missing:
        yield (
            f"no wafer of {', '.join(missing)}: nothing is said of them, and the mean is over "
            "the others"
        )
    if few:
        yield (
            f"fewer than {FEW_WAFERS} wafers of {', '.join(few)}: one wafer moves such a figure "
            "by 5 points or more; look at its interval"
        )
    if overlap is None:
        yield (
            "whether the model was trained on wafers of this data is not known: its file keeps no "
            "sample of its training wafers"
        )
    elif text := overlap.warning():
        yield text
