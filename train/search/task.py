"""One network of a search from recipe to int8 figures: its run folder says how far it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct, to_builtins

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet, Part
from edge.errors import DataError, UsageError, why
from edge.evaluation.evaluate import evaluate
from edge.model.model_file import ModelFile
from edge.system.typed import decode
from train.network import networks
from train.recipe import Recipe
from train.run import Run
from train.search.cost import YARDSTICK, Cost, Limits, measure
from train.session import configuration
from train.trainer import Stage, train

if TYPE_CHECKING:
    import keras

#: Beside what a run folder holds: what the untrained network costs, what int8 reaches.
COST, INT8 = "cost.json", "int8.json"

#: Spread of the noise on untrained weights: biases that are all 0 would be kept once in a file.
_NOISE: Final = 0.01


class Task(Struct, frozen=True):
    """What is asked for.

    Attributes:
        folder: The run folder, made here or gone on with.
        recipe: JSON form of the recipe.
        limits: A network that costs more is not trained.
    """

    folder: Path
    recipe: Recipe
    limits: Limits = Limits()


class Int8(Struct, frozen=True):
    """What a trained network reaches on the val part as a model file.

    Attributes:
        recall: Mean per-class accuracy, 0..1.
        ci95: Its 95 % interval.
        per_class: Accuracy of each pattern; None of one without wafers.
        float_recall: Of the float network.
        bytes: Of the model file. A file keeps equal kernels once, and channels that died in
            training make some of them differ: it may be a few percent from the untrained one.
        epochs: That were trained.
        seconds: That training took.
    """

    recall: float
    ci95: tuple[float, float]
    per_class: dict[str, float | None]
    float_recall: float
    bytes: int
    epochs: int
    seconds: float


class RefusedError(UsageError):
    """A network that is not trained: it costs too much, or there is none of its recipe."""


@dataclass(frozen=True)
class Told:
    """Who hears of a task: its cost, each epoch (number, macro recall), and what takes long."""

    cost: Callable[[Cost], None]
    epoch: Callable[[int, float], None]
    stage: Stage


class Workbench:
    """Does tasks, one after the other, with what all of them share.

    Args:
        data: Name of the labelled set's file.
        labelled: The divided set. Its test part is put away: only the hash of all wafers, by which
            ``convert`` knows the set again, has seen it.
    """

    def __init__(self, data: Path, labelled: LabelledSet) -> None:
        from convert.candidate import Candidates

        self._configuration = configuration(labelled, data.name)
        self._learning = labelled.select(labelled.columns["part"] != Part.TEST.value)
        self._candidates = Candidates(self._learning.part(Part.TRAIN))
        self._val = self._learning.part(Part.VAL)
        count = len(labelled.patterns)
        yardstick = networks.build(YARDSTICK, patterns=count)
        self._yardstick = self._candidates.bare(yardstick)

    def do(self, task: Task, told: Told) -> Int8:
        """Do a task, or what is left of it.

        Raises:
            RefusedError: the network costs more than the limits, or cannot be made.
            WmEdgeError: whatever training and conversion refuse.
        """
        run = self._run(task)
        cost = self._cost(task, run)
        told.cost(cost)
        if refusal := cost.refusal(task.limits):
            raise RefusedError(refusal)
        for entry in run.history:
            told.epoch(int(entry["epoch"]), entry["val_macro_recall"])
        if not run.finished:
            train(
                self._learning,
                task.recipe,
                run,
                progress=lambda entry, _: told.epoch(
                    int(entry["epoch"]), entry["val_macro_recall"]
                ),
                stage=told.stage,
            )
        return self._int8(run)

    def _run(self, task: Task) -> Run:
        if (task.folder / "config.json").exists():
            return Run.open(task.folder)
        config = {**task.recipe.configuration(), **self._configuration}
        return Run.create(task.folder, config)

    def _cost(self, task: Task, run: Run) -> Cost:
        """What it costs, measured once: a file beside a resumed run knows it."""
        if (run.path / COST).exists():
            return decode(Cost, run.read_json(COST))
        wanted, count = task.recipe.network, len(self._learning.patterns)
        try:
            model = networks.build(
                wanted.name,
                l2=wanted.l2,
                dropout=wanted.dropout,
                patterns=count,
                head=wanted.head,
                layout=wanted.layout,
            )
        except UsageError as error:
            raise RefusedError(str(error)) from None
        plain = networks.finished(model, np.zeros(count))
        _enliven(plain)
        cost = measure(self._draft(plain, run), self._yardstick, self._candidates)
        run.write_json(COST, to_builtins(cost))
        return cost

    def _int8(self, run: Run) -> Int8:
        """What the trained network reaches as a model file, in the station's own classifier."""
        if known := reached_by(run):
            return known
        drafted = self._draft(run.load_model(), run)
        scores = evaluate(self._val, Classifier(drafted)).scores
        history = run.history
        found = Int8(
            scores.macro_recall,
            scores.macro_ci95,
            {name: one.recall for name, one in scores.per_class.items()},
            float(run.read_json("metrics.json")["macro_recall"]),
            self._candidates.expected_bytes(drafted),
            len(history),
            sum(entry["seconds"] for entry in history),
        )
        run.write_json(INT8, to_builtins(found))
        return found

    def _draft(self, plain: keras.Model, run: Run) -> ModelFile:
        return self._candidates.draft(plain, run.path)


def reached_by(run: Run) -> Int8 | None:
    """What a run's folder says that its network reached; None where it is not there yet.

    Raises:
        DataError: it cannot be read.
    """
    if not (run.path / INT8).exists():
        return None
    try:
        return decode(Int8, run.read_json(INT8))
    except ValueError as error:
        what = f"{run.path / INT8}: cannot be read ({why(error)})"
        raise DataError(f"{what}; delete it, and the same command makes it again") from error


def _enliven(plain: keras.Model) -> None:
    """Give an untrained network weights whose file has nearly the size of a trained one's.

    No two biases are alike, and few channels are dead.
    """
    rng = np.random.default_rng(0)
    plain.set_weights([w + rng.normal(0, _NOISE, w.shape) for w in plain.get_weights()])
    for layer in plain.layers:
        for name in ("bias", "beta"):
            if (added := getattr(layer, name, None)) is not None:
                added.assign(added + 1)
