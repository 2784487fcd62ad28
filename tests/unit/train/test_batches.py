"""Which wafers an epoch shows, and as what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.dataset.labelled_set import LabelledSet
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from train.batches import class_shares, encode_all, epoch_order, make_sequence
from train.network import reference_networks
from train.recipe import Augment, Balance, Dihedral, EncodingName, Optimise, Recipe

COUNTS = [3, 0, 10, 20, 7, 1, 5, 9, 400]
CLASSES = np.repeat(np.arange(len(PATTERNS)), COUNTS)


def test_class_shares_between_as_it_is_and_all_equal() -> None:
    counts = np.asarray([100, 0, 4])
    assert class_shares(counts, 0.0) == pytest.approx([100 / 104, 0, 4 / 104])
    assert class_shares(counts, 0.5) == pytest.approx([10 / 12, 0, 2 / 12])
    assert class_shares(counts, 1.0) == pytest.approx([0.5, 0, 0.5])


def test_power_0_shows_every_wafer_once() -> None:
    order = epoch_order(CLASSES, len(CLASSES), 0.0, np.random.default_rng(0))
    assert not np.array_equal(order, np.arange(len(CLASSES)))
    assert np.array_equal(np.sort(order), np.arange(len(CLASSES)))


@settings(max_examples=25, derandomize=True)
@given(st.integers(1, 3000), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 99))
def test_classes_get_their_shares_and_walk_through_their_wafers(
    size: int, power: float, chance: int
) -> None:
    """No wafer comes again before all others of its class have come as often."""
    order = epoch_order(CLASSES, size, power, np.random.default_rng(chance))
    assert len(order) == size
    shown = np.bincount(order, minlength=len(CLASSES))
    shares = class_shares(np.asarray(COUNTS), power)
    for index in range(len(PATTERNS)):
        mine = shown[index == CLASSES]
        spread = 6 * np.sqrt(size * shares[index] * (1 - shares[index])) + 1
        assert abs(mine.sum() - size * shares[index]) <= spread
        if mine.size:
            assert mine.max() - mine.min() <= 1


def test_classes_come_mixed() -> None:
    order = epoch_order(CLASSES, 900, 1.0, np.random.default_rng(0))
    first, last = CLASSES[order[:300]], CLASSES[order[-300:]]
    assert set(first) == set(last) == set(CLASSES)


def test_same_chance_same_order() -> None:
    one, two, other = (
        epoch_order(CLASSES, 300, 0.5, np.random.default_rng([7, epoch])) for epoch in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_encode_all_takes_the_recipes_encoding(generated: LabelledSet) -> None:
    few = generated.select(np.asarray([0, 20, 53]))
    ours, theirs = encode_all(few), encode_all(few, EncodingName.SEED)
    assert np.array_equal(ours.planes[1], encoding.encode(few.grid(1)))
    assert np.array_equal(theirs.planes[1], reference_networks.encode(few.grid(1)))
    assert [PATTERNS[index] for index in ours.classes] == few.labels.tolist()


RECIPE = Recipe(
    "test",
    augment=Augment(Dihedral.RANDOM, turn=0.5),
    balance=Balance(0.5),
    optimise=Optimise(batch=16, epoch_wafers=40, label_smoothing=0.09),
)


def test_batches_are_a_function_of_seed_and_epoch(generated: LabelledSet) -> None:
    """What a resumed run shows is what the interrupted one would have shown."""
    pytest.importorskip("keras")
    samples = encode_all(generated)
    one, two, other = (make_sequence(samples, RECIPE, epoch) for epoch in (3, 3, 4))
    reseeded = make_sequence(samples, replace(RECIPE, seed=1), 3)
    assert [len(one[index][0]) for index in range(len(one))] == [16, 16, 8]
    for index in (2, 0, 1):  # in whatever order they are asked for
        assert np.array_equal(one[index][0], two[index][0])
        assert np.array_equal(one[index][1], two[index][1])
        assert not np.array_equal(one[index][0], other[index][0])
        assert not np.array_equal(one[index][0], reseeded[index][0])


def test_targets_are_smoothed(generated: LabelledSet) -> None:
    pytest.importorskip("keras")
    samples = encode_all(generated)
    planes, targets = make_sequence(samples, RECIPE, 0)[0]
    assert planes.dtype == np.float32
    assert (planes.min(), planes.max()) == (0.0, 1.0)
    assert targets.sum(axis=1) == pytest.approx(1)
    assert np.unique(targets.round(6)).tolist() == pytest.approx([0.01, 0.92])
