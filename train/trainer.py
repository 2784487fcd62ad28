"""The training loop: one epoch at a time, checkpointed, resumable, best weights kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset.encoded_set import EncodedSet
from edge.dataset.labelled_set import LabelledSet, Part
from edge.errors import DataError
from edge.evaluation import metrics, several
from edge.evaluation.several import AnyScores
from edge.wafer.encoding import to_shares
from train.backend import array
from train.batches import class_shares, encode_all, make_sequence
from train.network import networks
from train.preparation import odd_planes, prepare
from train.recipe import Recipe, Schedule
from train.run import Run

if TYPE_CHECKING:
    import keras

    from train.average import WeightAverage
    from train.start import Start
    from train.teaching import Teaching

#: Called after each epoch with the epoch's history entry and the recipe's number of epochs.
Progress = Callable[[dict[str, float], int], None]

#: Called within an epoch and whatever else takes long: what is done, how far, out of how much.
Stage = Callable[[str, int, int], None]

#: Wafers of a batch that is judged.
_JUDGED: Final = 512


@dataclass(frozen=True)
class Result:
    """What came of a training.

    Attributes:
        scores: On the val part, of the weights that are kept.
        best_epoch: The epoch that they are of.
        epochs: That were run.
        best: Whether it is the best on the val part that is kept, or the last.
    """

    scores: AnyScores
    best_epoch: int
    epochs: int
    best: bool


def train(
    labelled: LabelledSet,
    recipe: Recipe,
    run: Run,
    begun: Start | None = None,
    teaching: Teaching | None = None,
    *,
    progress: Progress = lambda *_: None,
    stage: Stage = lambda *_: None,
) -> Result:
    """Train a network by a recipe; the run folder receives all there is to know about it.

    Continues at the run's checkpoint, if it has one; else starts from ``begun``, or from nothing;
    teaches the labels, or what ``teaching`` makes of them.

    Raises:
        DataError: the set is not split, or a part is empty.
    """
    import keras

    from train.average import WeightAverage

    train_part, val_part = _parts(labelled)
    keras.utils.set_random_seed(recipe.seed)
    prepared = prepare(train_part, recipe, partial(stage, "drawing synthetic wafers"))
    samples, val = (
        encode_all(part, recipe.encoding, partial(stage, f"encoding the {name} part"))
        for part, name in ((prepared, "train"), (val_part, "val"))
    )
    odd = odd_planes(train_part, recipe)
    offsets = _offsets(samples, recipe)
    lesson = teaching.lesson(prepared, recipe, offsets) if teaching else None
    average = WeightAverage(recipe.optimise.average)
    model, start, history = _start(run, recipe, samples, average, begun)
    patience = recipe.optimise.patience
    merit = "val_macro_recall" if val.hot is None else "val_accuracy"
    best, best_epoch = _kept(history, patience, merit)
    for epoch in range(start, recipe.optimise.epochs):
        if patience and epoch - best_epoch >= patience:
            break
        began = time.monotonic()
        batches = make_sequence(samples, recipe, epoch, lesson, odd)
        # In its own order: Keras would shuffle batches by a chance that no checkpoint keeps.
        shown = _shown(stage, f"epoch {epoch + 1}/{recipe.optimise.epochs}", len(batches))
        fit = model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[average, shown])
        with average.applied(model):
            finished = networks.finished(model, offsets)
            logits = logits_of(finished, val, stage)
            scores = _score(val, logits)
            # Without early stopping the schedule runs to its end, and its end is what counts.
            last = epoch + 1 == recipe.optimise.epochs
            entry = _entry(epoch, model, fit, scores, _loss(val, logits))
            if entry[merit] > best if patience else last:
                best, best_epoch = entry[merit], epoch + 1
                run.save_model(finished)
        entry["seconds"] = time.monotonic() - began
        history.append(entry)
        run.save_checkpoint(model, average, history)
        progress(entry, recipe.optimise.epochs)
    scores = _score(val, logits_of(run.load_model(), val, stage))
    run.finish(scores, history, best_epoch)
    return Result(scores, best_epoch, len(history), best=bool(patience))


def _kept(history: list[dict[str, float]], patience: int, merit: str) -> tuple[float, int]:
    """Merit and number of the epoch whose weights are kept so far; -1 and 0 before any.

    ``merit`` is macro recall; of several patterns a wafer the share of wafers named exactly, since
    who names all of them always has every recall.
    """
    if not history:
        return -1.0, 0
    kept = max(history, key=lambda entry: entry[merit]) if patience else history[-1]
    return kept[merit], int(kept["epoch"])


def _parts(labelled: LabelledSet) -> tuple[LabelledSet, LabelledSet]:
    train_part, val_part = labelled.part(Part.TRAIN), labelled.part(Part.VAL)
    if not len(train_part) or not len(val_part):
        raise DataError("the train or the val part is empty; split with other shares")
    return train_part, val_part


def _offsets(samples: EncodedSet, recipe: Recipe) -> npt.NDArray[np.float64]:
    """What the network's logits are moved by for how often each class was shown, (classes,)."""
    if samples.hot is not None:
        return np.zeros(len(samples.patterns))
    counts = np.bincount(samples.classes, minlength=len(samples.patterns))
    shown = class_shares(counts, recipe.balance.power)
    return recipe.balance.adjust * np.log(np.maximum(shown, 1e-6))


