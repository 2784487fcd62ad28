"""The trials of a search, kept by Optuna in a journal file: what was tried and what to try next.

One process writes the journal, and the trials that it finds running when it begins are its own to
go on with: they were left by a call that ended, whatever ended it.
"""

from __future__ import annotations

import json
import statistics
import warnings
from pathlib import Path
from typing import Any, Final

import optuna
from msgspec import to_builtins
from msgspec.structs import replace
from optuna.pruners import BasePruner
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from edge.errors import DataError, why
from edge.system.typed import decode
from train.search.cost import Cost
from train.search.space import Axis, Choice, Space, Value
from train.search.task import Int8

JOURNAL: Final = "journal.log"

#: Of the one study in a journal, whatever the space's file is called.
_NAME: Final = "search"

#: An epoch's figure is told at the ends of so many parts of a training; the last is the end.
PARTS: Final = 3

#: A trial is held against so many others at the least, which cost no more than it does.
_FEWEST: Final = 4

#: So much one network differs from one training, or one measurement, to the next: see ``Int8``.
SAME_BYTES, SAME_TIME = 1.05, 1.1

#: Trials by chance before the sampler learns from them.
_BY_CHANCE: Final = 8


class _OneWriter:
    """The journal's lock: the folder has one of its own, which a kill leaves nothing of."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class MedianOfNoDearer(BasePruner):
    """Ends a trial that is below the median of those that cost no more than it does.

    Against all, small networks would be ended for what larger ones reach, and the front would have
    no small end.
    """

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether to end the trial at its last step."""
        step, own = trial.last_step, cost_of(trial)
        if step is None or own is None:
            return False
        peers = [
            other.intermediate_values[step]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and step in other.intermediate_values
            if (cost := cost_of(other)) and no_dearer(cost, own)
        ]
        enough = len(peers) >= _FEWEST
        return enough and trial.intermediate_values[step] < statistics.median(peers)


def no_dearer(cost: Cost, than: Cost) -> bool:
    """Whether it costs no more in bytes and time, but for what differs by chance."""
    return cost.bytes <= SAME_BYTES * than.bytes and cost.invoke <= SAME_TIME * than.invoke


