"""Measure a model file on labelled wafers through the station's own classifier."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge import encoding, metrics
from edge.classifier import Classifier
from edge.dataset import LabelledSet
from edge.errors import DataError, UsageError
from edge.patterns import PATTERNS


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a labelled set.

    Attributes:
        scores: Per-class figures.
        probabilities: Float64 (W, 9), in the order of ``PATTERNS``.
        wafers: Number of wafers.
        model: Name and hash of the model file.
        data_sha256: Hash of the labelled set (of the wafers that were judged).
        symmetries: Views averaged.
    """

    scores: metrics.Scores
    probabilities: npt.NDArray[np.float64]
    wafers: int
    model: str
    model_sha256: str
    data_sha256: str
    symmetries: int

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the figures plus what they were measured on."""
        return {
            **self.scores.as_dict(),
            "wafers": self.wafers,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "data_sha256": self.data_sha256,
            "symmetries": self.symmetries,
        }


def evaluate(
    labelled: LabelledSet,
    classifier: Classifier,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Classify every wafer and compare with its label.

    Args:
        labelled: What to judge on.
        classifier: What to judge.
        progress: Called with the number of wafers done.

    Raises:
        DataError: the set holds no wafer, or one without dies.
    """
    if not len(labelled):
        raise DataError("no wafer to evaluate on")
    labels = classifier.model.labels
    order = [labels.index(name) for name in PATTERNS]
    shares = np.empty((len(labelled), len(PATTERNS)))
    size = classifier.model.metadata["encoding"]["size"]
    for index in range(len(labelled)):
        grid = labelled.grid(index)
        try:
            encoded = encoding.encode(grid, size)
        except ValueError as error:
            raise DataError(f"wafer {index}: {error}; leave it out of the set") from error
        shares[index] = np.asarray(classifier.probabilities(encoded))[order]
        if progress:
            progress(index + 1)
    true = labelled.class_indices()
    confusion = metrics.confusion_matrix(true, shares.argmax(axis=1), len(PATTERNS))
    return Evaluation(
        metrics.score(confusion, PATTERNS),
        shares,
        len(labelled),
        classifier.model.name,
        classifier.model.sha256,
        labelled.sha256(),
        encoding.SYMMETRIES if classifier.average_symmetries else 1,
    )


def drops(
    now: dict[str, Any], baseline: dict[str, Any], max_drop: float
) -> list[tuple[str, float, float]]:
    """Classes whose recall fell by more than ``max_drop`` points against a baseline.

    Args:
        now: ``Evaluation.as_dict()`` of the model under test.
        baseline: The same of the model it is compared with.
        max_drop: In percentage points.

    Returns:
        (class, recall before, recall now) of each that fell too far. A class that the baseline
        has and the data now lacks counts as fallen to 0: a missing class is never a silent pass.

    Raises:
        DataError: the baseline is not the output of ``wm-edge evaluate --json``, was measured on
            other wafers or in another way, or lacks a class.
        UsageError: ``max_drop`` is no number from 0 up.
    """
    if not (math.isfinite(max_drop) and max_drop >= 0):
        raise UsageError(f"a largest drop of {max_drop} points; give a number from 0 up")
    known = _recalls(baseline)
    if baseline.get("data_sha256") != now["data_sha256"]:
        raise DataError(
            "the baseline was measured on other wafers or another part; measure it again on these"
        )
    if baseline.get("symmetries") != now["symmetries"]:
        raise DataError(
            "the baseline was measured with another --average-symmetries; measure both alike"
        )
    present = {name for name, entry in now["per_class"].items() if entry["recall"] is not None}
    if present - known.keys():
        raise DataError(
            f"the baseline has no recall of {', '.join(sorted(present - known.keys()))}, which "
            "this data holds; measure it again"
        )
    fallen = []
    for name, recall in known.items():
        found = now["per_class"].get(name, {}).get("recall") or 0.0
        # A hundredth of a point of slack, so that 1.0 allows exactly one point.
        if not 100 * (recall - found) <= max_drop + 0.01:
            fallen.append((name, recall, found))
    return fallen


def _recalls(baseline: dict[str, Any]) -> dict[str, float]:
    """Recall of each class that the baseline judged."""
    try:
        found = {name: entry["recall"] for name, entry in baseline["per_class"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError("the baseline is no output of `wm-edge evaluate --json`") from error
    known = {name: value for name, value in found.items() if value is not None}
    # Also refuses NaN, against which nothing would ever fall, and percentages.
    sensible = all(type(value) in (int, float) and 0 <= value <= 1 for value in known.values())
    if not (known and sensible):
        raise DataError("the baseline holds no per-class recall in 0..1; measure it again")
    return known


def read_baseline(path: Path) -> dict[str, Any]:
    """Read the JSON of an earlier evaluation.

    Raises:
        DataError: unreadable, or not JSON.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a baseline ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: the baseline is no output of `wm-edge evaluate --json`")
    return content