def _entry(
    epoch: int,
    model: keras.Model,
    fit: Any,
    scores: AnyScores,
    val_loss: float,
) -> dict[str, float]:
    """One epoch in the history, without the time it took."""
    return {
        "epoch": epoch + 1,
        "loss": float(fit.history["loss"][0]),
        **{key: float(fit.history[key][0]) for key in ("accuracy",) if key in fit.history},
        "val_loss": val_loss,
        "val_accuracy": scores.accuracy,
        "val_macro_recall": scores.macro_recall,
        "learning_rate": float(array(model.optimizer.learning_rate)),
    }


def _start(
    run: Run, recipe: Recipe, samples: EncodedSet, average: WeightAverage, begun: Start | None
) -> tuple[keras.Model, int, list[dict[str, float]]]:
    """The model to go on with, the epoch to go on at and the history so far."""
    import keras

    checkpoint = run.load_checkpoint(average)
    if checkpoint:
        model, history = checkpoint
        if recipe.optimise.weight_decay:
            _exempt(model.optimizer)
        return model, len(history), history
    model = _untrained(recipe, samples, begun)
    optimise = recipe.optimise
    steps = -(-(optimise.epoch_wafers or len(samples)) // optimise.batch)
    rate: Any = optimise.learning_rate
    if optimise.schedule is Schedule.COSINE:
        rate = keras.optimizers.schedules.CosineDecay(
            optimise.learning_rate / 100,
            steps * max(1, optimise.epochs - 1),
            alpha=0.002,
            warmup_target=optimise.learning_rate,
            warmup_steps=steps,
        )
    if optimise.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=optimise.weight_decay)
        _exempt(optimizer)
    else:
        optimizer = keras.optimizers.Adam(rate)
    loss: Any = keras.losses.CategoricalCrossentropy(from_logits=True)
    told = ["accuracy"]
    if samples.hot is not None:
        # Keras has no accuracy of targets that are smoothed: neither is 1.
        loss, told = keras.losses.BinaryCrossentropy(from_logits=True), []
    model.compile(optimizer, loss, metrics=told)
    if begun:
        run.save_checkpoint(model, average, [])  # what --resume starts from
    return model, 0, []


def _untrained(recipe: Recipe, samples: EncodedSet, begun: Start | None) -> keras.Model:
    """The network of a recipe as its first epoch finds it."""
    shape, wanted, patterns = samples.planes.shape[1:], recipe.network, samples.patterns
    model = networks.build(
        wanted.name,
        shape,
        wanted.l2,
        wanted.dropout,
        len(patterns),
        wanted.head,
        wanted.layout,
    )
    if begun:
        from train.network.rebuilt import take_over

        batches = make_sequence(samples, recipe, epoch=-1 % 2**32)
        take_over(model, begun.weights, [batches[index][0] for index in range(len(batches))])
    return model


def _exempt(optimizer: keras.optimizers.Optimizer) -> None:
    """Keep weight decay off biases and norms, which Keras forgets when it saves an optimizer."""
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])


def _shown(
    stage: Stage, what: str, batches: int, event: str = "on_train_batch_end"
) -> keras.callbacks.Callback:
    """Tells of every batch."""
    import keras

    stage(what, 0, batches)
    return keras.callbacks.LambdaCallback(
        **{event: lambda batch, **_: stage(what, batch + 1, batches)}
    )


def logits_of(network: keras.Model, val: EncodedSet, stage: Stage) -> npt.NDArray[np.float32]:
    """What a network says of the val part, (W, classes)."""
    batches = math.ceil(len(val) / _JUDGED)
    shown = _shown(stage, "judging the val part", batches, "on_predict_batch_end")
    logits: npt.NDArray[np.float32] = network.predict(
        to_shares(val.planes), batch_size=_JUDGED, verbose=0, callbacks=[shown]
    )
    return logits


def _score(val: EncodedSet, logits: npt.NDArray[np.float32]) -> AnyScores:
    names = val.patterns.names
    if val.hot is not None:
        return several.score(val.hot, logits > 0, names)
    confusion = metrics.confusion_matrix(val.classes, logits.argmax(axis=1), len(names))
    return metrics.score(confusion, names)


def _loss(val: EncodedSet, logits: npt.NDArray[np.float32]) -> float:
    if val.hot is not None:
        return several.cross_entropy(logits, val.hot)
    return metrics.cross_entropy(logits, val.classes)
