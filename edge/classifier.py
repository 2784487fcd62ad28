"""Wafer map -> prediction: encoding, inference, probabilities, verdict."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from edge import encoding
from edge.encoding import Encoded
from edge.model import ModelFile
from edge.runtime import Backend, Kernels, start
from edge.wafermap import WaferMap


class Verdict(str, Enum):
    """What to do with a prediction."""

    ACCEPT = "accept"
    REVIEW = "review"


class Reason(str, Enum):
    """Why a person should look."""

    LOW_CONFIDENCE = "low-confidence"
    FEW_DIES = "few-dies"


@dataclass(frozen=True)
class Prediction:
    """What the model says of one wafer.

    Attributes:
        wafer_map: The wafer it is about.
        pattern: Most probable pattern.
        probabilities: Calibrated probability of each pattern, summing to 1.
        verdict: Accept, or leave it to a person.
        reason: Why a person, or None.
        model: Name and hash of the model file.
        symmetries: Number of views averaged: 1, or 8 with ``average_symmetries``.
        latency_us: Encoding, inference and decision, in microseconds (reading is not in it).
    """

    wafer_map: WaferMap
    pattern: str
    probabilities: dict[str, float]
    verdict: Verdict
    reason: Reason | None
    model: str
    symmetries: int
    latency_us: int

    @property
    def probability(self) -> float:
        """Probability of ``pattern``."""
        return self.probabilities[self.pattern]

    def as_record(self, top_k: int | None = None) -> dict[str, Any]:
        """JSON form: one flat object a wafer.

        Args:
            top_k: Keep only the most probable patterns in ``probabilities``; None keeps all nine.
        """
        probabilities = self.probabilities
        if top_k is not None:
            ranked = sorted(probabilities, key=probabilities.__getitem__, reverse=True)
            probabilities = {name: probabilities[name] for name in ranked[:top_k]}
        wafer_map = self.wafer_map
        return {
            "source": wafer_map.source,
            "index": wafer_map.index,
            "lot": wafer_map.lot,
            "wafer": wafer_map.wafer,
            "pattern": self.pattern,
            "probability": round(self.probability, 6),
            "probabilities": {name: round(value, 6) for name, value in probabilities.items()},
            "verdict": self.verdict.value,
            "reason": self.reason.value if self.reason else None,
            "dies": wafer_map.die_count,
            "fails": wafer_map.fail_count,
            "model": self.model,
            "symmetries": self.symmetries,
            "latency_us": self.latency_us,
        }


class Classifier:
    """A model file at work. Not for use by several threads at once: give each its own.

    Args:
        model: A checked model file.
        backend: Force a runtime; None takes the first that works.
        threads: Threads inside one inference; 1 is fastest for models of this size.
        kernels: ``reference`` is bit-exact with TFLite Micro.
        average_symmetries: Average the probabilities over the eight flips and quarter turns:
            eight times the inference time; no effect where kernels are tied over them.

    Raises:
        RuntimeUnavailableError: no TFLite runtime works here.
        ModelError: the file's tensors do not match its metadata.
    """

    def __init__(
        self,
        model: ModelFile,
        *,
        backend: Backend | None = None,
        threads: int = 1,
        kernels: Kernels = Kernels.FAST,
        average_symmetries: bool = False,
    ) -> None:
        self.model = model
        self.runtime = start(model.content, backend=backend, threads=threads, kernels=kernels)
        model.check_tensors(self.runtime.interpreter)
        self.average_symmetries = average_symmetries
        self._size = model.metadata["encoding"]["size"]
        self._labels = model.labels
        self._review_below = model.review_below
        self._min_dies = model.min_dies
        self._model_name = model.name
        self._input = self.runtime.interpreter.get_input_details()[0]["index"]
        self._output = self.runtime.interpreter.get_output_details()[0]["index"]
        # An int8 logit lies 0..255 steps under the largest one, so exp() is a table.
        step = model.metadata["output"]["scale"] / model.temperature
        self._powers = [math.exp(-step * below) for below in range(256)]

    def classify(self, wafer_map: WaferMap) -> Prediction:
        """Classify one wafer.

        Raises:
            ValueError: the map holds no die (readers refuse such maps).
        """
        began = time.perf_counter_ns()
        encoded = encoding.encode(wafer_map.dies, self._size)
        shares = self.probabilities(encoded)
        best = max(range(len(shares)), key=shares.__getitem__)
        pattern = self._labels[best]
        reason = None
        if wafer_map.die_count < self._min_dies:
            reason = Reason.FEW_DIES
        elif shares[best] < self._review_below[pattern]:
            reason = Reason.LOW_CONFIDENCE
        return Prediction(
            wafer_map,
            pattern,
            dict(zip(self._labels, shares, strict=True)),
            Verdict.REVIEW if reason else Verdict.ACCEPT,
            reason,
            self._model_name,
            encoding.SYMMETRIES if self.average_symmetries else 1,
            (time.perf_counter_ns() - began) // 1000,
        )

    def probabilities(self, encoded: Encoded) -> list[float]:
        """Probability of each label for one encoded wafer, uint8 (size, size, 2)."""
        if not self.average_symmetries:
            return self._softmax(self.logits(encoded))
        views = [
            self._softmax(self.logits(encoding.symmetry(encoded[np.newaxis], which)[0]))
            for which in range(encoding.SYMMETRIES)
        ]
        return [math.fsum(shares) / len(views) for shares in zip(*views, strict=True)]

    def logits(self, encoded: Encoded) -> list[int]:
        """Raw int8 output of the network for one encoded wafer."""
        interpreter = self.runtime.interpreter
        interpreter.set_tensor(self._input, encoding.to_int8(encoded)[np.newaxis])
        interpreter.invoke()
        logits: list[int] = interpreter.get_tensor(self._output)[0].tolist()
        return logits

    def _softmax(self, logits: list[int]) -> list[float]:
        top = max(logits)
        powers = [self._powers[top - value] for value in logits]
        total = math.fsum(powers)
        return [power / total for power in powers]
