"""Accuracy figures: per class first, with intervals; plain accuracy never alone."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: 97.5 % quantile of the standard normal: two-sided 95 % intervals.
Z95 = 1.959963984540054


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927).

    Args:
        successes: 0..trials.
        trials: Number of wafers; 0 gives the whole interval (0, 1).
        z: Normal quantile; 1.96 for 95 %.

    Returns:
        Lower and upper bound in [0, 1].
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Probabilities (W, classes) of logits (W, classes)."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def cross_entropy(logits: npt.NDArray[np.floating[Any]], classes: npt.NDArray[np.intp]) -> float:
    """Mean over wafers, of logits (W, classes) and true classes (W,)."""
    chosen = softmax(logits)[np.arange(len(classes)), classes]
    return abs(float(np.log(np.maximum(chosen, 1e-12)).mean()))  # never -0.0


def sigmoid(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Probability of each of several patterns, of logits of any shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -60, 60))))


def lost_too_much(before: int, after: int, n: int, allowed_points: float) -> bool:
    """Whether a class lost more than ``allowed_points`` points or one wafer, whichever is more.

    ``before`` and ``after`` are right answers, 0..n.
    """
    gone = before - after
    # Written so that NaN as a limit allows nothing.
    return gone > 1 and not 100 * gone <= allowed_points * n


@dataclass(frozen=True)
class ClassScore:
    """How well one pattern is recognised.

    Attributes:
        n: Wafers of this class.
        recall: Share of them given this class (per-class accuracy); None where n is 0.
        ci95: Wilson interval of the recall.
        precision: Share of the wafers given this class that have it; None where none was given it.
        f1: Harmonic mean of the two; None where either is undefined.
    """

    n: int
    recall: float | None
    ci95: tuple[float, float]
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class Scores:
    """Accuracy of a set of predictions.

    Attributes:
        labels: Class names, in the order of ``confusion``.
        confusion: int (classes, classes); row = true class, column = predicted class.
    """

    labels: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    per_class: dict[str, ClassScore]

    @property
    def accuracy(self) -> float:
        """Share of all wafers that were right: mostly that of ``none``, never quoted alone."""
        return float(np.trace(self.confusion) / max(1, self.confusion.sum()))

    @property
    def macro_recall(self) -> float:
        """Mean per-class accuracy over the classes that are present."""
        recalls = [score.recall for score in self.per_class.values() if score.recall is not None]
        return float(np.mean(recalls)) if recalls else 0.0

    @property
    def macro_ci95(self) -> tuple[float, float]:
        """95 % interval of the mean per-class accuracy, made of the classes' own.

        The squares of how far these reach add up (G. Y. Zou and A. Donner, Stat. Med. 27, 2008).
        """
        present = [score for score in self.per_class.values() if score.recall is not None]
        if not present:
            return 0.0, 1.0
        recalls = np.asarray([score.recall for score in present], float)
        reach = np.abs(np.asarray([score.ci95 for score in present]) - recalls[:, np.newaxis])
        below, above = np.sqrt((reach**2).sum(axis=0)) / len(present)
        return max(0.0, float(self.macro_recall - below)), min(
            1.0, float(self.macro_recall + above)
        )

    @property
    def only_answer(self) -> str | None:
        """The class that all wafers were given although they are of several; None otherwise."""
        given = np.flatnonzero(self.confusion.sum(axis=0))
        several = np.count_nonzero(self.confusion.sum(axis=1)) > 1
        return self.labels[given[0]] if several and len(given) == 1 else None

    def as_dict(self) -> dict[str, Any]:
        """JSON form: macro_recall, accuracy, per_class, confusion."""
        return {
            "macro_recall": self.macro_recall,
            "accuracy": self.accuracy,
            "per_class": {
                name: {**asdict(score), "ci95": list(score.ci95)}
                for name, score in self.per_class.items()
            },
            "confusion": {"labels": list(self.labels), "rows": self.confusion.tolist()},
        }


def confusion_matrix(
    true: npt.NDArray[np.intp], predicted: npt.NDArray[np.intp], classes: int
) -> npt.NDArray[np.int64]:
    """Count (classes, classes) by class indices (W,); row = true class, column = predicted."""
    flat = np.bincount(true * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def score(confusion: npt.NDArray[np.int64], labels: tuple[str, ...]) -> Scores:
    """Per-class and overall figures of a confusion matrix."""
    per_class: dict[str, ClassScore] = {}
    for index, name in enumerate(labels):
        right = int(confusion[index, index])
        n = int(confusion[index].sum())
        given = int(confusion[:, index].sum())
        recall = right / n if n else None
        precision = right / given if given else None
        f1 = None
        if recall is not None and precision is not None:
            f1 = 2 * recall * precision / (recall + precision) if right else 0.0
        per_class[name] = ClassScore(n, recall, wilson(right, n), precision, f1)
    return Scores(labels, confusion, per_class)
