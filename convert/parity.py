"""Parity: is int8 as good as float, class by class, on wafers that neither has seen?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.evaluation import metrics
from edge.evaluation.learned import unlearned
from edge.evaluation.metrics import Scores

#: Points of per-class accuracy that int8 may cost; one wafer is always allowed.
ALLOWED_POINTS: Final = 1.0

#: Of a network that did not learn.
_MEND: Final = (
    "look at what the training printed, train longer or on more wafers of them, or leave out what "
    "cannot be told apart"
)

#: (right, wafers) of each class.
Counts = Mapping[str, tuple[int, int]]

_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Level(str, Enum):
    """How the verdict comes out."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "not judged"


class Variant(str, Enum):
    """A form of the network; the value is what readers see."""

    KERAS = "float (Keras)"
    FLOAT = "float TFLite"
    INT8 = "int8"


@dataclass(frozen=True)
class ParityVerdict:
    """Whether int8 is as good as float.

    Attributes:
        level: Green, red, or not judged.
        text: The whole answer in one line.
        rule: What a class may lose, in words.
        reference: What int8 was held against; None where there was nothing.
        lost: Classes that lost more than allowed -> (right before, right after, wafers).
    """

    level: Level
    text: str
    rule: str
    reference: Variant | None
    lost: dict[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Parity:
    """Float and int8 on the same wafers.

    Attributes:
        before: Figures of the float network.
        after: Figures of the int8 file, run in the station's classifier.
        agreement: Share of wafers given the same class by both.
        largest_drift: Largest change of any probability, 0..1.
        allowed_points: The limit the classes were held to, in points.
        verdict: What follows.
    """

    before: Scores
    after: Scores
    agreement: float
    largest_drift: float
    allowed_points: float
    verdict: ParityVerdict

    @property
    def green(self) -> bool:
        """Whether int8 is as good as float."""
        return self.verdict.level is Level.GREEN

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
                for name, (a, b, n) in self.verdict.lost.items()
            },
            "float": self.before.as_dict(),
            "int8": self.after.as_dict(),
        }

    def summary(self) -> str:
        """Readable form, Markdown."""
        count = len(self.after.labels)
        judged = sum(score.n > 0 for score in self.after.per_class.values())
        few = "" if judged == count else f", on {judged} of {count} patterns"
        lines = [
            f"# Parity: {'green' if self.green else 'RED'}{few}",
            "",
            *([] if self.green else [f"{self.verdict.text}.", ""]),
            (
                f"Mean per-class accuracy: float {100 * self.before.macro_recall:.2f} %, "
                f"int8 {100 * self.after.macro_recall:.2f} %. Same class for "
                f"{100 * self.agreement:.2f} % of the wafers; largest change of a probability "
                f"{self.largest_drift:.3f}. {self.verdict.rule}"
            ),
            "",
            "| pattern | wafers | float % | int8 % | change | 95 % interval (int8) | |",
            "|---|---:|---:|---:|---:|---|---|",
        ]
        for name in self.after.labels:
            shown = name.replace("|", r"\|")
            one, two = self.before.per_class[name], self.after.per_class[name]
            if one.recall is None or two.recall is None:
                lines.append(f"| {shown} | 0 | - | - | - | - | not judged |")
                continue
            mark = "**lost**" if name in self.verdict.lost else ""
            lines.append(
                f"| {shown} | {two.n} | {100 * one.recall:.1f} | {100 * two.recall:.1f} | "
                f"{100 * (two.recall - one.recall):+.1f} | "
                f"{100 * two.ci95[0]:.1f} - {100 * two.ci95[1]:.1f} | {mark} |"
            )
        return "\n".join(lines) + "\n"


def compare(
    classes: npt.NDArray[np.intp],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    names: tuple[str, ...],
    allowed_points: float = ALLOWED_POINTS,
) -> Parity:
    """Compare probabilities (W, classes) of wafers of known classes (W,), ``names``; as ``judge``.

    Raises:
        UsageError: ``allowed_points`` is no number from 0 up.
    """
    one, two = before.argmax(axis=1), after.argmax(axis=1)
    left, right = (
        metrics.score(metrics.confusion_matrix(classes, guess, len(names)), names)
        for guess in (one, two)
    )
    return Parity(
        left,
        right,
        float((one == two).mean()),
        float(np.abs(before - after).max()),
        allowed_points,
        judge(Variant.KERAS, counts(left), right, allowed_points),
    )


