"""Parity where a wafer may show several patterns: found, falsely found, and all of it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convert.parity import ALLOWED_POINTS
from edge.evaluation.learned import unlearned
from edge.evaluation.metrics import lost_too_much
from edge.evaluation.several import Exact, PatternScore, SeveralScores

#: The wafers on which exactly what they show was named.
EXACT = "exactly named"


@dataclass(frozen=True)
class SeveralParity:
    """Float and int8 on the same wafers.

    Attributes:
        before: Figures of the float network.
        after: Figures of the int8 file, run in the station's classifier.
        agreement: Share of wafers on which both name the same.
        largest_drift: Largest change of any probability, 0..1.
        allowed_points: What each figure was held to, in points.
        lost: What int8 lost too much of, in words.
    """

    before: SeveralScores
    after: SeveralScores
    agreement: float
    largest_drift: float
    allowed_points: float
    lost: tuple[str, ...]

    @property
    def green(self) -> bool:
        """Whether int8 is as good as float, and the network learnt its patterns."""
        return not self.lost and unlearned(self.after) is None

    @property
    def why_red(self) -> str:
        """What is wrong, in words; empty where nothing is."""
        return "; ".join([*self.lost, *filter(None, [unlearned(self.after)])])

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "green": self.green,
            "allowed_points": self.allowed_points,
            "agreement": self.agreement,
            "largest_probability_drift": self.largest_drift,
            "only_answer": self.after.only_answer,
            "lost": list(self.lost),
            "float": self.before.as_dict(),
            "int8": self.after.as_dict(),
        }

    def summary(self) -> str:
        """Readable form, Markdown."""
        before, after = self.before, self.after
        red = [] if self.green else [f"RED: {self.why_red}.", ""]
        lines = [
            f"# Parity: {'green' if self.green else 'RED'}",
            "",
            *red,
            (
                f"Exactly named: float {_share(before.exact)} %, int8 {_share(after.exact)} % of "
                f"{after.exact.n:,} wafers. The same is named on {100 * self.agreement:.2f} %; "
                f"largest change of a probability {self.largest_drift:.3f}. A pattern may be found "
                f"on {self.allowed_points:g} points fewer of its wafers, or one wafer, and named "
                "as much more often where it is not."
            ),
            "",
            "| pattern | wafers | float % | int8 % | 95 % interval (int8) | false alarms | int8 |",
            "|---|---:|---:|---:|---|---:|---:|",
        ]
        for name, two in after.per_class.items():
            one, shown = before.per_class[name], name.replace("|", r"\|")
            alarms = f"{one.false_alarms} | {two.false_alarms}"
            if one.recall is None or two.recall is None:
                lines.append(f"| {shown} | 0 | - | - | - | {alarms} |")
                continue
            low, high = two.ci95
            lines.append(
                f"| {shown} | {two.n} | {100 * one.recall:.1f} | {100 * two.recall:.1f} | "
                f"{100 * low:.1f} - {100 * high:.1f} | {alarms} |"
            )
        lines += ["", "| patterns on a wafer | wafers | exactly named, float % | int8 % |"]
        lines += ["|---:|---:|---:|---:|"]
        lines += [
            f"| {number} | {two.n} | {_share(before.by_number[number])} | {_share(two)} |"
            for number, two in after.by_number.items()
        ]
        return "\n".join(lines) + "\n"


def _share(exact: Exact) -> str:
    return f"{100 * exact.share:.2f}"


def lost(
    before: SeveralScores, after: SeveralScores, allowed: float = ALLOWED_POINTS
) -> tuple[str, ...]:
    """What int8 is worse at than ``allowed`` points, or one wafer where that is more, allow."""
    found = [
        text
        for name, score in after.per_class.items()
        for text in _worse(name, before.per_class[name], score, allowed)
    ]
    one, two = before.exact, after.exact
    if lost_too_much(one.right, two.right, one.n, allowed):
        found.append(f"{EXACT} are {one.right - two.right:,} of {one.n:,} wafers fewer")
    return tuple(found)


def _worse(name: str, one: PatternScore, two: PatternScore, allowed: float) -> list[str]:
    rights = [round((score.recall or 0) * score.n) for score in (one, two)]
    worse = []
    if lost_too_much(rights[0], rights[1], one.n, allowed):
        worse.append(f"{name} is found on {rights[0] - rights[1]:,} of {one.n:,} wafers fewer")
    more, others = two.false_alarms - one.false_alarms, _others(two)
    if lost_too_much(more, 0, others, allowed):
        worse.append(f"{name} is named on {more:,} more of {others:,} wafers without it")
    return worse


def _others(score: PatternScore) -> int:
    """Wafers without the pattern; 0 where that cannot be told, and nothing was named falsely."""
    return round(score.false_alarms / score.false_alarm_rate) if score.false_alarm_rate else 0
