"""Wafer map -> prediction: encoding, inference, probabilities, verdict."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2  # noqa: F401 - `encoding` needs it: said here, not at the first wafer
import numpy as np

from edge.classification.first_use import FirstUse
from edge.classification.network_output import NetworkOutput, OutputReader
from edge.classification.prediction import Prediction
from edge.classification.several import SeveralReader, decide
from edge.errors import UsageError
from edge.model.model_file import ModelFile, check_tensors
from edge.model.runtime import Kernels
from edge.model.wheels import Backend
from edge.verdict.familiarity import Embedding
from edge.verdict.rule import MIN_FAILS, Reason, ReviewRule, Verdict
from edge.wafer import encoding
from edge.wafer.encoding import Encoded
from edge.wafer.wafermap import WaferMap, checked

if TYPE_CHECKING:
    from edge.own.patterns import OwnPatterns
    from edge.own.rules import Coordinates


class Classifier:
    """A model file at work. Not for use by several threads at once: give each its own.

    Args:
        model: A checked model file.
        backend: Force a runtime; None takes the first that works.
        threads: Threads inside one inference; 1 is fastest for models of this size.
        kernels: ``reference`` gives the same bytes on every machine, and those of the firmware.
        average_symmetries: Average over the eight flips and quarter turns: eight times the
            inference time; no effect where kernels are tied over them.
        review: When a wafer goes to a person; None for the model file's own rule.
        patterns: Folder of pattern files, which may suggest a pattern of one's own.

    Raises:
        RuntimeUnavailableError: no TFLite runtime works here.
        ModelError: the file's tensors do not match its metadata.
        UsageError: the rule of review is for other patterns, or their folder is a file.
    """

    def __init__(
        self,
        model: ModelFile,
        *,
        backend: Backend | None = None,
        threads: int = 1,
        kernels: Kernels = Kernels.FAST,
        average_symmetries: bool = False,
        review: ReviewRule | None = None,
        patterns: str | Path | None = None,
    ) -> None:
        if not isinstance(model, ModelFile):
            what = f"a model file is needed, not {type(model).__name__}"
            raise TypeError(f"{what}; give Classifier(load(path))")
        self.model = model
        self.runtime = FirstUse(model, kernels).start(backend, threads)
        self._logits, self._embedding = check_tensors(
            model.path, model.metadata, self.runtime.interpreter, len(model.labels)
        )
        self.average_symmetries = average_symmetries
        self.review = review or model.review
        self.size = model.metadata.encoding.size
        self._fed = np.empty((1, self.size, self.size, encoding.PLANES), np.int8)
        self._fed_bytes = self._fed[0].view(np.uint8)
        self._labels = model.labels
        if odd := self.review.below.keys() ^ set(self._labels):
            what = f"below needs each of {', '.join(self._labels)} and no other"
            raise UsageError(f"review: {what}; differs in {', '.join(sorted(odd))}")
        self._model_name = model.name
        self._input = self.runtime.interpreter.get_input_details()[0]["index"]
        self.reader = SeveralReader(model) if model.metadata.outputs else OutputReader(model)
        none, self._hints = model.patterns.none, model.patterns.hints
        # With too few fails for any pattern; where no label says so, the network is asked.
        self.clear = NetworkOutput([float(label == none) for label in self._labels], 1.0, 0.0, 0.0)
        self.min_fails = MIN_FAILS if model.patterns.nothing is not None else 0
        if patterns:
            model.require_exclusive("a folder of patterns of your own")
        self.own = _own_patterns(self, Path(patterns)) if patterns else None

    def __repr__(self) -> str:
        return f"<Classifier {self._model_name}, {self.runtime.backend.value}>"

    @property
    def own_patterns(self) -> list[str]:
        """Names of the patterns of one's own that are in use."""
        return self.own.names if self.own else []

    def classify(self, wafer_map: WaferMap) -> Prediction:
        """Classify one wafer.

        With fewer than ``MIN_FAILS`` failing dies it is ``none``, and the network does not run.

        Raises:
            TypeError: it is no wafer map.
            InputError: its dies are no grid of 0, 1 and 2, or none is a die.
        """
        began = time.perf_counter_ns()
        wafer_map = checked(wafer_map)
        clear = self.is_clear(wafer_map)
        shares, confidence, unfamiliarity, mixture, embedding = (
            self.clear if clear else self.infer(encoding.encode(wafer_map.dies, self.size))
        )
        pattern = asked = self._labels[shares.index(max(shares))]
        hint, patterns = self._hints.get(pattern, ""), None
        if self.model.metadata.outputs is not None:
            probabilities = dict(zip(self._labels, shares, strict=True))
            decided = decide(self.model.patterns, probabilities, self.review.below)
            pattern, patterns, asked, confidence, hint = decided
        reason = self.review.reason(
            asked, confidence, unfamiliarity, mixture, wafer_map.die_count
        ) or (Reason.FEW_FAILS if clear else None)
        suggested = None
        if self.own is not None:
            claim = None
            if embedding is not None and wafer_map.fail_count >= MIN_FAILS:
                claim = self.own.claim(embedding, wafer_map.dies)
            suggested = claim.name if claim else ""
            if claim and reason is None and not claim.is_trusted:
                reason = Reason.OWN
        return Prediction(
            wafer_map,
            pattern,
            dict(zip(self._labels, shares, strict=True)),
            reason.verdict if reason else Verdict.ACCEPT,
            reason,
            confidence,
            self.review.below[asked],
            unfamiliarity,
            mixture,
            self._model_name,
            encoding.SYMMETRIES if self.average_symmetries else 1,
            (time.perf_counter_ns() - began) // 1000,
            embedding,
            suggested,
            hint,
            patterns,
        )

    def is_clear(self, wafer_map: WaferMap) -> bool:
        """Whether so few dies fail that the wafer is ``none``, whatever the network would say."""
        return wafer_map.fail_count < self.min_fails

    def infer(self, encoded: Encoded) -> NetworkOutput:
        """What the network says of one encoded wafer, uint8 (size, size, 2)."""
        if not self.average_symmetries:
            return self._infer(encoded)
        return self.reader.joined(
            [
                self._infer(encoding.symmetry(encoded[np.newaxis], which)[0])
                for which in range(encoding.SYMMETRIES)
            ]
        )

    def outputs(self, encoded: Encoded) -> tuple[list[int], Embedding]:
        """Raw int8 outputs of the network for one encoded wafer: logits and embedding (size,).

        All else follows from these: a subclass that takes them from elsewhere, such as the
        arithmetic of other kernels, gets the station's verdict on them.
        """
        interpreter = self.runtime.interpreter
        encoding.to_int8(encoded, self._fed_bytes)
        interpreter.set_tensor(self._input, self._fed)
        interpreter.invoke()
        logits: list[int] = interpreter.get_tensor(self._logits)[0].tolist()
        return logits, interpreter.get_tensor(self._embedding)[0]

    def _infer(self, encoded: Encoded) -> NetworkOutput:
        return self.reader.read(*self.outputs(encoded))


def coordinates_of(model: ModelFile) -> Coordinates:
    """How the embedding of a model file is read, and its class means."""
    from edge.own.rules import Coordinates  # nothing that a station without patterns needs

    embedding, means = model.metadata.embedding, model.metadata.review.unfamiliar.means
    return Coordinates(embedding.scale, embedding.zero_point, np.asarray(means, np.float64))


def _own_patterns(classifier: Classifier, folder: Path) -> OwnPatterns:
    from edge.classification.refit import Refit  # nothing that a station without them needs
    from edge.own.pattern_folder import PatternFolder
    from edge.own.patterns import OwnPatterns

    model = classifier.model
    coordinates = coordinates_of(model)
    refit = Refit(model, coordinates, classifier)
    return OwnPatterns(PatternFolder(folder, model.patterns, refit), coordinates)
