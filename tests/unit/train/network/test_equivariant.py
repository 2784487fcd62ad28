"""Tied convolutions: one answer for all eight views, before and after they are written out."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.wafer.encoding import SYMMETRIES, symmetry
from train.batches import encode_all

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def network() -> Any:
    """Untrained, but with batch norms as if it were: fresh ones would do nothing at all."""
    from train.network import networks
    from train.network.equivariant import TiedBatchNormalization

    keras.utils.set_random_seed(0)
    model = networks.build("symmetric", dropout=0.1)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, TiedBatchNormalization):
            channels = layer.gamma.shape[0]
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.5, channels),
                    rng.normal(0, 0.3, channels),
                    rng.normal(0, 0.3, channels),
                    rng.uniform(0.5, 2.0, channels),
                ]
            )
    for layer in model.layers:
        if layer.__class__.__name__ == "TiedDense":
            kernel, bias = layer.get_weights()
            layer.set_weights([10 * kernel, rng.normal(0, 1, bias.shape)])
    return model


@pytest.fixture(scope="module")
def shares(generated: LabelledSet) -> np.ndarray:
    few = generated.select(np.arange(0, 54, 9))
    return encode_all(few).planes.astype(np.float32) / np.float32(255)


def logits(model: Any, shares: np.ndarray) -> np.ndarray:
    return np.asarray(model(np.ascontiguousarray(shares), training=False))


def test_same_logits_for_all_eight_views(network: Any, shares: np.ndarray) -> None:
    upright = logits(network, shares)
    assert upright.std(axis=0).max() > 0.05  # it does tell wafers apart
    for which in range(1, SYMMETRIES):
        turned = logits(network, symmetry(shares, which))
        assert np.abs(turned - upright).max() < 1e-4 * max(1, np.abs(upright).max())


def test_of_another_layout_they_are_the_same_as_well(shares: np.ndarray) -> None:
    from train.network import networks
    from train.network.layout import layout_of

    keras.utils.set_random_seed(0)
    layout = layout_of("symmetric", (2, 3, 3, 4), (1, 0, 2, 0), (2, 1, 2, 3), 6)
    other = networks.build("symmetric", layout=layout)
    upright = logits(other, shares)
    assert upright.std(axis=0).max() > 1e-4
    for which in range(1, SYMMETRIES):
        apart = np.abs(logits(other, symmetry(shares, which)) - upright).max()
        assert apart < 1e-4 * np.abs(upright).max()


def test_written_out_it_is_the_same_network_of_plain_layers(
    network: Any, shares: np.ndarray
) -> None:
    from train.network.equivariant import written_out

    plain = written_out(network)
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}
    before, after = logits(network, shares), logits(plain, shares)
    assert np.abs(after - before).max() < 1e-4 * max(1, np.abs(before).max())
    assert plain.count_params() > 4 * network.count_params()
    assert written_out(plain) is plain


def test_relative_table_is_the_groups_own() -> None:
    """``RELATIVE[h, g]`` is inverse(h) * g: each row a permutation, the diagonal the identity."""
    from train.network.equivariant import RELATIVE

    assert np.array_equal(RELATIVE[0], np.arange(SYMMETRIES))
    assert np.all(np.diag(RELATIVE) == 0)
    for row in (*RELATIVE, *RELATIVE.T):
        assert sorted(row.tolist()) == list(range(SYMMETRIES))
    probe = np.arange(16).reshape(1, 4, 4)
    for h in range(SYMMETRIES):
        for g in range(SYMMETRIES):
            product = symmetry(symmetry(probe, int(RELATIVE[h, g])), h)
            assert np.array_equal(product, symmetry(probe, g))
