"""Temperature, class means, mixture detector and thresholds of one int8 network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from convert.conversion_data import MEANS_PER_CLASS, ConversionData
from convert.review.confidence import Judged, confidence_rule
from convert.review.mixtures import fit_detector
from convert.review.thresholds import above
from edge.classification.classifier import Classifier
from edge.model.metadata import Mixed, Review, Unfamiliar
from edge.model.model_file import ModelFile
from edge.verdict.familiarity import Familiarity
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import PatternSet

Floats = npt.NDArray[np.float64]

#: A wafer with fewer dies is a fragment: it goes to a person.
MIN_DIES = 50


def neutral(patterns: PatternSet, size: int) -> Review:
    """A section ``review`` that accepts everything: for running a network not yet judged."""
    return Review(
        dict.fromkeys(patterns, 0.0),
        {},
        MIN_DIES,
        Unfamiliar(1e9, [[0.0] * size] * len(patterns)),
        Mixed(1.0, [0.0] * size, 0.0),
        dict.fromkeys(patterns, 0.0),
    )


def fit(
    draft: ModelFile,
    data: ConversionData,
    objective: ReviewObjective,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
    folds: Judged | None = None,
) -> tuple[float, Review]:
    """Fit temperature and review rule through the station's own code.

    Args:
        draft: The network with a ``neutral`` review section.
        data: Class means and detector come from its train part, all else from its val part, or
            what is said of confidence from ``folds``.
        objective: What the thresholds shall reach.
        seed: Which training wafers.
        progress: Told how many wafers have been run, and of how many.
        folds: What networks of a cross-validation said of the wafers that they had not seen.

    Raises:
        UsageError: as ``confidence_rule``.
    """
    classifier, patterns = Classifier(draft), data.patterns
    train = data.train.per_class(MEANS_PER_CLASS, np.random.default_rng(seed))
    runs = (train.planes, data.scattered, data.mixtures, data.val.planes)
    total, done = sum(map(len, runs)), itertools.count(1)
    raw = [raw_outputs(classifier, planes, lambda: progress(next(done), total)) for planes in runs]
    single, scattered, double = (dequantised(draft, *run)[1] for run in raw[:-1])
    raw_logits, steps = raw[-1]
    logits, _ = dequantised(draft, raw_logits, steps)
    judged = folds or Judged(logits, data.val.classes)
    rule = confidence_rule(judged, objective, patterns)
    weights, bias = fit_detector(np.vstack([single, scattered]), double)
    # To digits that change no verdict: the file must stay small.
    means = np.round(_class_means(single, train.classes, len(patterns)), 2).tolist()
    weights, bias = np.round(weights, 3).tolist(), round(bias, 3)
    embedding = draft.metadata.embedding
    familiarity = Familiarity(embedding.scale, embedding.zero_point, means, weights, bias)
    distances = np.asarray([familiarity.measure(row) for row in steps])
    promise = {"delta": objective.delta} if folds and not objective.costs else {}
    review = Review(
        rule.below,
        {**objective.objective(), **promise},
        MIN_DIES,
        Unfamiliar(_up(above(distances[:, 0], objective.unfamiliar)), means),
        Mixed(min(1.0, _up(above(distances[:, 1], objective.mixed))), weights, bias),
        rule.log_prior,
        unneeded=not any(rule.below.values()),
        folds=judged.count(),
        holds=rule.holds,
    )
    return rule.temperature, review


def raw_outputs(
    classifier: Classifier,
    planes: npt.NDArray[np.uint8],
    told: Callable[[], None] = lambda: None,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Logits (W, labels) and embeddings (W, size) as the network gives them, int8.

    Logits are in the order of the file's labels; ``told`` is called after each wafer.
    """
    rows = []
    for wafer in planes:
        rows.append(classifier.outputs(wafer))
        told()
    logits = np.asarray([row[0] for row in rows], np.int8).reshape(
        len(rows), len(classifier.model.labels)
    )
    embedding = np.asarray([row[1] for row in rows], np.int8)
    return logits, embedding.reshape(len(rows), classifier.model.metadata.embedding.size)


def dequantised(
    model: ModelFile, logits: npt.NDArray[np.int8], embedding: npt.NDArray[np.int8]
) -> tuple[Floats, Floats]:
    """What ``raw_outputs`` gave in real numbers, logits in the order of the pattern set."""
    places = [model.labels.index(name) for name in model.patterns]
    return (
        model.metadata.output.real(logits)[:, places],
        model.metadata.embedding.real(embedding),
    )


def _class_means(embedding: Floats, classes: npt.NDArray[np.intp], count: int) -> Floats:
    """Mean (count, size) of each class; one without wafers stands where nothing comes near."""
    size = embedding.shape[1]
    return np.stack(
        [
            embedding[classes == index].mean(axis=0)
            if (classes == index).any()
            else np.full(size, 1e4)
            for index in range(count)
        ]
    )


def _up(value: float) -> float:
    """The next of four digits: rounded down to 0, a limit would send every wafer to a person."""
    return math.floor(value * 1e4 + 1) / 1e4