def part_ends(epochs: int) -> dict[int, int]:
    """Epoch -> number of the part of a training that ends with it, but for the last part."""
    ends = {-(-part * epochs // PARTS): part for part in range(1, PARTS)}
    return {epoch: part for epoch, part in ends.items() if epoch < epochs}


class Study:
    """A search's trials.

    Args:
        folder: The search's folder; the caller alone works in it.
        space: What is searched.
        parallel: Whether several trials run at once.
    """

    def __init__(self, folder: Path, space: Space, *, parallel: bool = False) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        storage = _storage(folder / JOURNAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.create_study(
                study_name=_NAME,
                storage=storage,
                direction="maximize",
                pruner=MedianOfNoDearer(),
                load_if_exists=True,
            )
            # Another seed in each call, or it would draw again what it drew in the last.
            self._study.sampler = optuna.samplers.TPESampler(
                seed=len(self._study.trials),
                n_startup_trials=_BY_CHANCE,
                multivariate=True,
                constant_liar=parallel,
            )
        if not self._study.trials:
            first = {name: _stored(value) for name, value in space.start.items()}
            self._study.enqueue_trial(first)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All that were begun."""
        begun = (trial for trial in self._study.trials if trial.state is not TrialState.WAITING)
        return list(begun)

    def left(self) -> list[Trial]:
        """Trials that an earlier call began and did not end."""
        return [
            Trial(self._study, trial._trial_id)  # noqa: SLF001 - the one way to go on with one
            for trial in self._study.get_trials(states=(TrialState.RUNNING,))
        ]

    def ask(self) -> Trial:
        """Begin another trial."""
        return self._study.ask()

    def values(self, trial: Trial) -> dict[str, Any]:
        """What it tries: a value for each axis."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return {axis.name: _suggested(trial, axis) for axis in self._space.axes}

    def repeats(self, trial: Trial) -> int | None:
        """End a trial as the one ended that tried the very same values.

        Returns:
            The number of that one; None where these are new.
        """
        own = self._study.trials[trial.number].params
        ended = self._study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
        same = next((one for one in ended if one.params == own), None)
        if same is None:
            return None
        for key, value in (same.user_attrs | {"as": same.number}).items():
            trial.set_user_attr(key, value)
        for limit, excess in same.constraints.items():
            trial.set_constraint(limit, excess)
        for part, recall in same.intermediate_values.items():
            trial.report(recall, part)
        self._study.tell(trial, same.value, same.state)
        return same.number

    def costs(self, trial: Trial, cost: Cost) -> None:
        """Note what its network costs."""
        trial.set_user_attr("cost", to_builtins(cost))
        known = self._study.trials[trial.number].constraints
        for limit, excess in cost.excess(self._space.limits).items():
            if limit not in known:
                trial.set_constraint(limit, excess)

    def reached(self, trial: Trial, part: int, recall: float) -> bool:
        """Note what it reached after a part of its training.

        Returns:
            Whether it is to be ended.
        """
        known = self._study.trials[trial.number].intermediate_values
        if part not in known:
            trial.report(recall, part)
        return trial.should_prune()

    def finish(self, trial: Trial, found: Int8) -> None:
        """It came to its end."""
        trial.set_user_attr("int8", to_builtins(found))
        self._study.tell(trial, found.recall)

    def end(self, trial: Trial, why: str, epochs: int, *, failed: bool = False) -> None:
        """It ends early: refused, behind the others, or failed."""
        trial.set_user_attr("why", why)
        trial.set_user_attr("epochs", epochs)
        self._study.tell(trial, state=TrialState.FAIL if failed else TrialState.PRUNED)


def cost_of(trial: FrozenTrial) -> Cost | None:
    """What a trial's network costs, trained if it is; None where it is not known yet."""
    found, reached = trial.user_attrs.get("cost"), int8_of(trial)
    cost = None if found is None else decode(Cost, found)
    return replace(cost, bytes=reached.bytes) if cost and reached else cost


def int8_of(trial: FrozenTrial) -> Int8 | None:
    """What a trial came to; None of one that did not come to its end."""
    found = trial.user_attrs.get("int8")
    return None if found is None else decode(Int8, found)


def tried(space: Space, trial: FrozenTrial) -> dict[str, Any]:
    """The values of a trial, as ``Study.values`` gave them."""
    axes = (axis for axis in space.axes if axis.name in trial.params)
    return {axis.name: _value(axis, trial.params[axis.name]) for axis in axes}


def _suggested(trial: Trial, axis: Axis) -> Any:
    kind = axis.kind
    if isinstance(kind, Choice):
        stored = trial.suggest_categorical(axis.name, [_stored(value) for value in kind.choice])
        return _value(axis, stored)
    if axis.whole:
        low, high = int(kind.low), int(kind.high)
        return trial.suggest_int(axis.name, low, high, step=kind.step, log=kind.log)
    return trial.suggest_float(axis.name, kind.low, kind.high, log=kind.log)


def _stored(value: Any) -> Value:
    """A value as the journal keeps it: lists as text."""
    return json.dumps(value) if isinstance(value, (list, tuple)) else value


def _value(axis: Axis, stored: Any) -> Any:
    """The value that is kept so."""
    if not isinstance(axis.kind, Choice):
        return stored
    return next(value for value in axis.kind.choice if _stored(value) == stored)


def _storage(journal: Path) -> JournalStorage:
    _drop_torn_line(journal)
    lock: Any = _OneWriter()
    try:
        return JournalStorage(JournalFileBackend(str(journal), lock))
    except (
        ValueError,
        LookupError,
        TypeError,
        AssertionError,
    ) as error:  # what Optuna meets in a changed line
        what = f"{journal}: cannot be read ({why(error)}); the journal is damaged"
        raise DataError(f"{what}, begin the search again with another --out") from error


def _drop_torn_line(journal: Path) -> None:
    """Cut off what a kill left of a line: Optuna would write the next one behind it."""
    if not journal.exists():
        return
    with journal.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
