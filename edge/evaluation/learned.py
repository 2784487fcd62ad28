"""Did a network learn its patterns? Its figures beside those of one that guesses."""

from __future__ import annotations

from typing import Final

from edge.evaluation.metrics import Scores
from edge.evaluation.several import AnyScores

#: A class of so many wafers that is never named was not learned: nobody's luck is that bad.
LEAST: Final = 5


def blind(scores: AnyScores) -> str | None:
    """Why these figures may be those of a network that sees nothing; None where they cannot.

    It calls all wafers alike, or the 95 % interval of its mean per-class accuracy reaches down to
    what guessing gives. Wafers of one class alone do not show it. Of several patterns a wafer the
    first alone counts: who names all of them always has every recall.
    """
    if scores.only_answer:
        return (
            f"every wafer is called {scores.only_answer}: the network tells no pattern from another"
        )
    if not isinstance(scores, Scores):
        return None
    low, high = scores.macro_ci95
    guessing = 1 / len(scores.labels)
    if low > guessing or sum(score.n > 0 for score in scores.per_class.values()) < 2:
        return None
    figure = f"{100 * scores.macro_recall:.1f} % (95 % interval {100 * low:.1f} - {100 * high:.1f})"
    return (
        f"mean per-class accuracy {figure} is near chance: who guesses among {len(scores.labels)} "
        f"patterns has {100 * guessing:.1f} %"
    )


def unlearned(scores: AnyScores) -> str | None:
    """The same, or that patterns which are there are never named; None where all were learned."""
    never = [
        f"{name} (of {score.n} wafers)"
        for name, score in scores.per_class.items()
        if score.n >= LEAST and score.precision is None
    ]
    return blind(scores) or (f"never named: {', '.join(never)}" if never else None)
