"""Temperature, class means, mixture detector and thresholds of one int8 network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.conversion_data import MEANS_PER_CLASS, ConversionData
from convert.review.mixtures import Detector, fit_detector
from convert.review.objective import ReviewObjective
from convert.review.temperature import fit_frequency, fit_temperature
from convert.review.thresholds import above, for_precision
from edge.classification.classifier import Classifier
from edge.evaluation import metrics
from edge.model.model_file import ModelFile
from edge.verdict.familiarity import Familiarity
from edge.wafer.patterns import PATTERNS

Floats = npt.NDArray[np.float64]

#: A wafer with fewer dies is a fragment: it goes to a person.
MIN_DIES = 50


@dataclass(frozen=True)
class Fitted:
    """What conversion found beside the network.

    Attributes:
        temperature: What logits are divided by.
        review: The metadata's section of the same name.
    """

    temperature: float
    review: dict[str, Any]


def neutral(size: int) -> dict[str, Any]:
    """A section ``review`` that accepts everything: for running a network not yet judged."""
    return {
        "below": dict.fromkeys(PATTERNS, 0.0),
        "frequency": dict.fromkeys(PATTERNS, 0.0),
        "objective": {},
        "min_dies": MIN_DIES,
        "unfamiliar": {"above": 1e9, "means": [[0.0] * size] * len(PATTERNS)},
        "mixed": {"above": 1.0, "weights": [0.0] * size, "bias": 0.0},
    }


def fit(draft: ModelFile, material: ConversionData, goal: ReviewObjective, seed: int) -> Fitted:
    """Fit everything through the station's own code.

    Args:
        draft: The network with a ``neutral`` review section.
        material: Class means and detector come from its train part, all else from its val part.
        goal: What the thresholds shall reach.
        seed: Which training wafers.
    """
    classifier = Classifier(draft)
    train = material.train.per_class(MEANS_PER_CLASS, np.random.default_rng(seed))
    _, single = outputs(classifier, train.planes)
    _, scattered = outputs(classifier, material.scattered)
    _, double = outputs(classifier, material.mixtures)
    raw_logits, steps = raw_outputs(classifier, material.val.planes)
    logits, _ = dequantised(draft.metadata, raw_logits, steps)
    temperature = fit_temperature(logits, material.val.classes)
    means = _class_means(single, train.classes)
    review: dict[str, Any] = {
        **_rounded(means, fit_detector(np.vstack([single, scattered]), double)),
        "objective": goal.objective(),
        "min_dies": MIN_DIES,
    }
    familiarity = Familiarity(draft.metadata["embedding"], review)
    looks = np.asarray([familiarity.measure(row) for row in steps])
    review["unfamiliar"]["above"] = _up(above(looks[:, 0], goal.unfamiliar))
    review["mixed"]["above"] = min(1.0, _up(above(looks[:, 1], goal.mixed)))
    guess, classes = logits.argmax(axis=1), material.val.classes
    frequency = fit_frequency(logits / temperature, classes)
    often = metrics.softmax(logits / temperature + np.asarray([frequency[n] for n in PATTERNS]))
    confidence = often[np.arange(len(guess)), guess]
    review["frequency"] = frequency
    review["below"] = (
        {name: round(value, 4) for name, value in goal.costs.below().items()}
        if goal.costs
        else for_precision(guess, confidence, guess == classes, goal.precision)
    )
    return Fitted(temperature, review)


def outputs(classifier: Classifier, planes: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Logits (W, 9) in the order of ``PATTERNS`` and embeddings (W, size), dequantised."""
    return dequantised(classifier.model.metadata, *raw_outputs(classifier, planes))


def raw_outputs(
    classifier: Classifier, planes: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """The same as the network gives them: int8, in the order of the file's labels."""
    rows = [classifier.outputs(wafer) for wafer in planes]
    logits = np.asarray([row[0] for row in rows], np.int8).reshape(len(rows), len(PATTERNS))
    embedding = np.asarray([row[1] for row in rows], np.int8)
    return logits, embedding.reshape(len(rows), classifier.model.metadata["embedding"]["size"])


def dequantised(
    metadata: dict[str, Any], logits: npt.NDArray[np.int8], embedding: npt.NDArray[np.int8]
) -> tuple[Floats, Floats]:
    """What ``raw_outputs`` gave, by the metadata's scales and zero points."""
    one, two = (
        (values.astype(np.float64) - section["zero_point"]) * section["scale"]
        for values, section in (
            (logits, metadata["output"]),
            (embedding, metadata["embedding"]),
        )
    )
    return one[:, [metadata["labels"].index(name) for name in PATTERNS]], two


def _class_means(embedding: Floats, classes: npt.NDArray[np.intp]) -> Floats:
    """Mean (9, size) of each class; one without wafers stands where nothing comes near."""
    size = embedding.shape[1]
    return np.stack(
        [
            embedding[classes == index].mean(axis=0)
            if (classes == index).any()
            else np.full(size, 1e4)
            for index in range(len(PATTERNS))
        ]
    )


def _up(value: float) -> float:
    """The next of four digits: rounded down to 0, a limit would send every wafer to a person."""
    return math.floor(value * 1e4 + 1) / 1e4


def _rounded(means: Floats, detector: Detector) -> dict[str, Any]:
    """To digits that change no verdict: the file must stay small."""
    return {
        "unfamiliar": {"above": 0.0, "means": np.round(means, 2).tolist()},
        "mixed": {
            "above": 0.0,
            "weights": np.round(detector.weights, 3).tolist(),
            "bias": round(detector.bias, 3),
        },
    }
