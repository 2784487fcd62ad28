"""One quantised network, made into a model file and judged."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import to_builtins

from convert.conversion_data import ConversionData
from convert.firmware.targets.c99 import needs
from convert.int8_checks import Structure, inspect
from convert.metadata import short
from convert.parity import ALLOWED_POINTS, Parity, compare
from convert.report.accuracy import review, without_temperature
from convert.review import fit
from convert.review.confidence import Judged
from edge.classification.classifier import Classifier
from edge.classification.selftest import answers
from edge.dataset.labelled_set import LabelledSet
from edge.errors import ModelError
from edge.evaluation import metrics
from edge.evaluation.calibration import calibration_error
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.model.metadata import Review
from edge.model.model_file import ModelFile
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import PatternSet
from edge.wafer.probes import PROBES


@dataclass(frozen=True)
class ParityContext:
    """What an attempt is judged by.

    Attributes:
        data: Wafers by part.
        test: The test part with its maps: the station's own code encodes them again.
        float_logits: The float network's (W, patterns) for the test part, under the station's rule.
        objective: What the review rule shall reach.
        allowed_drop: Points of per-class accuracy that int8 may cost, as the caller gave it and as
            it is recorded in the file; None for ``ALLOWED_POINTS``.
        on: What the test part is, in words.
        progress: Told how far the judging is.
        folds: What sets confidence and its thresholds instead of the val part, where it is given.
    """

    data: ConversionData
    test: LabelledSet
    float_logits: npt.NDArray[np.floating[Any]]
    objective: ReviewObjective
    allowed_drop: float | None
    on: str
    progress: Callable[[str, int, int], None] = lambda *_: None
    folds: Judged | None = None

    @property
    def allowed_points(self) -> float:
        """Points of per-class accuracy that int8 may cost."""
        return ALLOWED_POINTS if self.allowed_drop is None else self.allowed_drop

    def fitted(self, draft: ModelFile, seed: int) -> tuple[float, Review]:
        """Temperature and review rule of a network."""
        told = functools.partial(self.progress, "fitting the review rule")
        return fit.fit(draft, self.data, self.objective, seed, told, self.folds)

    def judged(self, what: str) -> Callable[[int], None]:
        """Tells of so many wafers of the test part."""
        return lambda done: self.progress(what, done, len(self.test))


@dataclass(frozen=True)
class Attempt:
    """A judged model file: whole, bare, what is inside, and what it does on the test part."""

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
        """The same with what only the kept file needs, and the remedy that made it green."""
        classifier = Classifier(self.model, average_symmetries=True)
        averaged = evaluate(context.test, classifier, context.judged("judging all eight views"))
        document = self.model.document
        document["accuracy"]["int8_average_symmetries"] = short(averaged.scores.as_dict())
        if remedy is not None:
            document["remedy"] = remedy
        with suppress(ModelError):  # a remedy may leave what no kernel is written for
            document["firmware"] = to_builtins(needs(self.model))
        model = ModelFile.of(self.model.path, self.bare, document)
        return replace(self, model=model, evaluation=_of(model, self.evaluation))


def draft(
    bare: bytes, known: dict[str, Any], patterns: PatternSet, out: Path, *, spared: bool = False
) -> tuple[ModelFile, Structure]:
    """A model file that accepts every wafer: for running a quantised network not yet judged.

    See ``attempt``.

    Raises:
        ModelError: the network is not what a station can trust.
    """
    structure = inspect(bare, len(patterns), spared=spared)
    ends, size = to_builtins(structure), structure.embedding.size
    document: dict[str, Any] = {
        **known,
        "network": {**known["network"], "operators": ends.pop("operators")},
        **ends,
        "temperature": 1.0,
        "review": to_builtins(fit.neutral(patterns, size)),
        "selftest": {
            "logits": [[0] * len(patterns)] * PROBES,
            "embedding": [[0] * size] * PROBES,
        },
    }
    return ModelFile.of(out, bare, document), structure


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
    patterns = context.data.patterns
    first, structure = draft(bare, known, patterns, out, spared=spared)
    temperature, review = context.fitted(first, known["network"]["seed"])
    document = first.document | {"temperature": temperature, "review": to_builtins(review)}
    classifier = Classifier(ModelFile.of(out, bare, document))
    document["selftest"] = to_builtins(answers(classifier))
    found = evaluate(context.test, classifier, context.judged("judging"))
    float_shares = metrics.softmax(context.float_logits / temperature)
    points = context.allowed_points
    parity = compare(found.true, float_shares, found.probabilities, patterns.names, points)
    document["accuracy"] = {
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
    document["calibration_error"] = _calibration(found, context.float_logits, temperature)
    model = ModelFile.of(out, bare, document)
    return Attempt(model, bare, structure, parity, _of(model, found))


def _of(model: ModelFile, found: Evaluation) -> Evaluation:
    """The same figures under the hash of the file that now holds them."""
    return replace(found, model=model.name, model_sha256=model.sha256)


def _calibration(
    found: Evaluation, float_logits: npt.NDArray[np.floating[Any]], temperature: float
) -> dict[str, Any]:
    """Expected calibration errors of float and int8, before and after the temperature."""
    plain = without_temperature(found.probabilities, temperature)
    float_plain, float_shares = (metrics.softmax(float_logits / t) for t in (1.0, temperature))
    return {
        "float": {"before": _error(float_plain, found), "after": _error(float_shares, found)},
        "int8": {"before": _error(plain, found), "after": _error(found.probabilities, found)},
        "confidence": round(calibration_error(found.confidence, found.predicted == found.true), 4),
    }


def _error(shares: npt.NDArray[np.float64], found: Evaluation) -> float:
    return round(calibration_error(shares.max(axis=1), shares.argmax(axis=1) == found.true), 4)


def _short_review(found: Evaluation) -> dict[str, Any]:
    """What the review rule did on the test part, and how pure the accepted wafers are."""
    figures = found.review()
    kept = review(found, {}, {}).patterns
    return {
        **figures,
        "share": round(figures["share"], 4),
        "accepted_precision": {
            name: round(one.right / one.accepted, 4) if one.accepted else None
            for name, one in kept.items()
        },
    }
