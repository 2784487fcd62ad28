"""The second output: logits untouched, coordinates in which a class scatters evenly."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from convert.embedding import (
    DIRECTIONS,
    PERIODS,
    SIDE,
    _seen_by_texture,
    _standardised,
    texture_bank,
    with_embedding,
)
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from train.network.networks import build

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

CELLS = 24


@pytest.fixture(scope="module")
def wafers(generated: LabelledSet) -> tuple[np.ndarray, np.ndarray]:
    """All eight views of the generated wafers, and their classes."""
    planes = np.stack(
        [encoding.encode(generated.grid(index), CELLS) for index in range(len(generated))]
    )
    views = [encoding.symmetry(planes, which) for which in range(encoding.SYMMETRIES)]
    return np.concatenate(views), np.tile(generated.class_indices(), encoding.SYMMETRIES)


def small(kind: str) -> Any:
    """A network of few channels, as a run folder may hold it."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    body = [
        layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(4, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(9),
    ]
    if kind == "sequential":
        return keras.Sequential([keras.Input((CELLS, CELLS, 2)), *body])
    wafer = x = keras.Input((CELLS, CELLS, 2))
    for layer in body:
        x = layer(x)
    return keras.Model(wafer, x, name="small")


def outputs(network: Any, planes: np.ndarray) -> list[np.ndarray]:
    found = network(encoding.to_shares(planes))
    return [np.asarray(one) for one in (found if isinstance(found, list) else [found])]


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_logits_stay_bit_for_bit_and_classes_scatter_evenly(
    wafers: tuple[np.ndarray, np.ndarray], kind: str
) -> None:
    planes, classes = wafers
    plain = small(kind)
    logits, embedding = outputs(with_embedding(plain, planes, classes), planes)
    assert np.array_equal(logits, outputs(plain, planes)[0])
    # Half the texture answers, the channels of both ReLU maps; few, so all of them are kept.
    assert embedding.shape == (len(planes), DIRECTIONS * len(PERIODS) // 2 + 3 + 4)
    scatter = np.mean([np.cov(embedding[classes == k], rowvar=False) for k in range(9)], axis=0)
    spread = np.linalg.eigvalsh(scatter)
    # Directions that hardly vary are held back; no other one is stretched or turned.
    assert spread.max() == pytest.approx(1, abs=5e-2)
    assert np.median(spread) > 0.3
    assert scatter == pytest.approx(np.diag(np.diag(scatter)), abs=2e-2)


def test_of_many_directions_those_of_least_scatter_are_kept(
    wafers: tuple[np.ndarray, np.ndarray],
) -> None:
    wafer = keras.Input((CELLS, CELLS, 2))
    maps = keras.layers.Conv2D(80, 3, strides=2, activation="relu")(wafer)
    wide = keras.Model(wafer, keras.layers.Dense(9)(keras.layers.GlobalAveragePooling2D()(maps)))
    _, embedding = outputs(with_embedding(wide, *wafers), wafers[0])
    assert embedding.shape[1] == round((10 + 80) * 2 / 3)
    scatter = np.mean([np.cov(embedding[wafers[1] == k], rowvar=False) for k in range(9)], axis=0)
    spread = np.diag(scatter)
    assert (np.diff(spread) > -2e-2).all()


def test_never_nine_coordinates(wafers: tuple[np.ndarray, np.ndarray]) -> None:
    """Which could not be told from the logits: the texture alone gives ten."""
    wafer = keras.Input((CELLS, CELLS, 2))
    flat = keras.layers.GlobalAveragePooling2D()(wafer)
    bare = keras.Model(wafer, keras.layers.Dense(9)(flat))
    _, embedding = outputs(with_embedding(bare, *wafers), wafers[0][:2])
    assert embedding.shape == (2, 10)


def test_tied_network_embeds_all_eight_views_alike(generated: LabelledSet) -> None:
    keras.utils.set_random_seed(0)
    tied = build("symmetric")
    from train.network.equivariant import written_out

    planes = np.stack([encoding.encode(generated.grid(index)) for index in range(0, 54, 2)])
    network = with_embedding(written_out(tied), planes, generated.class_indices()[::2])
    views = np.stack(
        [encoding.symmetry(planes[4:5], which)[0] for which in range(encoding.SYMMETRIES)]
    )
    for found in outputs(network, views):
        assert found == pytest.approx(np.tile(found[:1], (8, 1)), abs=2e-2)
    one, other = outputs(network, planes[[4, 20]])[1]
    assert np.abs(one - other).max() > 0.5


def test_a_channel_that_hardly_changes_gives_nothing() -> None:
    """Scaled to spread 1, a dead ReLU would be more than a runtime can rescale."""
    values = np.random.default_rng(0).uniform(0, 3, (50, 3)) * (1, 0, 1e-6)
    kernel, bias = _standardised(values, 1)
    found = values @ kernel + bias
    assert found[:, 0].std() == pytest.approx(1)
    assert not found[:, 1:].any()


def test_one_wafer_a_class_is_an_error(wafers: tuple[np.ndarray, np.ndarray]) -> None:
    planes, classes = wafers
    first = [int(np.flatnonzero(classes == k)[0]) for k in range(len(PATTERNS))]
    with pytest.raises(DataError, match="no class has two wafers"):
        with_embedding(small("functional"), planes[first], classes[first])


@pytest.mark.parametrize("size", [24, 26, 52])
def test_four_cells_read_as_one_give_the_same_texture(size: int) -> None:
    wafer, bank = keras.Input((size, size, 2)), texture_bank()
    seen, kernels, strides = _seen_by_texture(wafer)
    assert (seen is wafer) == bool(size % 4)

    def answers(tensor: Any, weights: np.ndarray, steps: Any) -> Any:
        count, sides = weights.shape[-1], weights.shape[:2]
        layer = keras.layers.Conv2D(count, sides, steps, padding="same", use_bias=False)
        found = layer(tensor)
        layer.set_weights([weights])
        return found

    both = keras.Model(wafer, [answers(wafer, bank, 4), answers(seen, kernels, strides)])
    shares = np.random.default_rng(0).random((3, size, size, 2), np.float32)
    plain, wide = (np.asarray(one) for one in both(shares))
    assert plain.shape == wide.shape
    assert wide == pytest.approx(plain, abs=1e-5)
    assert plain.std() > 0.01


def test_texture_bank_answers_to_repetition_alone() -> None:
    bank = texture_bank()
    assert bank.shape == (SIDE, SIDE, 2, DIRECTIONS * len(PERIODS))
    assert not bank[:, :, 1].any()  # where dies are is no texture
    assert bank[:, :, 0].sum(axis=(0, 1)) == pytest.approx(np.zeros(bank.shape[-1]), abs=1e-6)
    assert np.abs(bank).sum(axis=(0, 1, 2)) == pytest.approx(np.full(bank.shape[-1], 2), abs=1e-5)
    noise = np.random.default_rng(0).random((200, SIDE, SIDE))
    x = np.arange(SIDE) - (SIDE - 1) / 2
    for place, period in enumerate(PERIODS):  # the first direction: across
        lattice = np.tile((1 + np.cos(2 * np.pi * x / period)) / 2, (SIDE, 1))
        answer = (lattice[..., np.newaxis] * bank[:, :, 0]).sum(axis=(0, 1))
        assert answer.argmax() < len(PERIODS)
        scattered = np.tensordot(noise, bank[:, :, 0, place], 2)
        assert answer[place] > 2 * np.abs(scattered).max()
