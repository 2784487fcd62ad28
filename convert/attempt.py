"""One quantised network, made into a model file and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.conversion_data import ConversionData
from convert.int8_checks import Structure, inspect
from convert.metadata import of_structure, short
from convert.parity import Parity, compare
from convert.report.accuracy import without_temperature
from convert.report.parity_verdict import ALLOWED_POINTS
from convert.review import fit
from convert.review.objective import ReviewObjective
from edge.classification.classifier import Classifier
from edge.classification.selftest import answers
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation import metrics
from edge.evaluation.calibration import calibration_error
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.model.model_file import ModelFile, attach
from edge.wafer.probes import PROBES


@dataclass(frozen=True)
class ParityContext:
    """What an attempt is judged by.

    Attributes:
        material: Wafers by part.
        test: The test part with its maps: the station's own code encodes them again.
        float_logits: The float network's (W, 9) for the test part, under the station's rule.
        goal: What the review rule shall reach.
        allowed_drop: Points of per-class accuracy that int8 may cost, as the caller gave it and as
            it is recorded in the file; None for ``ALLOWED_POINTS``.
        on: What the test part is, in words.
    """

    material: ConversionData
    test: LabelledSet
    float_logits: npt.NDArray[np.floating[Any]]
    goal: ReviewObjective
    allowed_drop: float | None
    on: str

    @property
    def allowed_points(self) -> float:
        """Points of per-class accuracy that int8 may cost."""
        return ALLOWED_POINTS if self.allowed_drop is None else self.allowed_drop


@dataclass(frozen=True)
class Attempt:
    """A judged model file.

    Attributes:
        model: The whole file in memory, with all its metadata.
        bare: The network without metadata.
        structure: What is inside.
        parity: Float against int8 on the test part.
        evaluation: The int8 file on the test part.
    """

    model: ModelFile
    bare: bytes
    structure: Structure
    parity: Parity
    evaluation: Evaluation

    @property
    def sha256(self) -> str:
        """Hex digest of the model file."""
        return self.model.sha256

    def finished(self, context: ParityContext, remedy: str | None) -> Attempt:
        """The same with what only the file that is kept needs.

        Args:
            context: As for ``attempt``.
            remedy: Which remedy made it green, recorded in the file; None for the plain conversion.
        """
        averaged = evaluate(context.test, Classifier(self.model, average_symmetries=True))
        accuracy = {
            **self.model.metadata["accuracy"],
            "int8_average_symmetries": short(averaged.scores.as_dict()),
        }
        metadata = {**self.model.metadata, "accuracy": accuracy}
        if remedy is not None:
            metadata["remedy"] = remedy
        model = _file(self.model.path, self.bare, metadata)
        return replace(self, model=model, evaluation=_of(model, self.evaluation))


def attempt(
    bare: bytes,
    known: dict[str, Any],
    context: ParityContext,
    out: Path,
    *,
    spared: bool = False,
) -> Attempt:
    """Fit what belongs to this network, prove parity, write it all into the metadata.

    Args:
        bare: A quantised network with the outputs logits and embedding.
        known: Metadata that do not depend on the quantisation.
        context: See there.
        out: What the file will be called.
        spared: A remedy may have left operators in float or 16 bits.

    Raises:
        ModelError: the network is not what a station can trust.
    """
    structure = inspect(bare, spared=spared)
    metadata: dict[str, Any] = {
        **known,
        **of_structure(structure),
        "network": {**known["network"], "operators": structure.operators},
        "temperature": 1.0,
        "review": fit.neutral(structure.embedding["size"]),
        "selftest": {"logits": [[0]] * PROBES, "embedding": [[0]] * PROBES},
    }
    fitted = fit.fit(
        _file(out, bare, metadata), context.material, context.goal, known["network"]["seed"]
    )
    metadata |= {"temperature": fitted.temperature, "review": fitted.review}
    classifier = Classifier(_file(out, bare, metadata))
    metadata["selftest"] = answers(classifier)
    found = evaluate(context.test, classifier)
    float_shares = metrics.softmax(context.float_logits / fitted.temperature)
    parity = compare(found.true, float_shares, found.probabilities, context.allowed_points)
    metadata["accuracy"] = {
        "on": context.on,
        "wafers": found.wafers,
        "data_sha256": found.data_sha256,
        "float": short(parity.before.as_dict()),
        "int8": short(parity.after.as_dict()),
        "agreement": parity.agreement,
        "largest_probability_drift": parity.largest_drift,
        "allowed_drop": context.allowed_drop,
        "review": _short_review(found),
    }
    plain = without_temperature(found.probabilities, fitted.temperature)
    float_plain = metrics.softmax(context.float_logits)
    metadata["calibration_error"] = {
        "float": {"before": _error(float_plain, found), "after": _error(float_shares, found)},
        "int8": {"before": _error(plain, found), "after": _error(found.probabilities, found)},
        "confidence": round(calibration_error(found.confidence, found.predicted == found.true), 4),
    }
    model = _file(out, bare, metadata)
    return Attempt(model, bare, structure, parity, _of(model, found))


def _of(model: ModelFile, found: Evaluation) -> Evaluation:
    """The same figures under the hash of the file that now holds them."""
    return replace(found, model=model.name, model_sha256=model.sha256)


def _file(out: Path, bare: bytes, metadata: dict[str, Any]) -> ModelFile:
    return ModelFile(out, attach(bare, metadata), metadata)


def _error(shares: npt.NDArray[np.float64], found: Evaluation) -> float:
    return round(calibration_error(shares.max(axis=1), shares.argmax(axis=1) == found.true), 4)


def _short_review(found: Evaluation) -> dict[str, Any]:
    """What the review rule did on the test part, and how pure the accepted wafers are."""
    figures = found.review()
    accepted = np.asarray([reason is None for reason in found.reasons])
    kept = metrics.score(
        metrics.confusion_matrix(
            found.true[accepted], found.predicted[accepted], len(found.scores.labels)
        ),
        found.scores.labels,
    )
    return {
        **figures,
        "share": round(figures["share"], 4),
        "accepted_precision": {
            name: None if score.precision is None else round(score.precision, 4)
            for name, score in kept.per_class.items()
        },
    }
