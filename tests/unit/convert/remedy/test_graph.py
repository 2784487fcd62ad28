"""The float network with its batch norms folded and its ranges in it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

SHARES = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> Any:
    """Norms behind each kind of linear layer, behind none, and behind one that others read too."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="after_conv")(x))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="depthwise")(x)
    x = layers.BatchNormalization(scale=False, name="after_depthwise")(x)
    y = layers.Conv2D(8, 1, name="shared")(x)
    z = layers.BatchNormalization(name="beside")(y)
    x = layers.Activation("relu", name="sum_relu")(layers.Add(name="sum")([y, z]))
    x = layers.MaxPooling2D(2, name="pool")(x)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dense(9, name="dense")(layers.Dropout(0.5, name="dropout")(embedding))
    logits = layers.BatchNormalization(center=False, name="after_dense")(x)
    made = keras.Model(inputs, [logits, embedding])
    rng = np.random.default_rng(1)
    for layer in made.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    return made


def names(network: Any) -> list[str]:
    return [layer.name for layer in network.layers[1:]]


def test_folding_keeps_the_function_and_the_order_of_the_outputs(network: Any) -> None:
    from convert.remedy.graph import folded

    found = folded(network)
    assert not {"after_conv", "after_depthwise", "after_dense", "dropout"} & set(names(found))
    assert "beside" in names(found), "its convolution is read by another layer as well"
    for one, two in zip(network(SHARES), found(SHARES), strict=True):
        assert np.asarray(two) == pytest.approx(np.asarray(one), rel=1e-4, abs=1e-5)


def test_a_norm_behind_an_activation_is_not_folded_into_its_layer() -> None:
    from convert.remedy.graph import folded

    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
        ]
    )
    network.layers[1].set_weights([np.full(3, value) for value in (2.0, 1.0, 0.1, 0.5)])
    found = folded(network)
    assert len(names(found)) == 2
    assert np.asarray(found(SHARES)) == pytest.approx(np.asarray(network(SHARES)), abs=1e-5)


def test_points_are_what_int8_rounds(network: Any) -> None:
    """Not a layer with a ReLU behind it, which is fused, nor pooling, which keeps its scale."""
    from convert.remedy.graph import folded, outputs, points

    plain = folded(network)
    wanted = ["relu", "depthwise", "shared", "beside", "sum_relu", "embedding", "dense"]
    assert points(plain) == wanted
    assert outputs(plain) == {"embedding", "dense"}


@pytest.mark.parametrize("movable", [False, True])
def test_ranges_round_to_256_levels_and_clip(network: Any, movable: bool) -> None:
    from convert.remedy.graph import activations, folded, with_ranges

    plain = folded(network)
    rounded = with_ranges(plain, {"relu": (0.0, 0.51)}, movable=movable)
    planes = (SHARES * 255).astype(np.uint8)
    (found,) = activations(rounded, ["relu", "relu_int8"], planes)
    wanted = np.clip(np.round(found["relu"] / 0.002) * 0.002, 0, 0.51)
    assert found["relu"].max() > 0.6
    assert found["relu_int8"] == pytest.approx(wanted, abs=1e-5)
    assert rounded.get_layer("relu_int8").moved() == pytest.approx((0.0, 0.51))


def test_outputs_keep_their_whole_range_whatever_clips(network: Any) -> None:
    from convert.remedy.clipping import measure, ranges
    from convert.remedy.graph import folded

    plain = folded(network)
    measured = measure(plain, (SHARES * 255).astype(np.uint8))
    found = ranges(plain, measured, lambda _: (0.0, 0.125))
    whole = {name: (measured[name].lowest, measured[name].highest) for name in measured}
    assert {name for name in found if found[name] == whole[name]} == {"embedding", "dense"}
    assert found["relu"] == (0.0, 0.125)