def judge(
    reference: Variant | None,
    before: Counts | None,
    after: Scores,
    allowed_points: float = ALLOWED_POINTS,
) -> ParityVerdict:
    """Hold int8 against float, class by class.

    A class may lose ``allowed_points`` points of its accuracy or one wafer, whichever is more.

    Args:
        reference: Which float form ``before`` is of; None with it.
        before: Right answers and wafers of each class in float; None where there is no float.
        after: Figures of the int8 file on the same wafers.
        allowed_points: See above.

    Raises:
        UsageError: ``allowed_points`` is no number from 0 up.
    """
    if not (math.isfinite(allowed_points) and allowed_points >= 0):
        raise UsageError(f"an allowed drop of {allowed_points} points; give a number from 0 up")
    rule = f"A class may lose {_points(allowed_points)} or one wafer, whichever is more."
    now, doubt = counts(after), unlearned(after)
    wafers = sum(n for _, n in now.values())
    if before is None and doubt:
        return ParityVerdict(Level.RED, f"RED: {doubt}; {_MEND}", rule, None, {})
    if before is None:
        text = (
            "Not judged against float, no float network was given: int8 recognises "
            f"{100 * after.macro_recall:.1f} % of the wafers of a class, on the mean of "
            f"{_classes(now)} and {wafers:,} wafers"
        )
        return ParityVerdict(Level.UNKNOWN, text, rule, None, {})
    judged = {name: (*before[name], now[name][0]) for name in now if now[name][1]}
    gone = {name: (right, kept, n) for name, (right, n, kept) in judged.items() if kept < right}
    lost = {
        name: (right, kept, n)
        for name, (right, kept, n) in gone.items()
        if metrics.lost_too_much(right, kept, n, allowed_points)
    }
    level = Level.RED if lost or doubt else Level.GREEN
    if after.only_answer:
        text = _one_answer(after.only_answer, before)
    elif doubt and not lost:
        text = f"RED: {doubt}; {_MEND}"
    elif gone:
        text = _red(lost) if lost else _green(gone, now)
    else:
        text = f"int8 is as good as float: none of {_classes(now)} lost a wafer"
    return ParityVerdict(level, text, rule, reference, lost)


def counts(scores: Scores) -> dict[str, tuple[int, int]]:
    """Right answers and wafers of each class."""
    return {
        name: (int(scores.confusion[place, place]), int(scores.confusion[place].sum()))
        for place, name in enumerate(scores.labels)
    }


def _classes(now: Counts) -> str:
    present = sum(1 for _, n in now.values() if n)
    if present == len(now):
        return f"{_number(present)} classes"
    if present == 1:
        return f"the one class present ({len(now) - present} not judged)"
    return f"the {_number(present)} classes present ({len(now) - present} not judged)"


def _number(count: int) -> str:
    return _WORDS[count] if count < len(_WORDS) else str(count)


def _one_answer(answer: str, before: Counts) -> str:
    alike = not any(right for name, (right, _) in before.items() if name != answer)
    also = ", and float recognises no other pattern either" if alike else ""
    return (
        f"RED: int8 calls every wafer {answer}{also}: it tells no pattern from another; look at "
        "what the training printed, and at the parts of the set"
    )


def _green(gone: Mapping[str, tuple[int, int, int]], now: Counts) -> str:
    name, gap, n = _worst(gone)
    return (
        f"int8 is as good as float: none of {_classes(now)} lost more than "
        f"{_points(100 * gap / n)} ({name}, {gap:,} of {_wafers(n)})"
    )


def _red(lost: Mapping[str, tuple[int, int, int]]) -> str:
    """The worst class with its figures, the others by name: one line must do."""
    name, gap, n = _worst(lost)
    others = ", ".join(other for other in lost if other != name)
    also = f", and too much of {others}" if others else ""
    return f"RED: int8 lost {_points(100 * gap / n)} of {name} ({gap:,} of {_wafers(n)}){also}"


def _worst(gone: Mapping[str, tuple[int, int, int]]) -> tuple[str, int, int]:
    """The class that lost the largest share, how many wafers it lost, and of how many."""
    name = max(gone, key=lambda name: (gone[name][0] - gone[name][1]) / gone[name][2])
    right, kept, n = gone[name]
    return name, right - kept, n


def _points(value: float) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text} point{'' if text == '1' else 's'}"


def _wafers(n: int) -> str:
    return f"{n:,} wafer{'' if n == 1 else 's'}"
