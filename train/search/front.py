"""What a search found: every trial, the front of accuracy, bytes and time, the finalists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from optuna.trial import FrozenTrial, TrialState

from train.search.cost import Cost, Limits
from train.search.space import Space
from train.search.study import SAME_BYTES, SAME_TIME, cost_of, int8_of, no_dearer, tried
from train.search.task import Int8

_STATES: Final = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "ended early",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "interrupted",
}


class Row(Struct, frozen=True):
    """A trial.

    Attributes:
        trial: Its number.
        state: finished, refused, ended early, repeated, failed, interrupted.
        values: What it tried, by the names of the axes.
        cost: What its network costs, None where there is none.
        int8: What it reached, None of one that did not come to its end.
        why: What ended it, or what limit it does not keep once it is trained.
        epochs: That were trained, as far as known.
        front: Whether no other trial is better in one of accuracy, bytes and time, and worse in
            none.
    """

    trial: int
    state: str
    values: dict[str, Any]
    cost: Cost | None
    int8: Int8 | None
    why: str
    epochs: int
    front: bool


class Finalist(Struct, frozen=True):
    """A recipe of the front, trained again by other seeds.

    Attributes:
        trial: Whose recipe it is.
        recalls: Mean per-class accuracy in int8 on the val part, a seed each.
        cost: As of the trial.
        alike: Whether its seeds reach up to the worst of the best finalist's: which of the two is
            better is not known.
    """

    trial: int
    recalls: tuple[float, ...]
    cost: Cost
    alike: bool

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.recalls))


class Front(Struct, frozen=True):
    """All that a search found.

    Attributes:
        space: Name of what was searched.
        data: Name of the labelled set's file.
        limits: What no network may cost more than.
        seeds: How many a finalist has when it is done.
        rows: A trial each.
        finalists: The best mean first.
    """

    space: str
    data: str
    limits: Limits
    seeds: int
    rows: tuple[Row, ...]
    finalists: tuple[Finalist, ...] = ()

    @property
    def front(self) -> list[Row]:
        """The trials on the front, the most accurate first."""
        found = [row for row in self.rows if row.front and row.int8]
        return sorted(found, key=lambda row: -row.int8.recall if row.int8 else 0.0)

    def count(self, state: str) -> int:
        """Trials of a state."""
        return sum(row.state == state for row in self.rows)

    def chosen(self, count: int) -> list[Row]:
        """So many of the front, from its most accurate to its least, evenly."""
        front = self.front
        places = np.linspace(0, len(front) - 1, min(count, len(front)))
        return [front[int(place)] for place in np.rint(places)]


def recipe_name(space: Space, trial: int) -> str:
    """What a trial's recipe is called."""
    return f"{space.name}-{trial:04}"


def gather(
    space: Space,
    data: str,
    trials: Sequence[FrozenTrial],
    finals: dict[int, list[float]] | None = None,
) -> Front:
    """What is known so far.

    Args:
        space: What was searched.
        data: Name of the labelled set's file.
        trials: All that were begun.
        finals: Accuracies of the finalists by trial, a seed each.
    """
    best = {trial.number for trial in _undominated(trials, space.limits)}
    rows = tuple(_row(space, trial, front=trial.number in best) for trial in trials)
    finalists = _finalists(rows, finals or {})
    return Front(space.name, data, space.limits, space.ends.seeds, rows, finalists)


def _row(space: Space, trial: FrozenTrial, *, front: bool) -> Row:
    cost, reached = cost_of(trial), int8_of(trial)
    why = trial.user_attrs.get("why", cost.refusal(space.limits) if cost and reached else "")
    state = _STATES[trial.state]
    epochs = reached.epochs if reached else trial.user_attrs.get("epochs", 0)
    if trial.state is TrialState.PRUNED and not epochs:
        state = "refused"
    if "as" in trial.user_attrs:
        state, why, epochs = "repeated", f"as trial {trial.user_attrs['as']}", 0
    return Row(trial.number, state, tried(space, trial), cost, reached, why, epochs, front)


def _undominated(trials: Sequence[FrozenTrial], limits: Limits) -> list[FrozenTrial]:
    """Trials within the limits that no other one beats: better in one figure, worse in none.

    Bytes and times are taken as equal where they differ by no more than two measurements of one
    network do.
    """
    known = [
        (trial, reached.recall, cost)
        for trial in trials
        if (reached := int8_of(trial)) and (cost := cost_of(trial)) and not cost.refusal(limits)
        if "as" not in trial.user_attrs
    ]

    def beats(one: tuple[Any, float, Cost], other: tuple[Any, float, Cost]) -> bool:
        (_, recall, cost), (_, others, dearer) = one, other
        better = (
            recall > others
            or SAME_BYTES * cost.bytes < dearer.bytes
            or SAME_TIME * cost.invoke < dearer.invoke
        )
        return better and recall >= others and no_dearer(cost, dearer)

    return [one[0] for one in known if not any(beats(other, one) for other in known)]


def _finalists(rows: Sequence[Row], finals: dict[int, list[float]]) -> tuple[Finalist, ...]:
    found = [
        Finalist(row.trial, tuple(finals[row.trial]), row.cost, alike=False)
        for row in rows
        if finals.get(row.trial) and row.cost
    ]
    found.sort(key=lambda one: -one.mean)
    return tuple(
        Finalist(one.trial, one.recalls, one.cost, alike=max(one.recalls) >= min(found[0].recalls))
        for one in found
    )
