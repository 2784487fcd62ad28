"""Parity: the int8 file against the float network, class by class, on wafers neither has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.evaluation import metrics
from edge.wafer.patterns import PATTERNS


@dataclass(frozen=True)
class Parity:
    """Float and int8 on the same wafers.

    Attributes:
        before: Figures of the float network.
        after: Figures of the int8 file, run in the station's classifier.
        agreement: Share of wafers given the same class by both.
        largest_drift: Largest change of any probability, 0..1.
        lost: Class -> (right before, right after, wafers) where int8 lost more than allowed.
        allowed_points: The limit the classes were held to, in points.
    """

    before: metrics.Scores
    after: metrics.Scores
    agreement: float
    largest_drift: float
    lost: dict[str, tuple[int, int, int]]
    allowed_points: float

    @property
    def green(self) -> bool:
        """Whether no class lost more than allowed, and more than one pattern is told at all."""
        return not self.lost and self.after.only_answer is None

    @property
    def why_red(self) -> str:
        """What is wrong, for a message; of a green one nothing."""
        lost = ", ".join(f"{name} {a} -> {b} of {n}" for name, (a, b, n) in self.lost.items())
        reasons = [f"int8 lost more than {self.allowed_points:g} points in: {lost}"] if lost else []
        if answer := self.after.only_answer:
            alike = " as the float network does" if self.before.only_answer == answer else ""
            reasons.append(
                f"int8 calls every wafer {answer}{alike}: it tells no pattern from another; look "
                "at what the training printed, and at the parts of the set"
            )
        return "; ".join(reasons)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "green": self.green,
            "allowed_points": self.allowed_points,
            "agreement": self.agreement,
            "largest_probability_drift": self.largest_drift,
            "only_answer": self.after.only_answer,
            "lost": {
                name: {"right_float": a, "right_int8": b, "n": n}
                for name, (a, b, n) in self.lost.items()
            },
            "float": self.before.as_dict(),
            "int8": self.after.as_dict(),
        }

    def summary(self) -> str:
        """Readable form, Markdown."""
        judged = sum(score.n > 0 for score in self.after.per_class.values())
        few = "" if judged == len(PATTERNS) else f", on {judged} of {len(PATTERNS)} patterns"
        lines = [
            f"# Parity: {'green' if self.green else 'RED'}{few}",
            "",
            *([] if self.green else [f"{self.why_red}.", ""]),
            (
                f"Mean per-class accuracy: float {100 * self.before.macro_recall:.2f} %, "
                f"int8 {100 * self.after.macro_recall:.2f} %. Same class for "
                f"{100 * self.agreement:.2f} % of the wafers; largest change of a probability "
                f"{self.largest_drift:.3f}. A class may lose {self.allowed_points:g} points or one "
                "wafer, whichever is more."
            ),
            "",
            "| pattern | wafers | float % | int8 % | change | 95 % interval (int8) | |",
            "|---|---:|---:|---:|---:|---|---|",
        ]
        for name in PATTERNS:
            one, two = self.before.per_class[name], self.after.per_class[name]
            if one.recall is None or two.recall is None:
                lines.append(f"| {name} | 0 | - | - | - | - | not judged |")
                continue
            mark = "**lost**" if name in self.lost else ""
            lines.append(
                f"| {name} | {two.n} | {100 * one.recall:.1f} | {100 * two.recall:.1f} | "
                f"{100 * (two.recall - one.recall):+.1f} | "
                f"{100 * two.ci95[0]:.1f} - {100 * two.ci95[1]:.1f} | {mark} |"
            )
        return "\n".join(lines) + "\n"


def compare(
    classes: npt.NDArray[np.intp],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    allowed_points: float,
) -> Parity:
    """Compare probabilities of the same wafers.

    Args:
        classes: True class (W,).
        before: Float network (W, classes).
        after: int8 file (W, classes).
        allowed_points: How much per-class accuracy a class may lose, in points; one wafer is
            always allowed.

    Raises:
        UsageError: ``allowed_points`` is no number from 0 up.
    """
    if not (math.isfinite(allowed_points) and allowed_points >= 0):
        raise UsageError(f"an allowed drop of {allowed_points} points; give a number from 0 up")
    size = len(PATTERNS)
    one, two = before.argmax(axis=1), after.argmax(axis=1)
    left, right = (metrics.confusion_matrix(classes, guess, size) for guess in (one, two))
    lost = {}
    for index, name in enumerate(PATTERNS):
        one_right, two_right = int(left[index, index]), int(right[index, index])
        n = int(left[index].sum())
        if metrics.lost_too_much(one_right, two_right, n, allowed_points):
            lost[name] = (one_right, two_right, n)
    return Parity(
        metrics.score(left, PATTERNS),
        metrics.score(right, PATTERNS),
        float((one == two).mean()),
        float(np.abs(before - after).max()),
        lost,
        allowed_points,
    )
