"""Encoded wafers -> training batches: which wafers an epoch shows, and how they are turned."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.dataset.encoded_set import EncodedSet, encoded, with_labels
from edge.dataset.labelled_set import LabelledSet
from edge.wafer import encoding
from train.augment import random_symmetries, random_turns
from train.network import reference_networks
from train.recipe import Dihedral, EncodingName, Recipe
from train.teaching import Lesson, label_lesson


def encode_all(
    labelled: LabelledSet,
    name: EncodingName = EncodingName.STATION,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> EncodedSet:
    """Encode every wafer of a set as the recipe says; see ``edge.dataset.encoded_set.encoded``."""
    if name is EncodingName.STATION:
        return encoded(labelled, progress=progress)
    planes = [reference_networks.encode(labelled.grid(index)) for index in range(len(labelled))]
    return with_labels(np.stack(planes), labelled)


def class_shares(counts: npt.NDArray[Any], power: float) -> npt.NDArray[np.float64]:
    """Share of an epoch that each class gets: counts ** (1 - power), normalised.

    Args:
        counts: Wafers a class.
        power: 0 leaves the imbalance, 0.5 is the inverse-square-root sampling that serves best,
            1 shows every class equally often.
    """
    weights = np.where(counts > 0, np.maximum(counts, 1).astype(float) ** (1 - power), 0.0)
    return weights / weights.sum()


def epoch_order(
    classes: npt.NDArray[np.intp], size: int, power: float, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Indices (size,) of the wafers that one epoch shows, in random order.

    With power 0 and size equal to the number of wafers, each is shown once. Otherwise each class
    gets its share and walks through its own wafers before one of them comes a second time.
    """
    if power == 0 and size == len(classes):
        return rng.permutation(size)
    counts = np.bincount(classes)
    wanted = rng.multinomial(size, class_shares(counts, power))
    chosen = []
    for index, number in enumerate(wanted):
        members = np.flatnonzero(classes == index)
        rounds = -(-number // max(1, len(members)))
        walks = [rng.permutation(members) for _ in range(rounds)]
        chosen.append(np.concatenate(walks)[:number] if walks else members[:0])
    order = np.concatenate(chosen)
    rng.shuffle(order)
    return order


def make_sequence(
    samples: EncodedSet,
    recipe: Recipe,
    epoch: int,
    lesson: Lesson | None = None,
    odd: npt.NDArray[np.uint8] | None = None,
) -> Any:
    """A Keras data set of one epoch: (float32 shares in [0, 1], float32 target probabilities).

    Where the lesson weighs wafers, their weights come third; without a lesson the labels are
    taught: of several patterns a wafer the probability of each. Some of ``odd`` (planes as those of
    the samples) stand in the places of others, with a target that prefers nothing. Deterministic in
    the recipe's seed and the epoch, so that a resumed run shows the same wafers.
    """
    import keras

    rng = np.random.default_rng([recipe.seed, epoch])
    size = recipe.optimise.epoch_wafers or len(samples)
    order = epoch_order(samples.classes, size, recipe.balance.power, rng)
    batch = recipe.optimise.batch
    smoothing = recipe.optimise.label_smoothing
    count = len(samples.patterns)
    taught = lesson or label_lesson(samples.classes, count, smoothing, samples.hot)
    anybody = 1 / count if samples.hot is None else 0.5

    class Epoch(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return math.ceil(len(order) / batch)

        def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], ...]:
            members = order[index * batch : (index + 1) * batch]
            planes, targets = samples.planes[members], taught.targets[members]
            weights = None if taught.weights is None else taught.weights[members]
            chance = np.random.default_rng([recipe.seed, epoch, index])
            if odd is not None and len(odd):
                there = np.flatnonzero(chance.random(len(members)) < recipe.odd.share)
                planes[there] = odd[chance.integers(0, len(odd), len(there))]
                targets[there] = anybody
                if weights is not None:
                    weights[there] = 1
            if recipe.augment.dihedral is Dihedral.RANDOM:
                planes = random_symmetries(planes, chance)
            if recipe.augment.turn:
                planes = random_turns(planes, recipe.augment.turn, chance)
            shares = encoding.to_shares(planes)
            shown = shares, taught.told(shares, targets)
            return shown if weights is None else (*shown, weights)

    return Epoch()
