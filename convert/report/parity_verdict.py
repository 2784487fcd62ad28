"""The verdict of the report: did int8 cost more than a class may lose?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from convert.report.evidence import Level, ParityVerdict, Variant
from edge.errors import UsageError
from edge.evaluation.metrics import Scores, lost_too_much
from edge.wafer.patterns import PATTERNS

#: Points of per-class accuracy that int8 may cost; one wafer is always allowed.
ALLOWED_POINTS: Final = 1.0

#: (right, wafers) of each class.
Counts = Mapping[str, tuple[int, int]]

_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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
    now = counts(after)
    wafers = sum(n for _, n in now.values())
    if before is None:
        text = (
            "Not judged against float, no float network was given: int8 recognises "
            f"{100 * after.macro_recall:.1f} % of the wafers of a class, on the mean of "
            f"{_classes(now)} and {wafers:,} wafers"
        )
        return ParityVerdict(Level.UNKNOWN, text, rule, None, {})
    judged = {name: (*before[name], now[name][0]) for name in PATTERNS if now[name][1]}
    gone = {name: (right, kept, n) for name, (right, n, kept) in judged.items() if kept < right}
    lost = {
        name: (right, kept, n)
        for name, (right, kept, n) in gone.items()
        if lost_too_much(right, kept, n, allowed_points)
    }
    if answer := after.only_answer:
        text = f"RED: int8 calls every wafer {answer}; it tells no pattern from another"
        return ParityVerdict(Level.RED, text, rule, reference, lost)
    if lost:
        return ParityVerdict(Level.RED, _red(lost), rule, reference, lost)
    if not gone:
        text = f"int8 is as good as float: none of {_classes(now)} lost a wafer"
    else:
        name = _worst(gone)
        right, kept, n = gone[name]
        text = (
            f"int8 is as good as float: none of {_classes(now)} lost more than "
            f"{_points(100 * (right - kept) / n)} ({name}, {right - kept:,} of {_wafers(n)})"
        )
    return ParityVerdict(Level.GREEN, text, rule, reference, lost)


def counts(scores: Scores) -> dict[str, tuple[int, int]]:
    """Right answers and wafers of each class."""
    return {
        name: (int(scores.confusion[place, place]), int(scores.confusion[place].sum()))
        for place, name in enumerate(scores.labels)
    }


def _classes(now: Counts) -> str:
    present = sum(1 for _, n in now.values() if n)
    if present == len(now):
        return f"{_WORDS[present]} classes"
    if present == 1:
        return f"the one class present ({len(now) - present} not judged)"
    return f"the {_WORDS[present]} classes present ({len(now) - present} not judged)"


def _red(lost: Mapping[str, tuple[int, int, int]]) -> str:
    """The worst class with its figures, the others by name: one line must do."""
    name = _worst(lost)
    right, kept, n = lost[name]
    others = ", ".join(other for other in lost if other != name)
    return (
        f"RED: int8 lost {_points(100 * (right - kept) / n)} of {name} ({right - kept:,} of "
        f"{_wafers(n)})" + (f", and too much of {others}" if others else "")
    )


def _worst(gone: Mapping[str, tuple[int, int, int]]) -> str:
    return max(gone, key=lambda name: (gone[name][0] - gone[name][1]) / gone[name][2])


def _points(value: float) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text} point{'' if text == '1' else 's'}"


def _wafers(n: int) -> str:
    return f"{n:,} wafer{'' if n == 1 else 's'}"
