"""Networks that int8 cannot hold: constructed, not trained, so the trouble is known exactly."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convert.quantise import Calibration
from edge.model.runtime import start
from edge.wafer import encoding

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

SIDE = 16
CLASSES = 9

#: How much larger the enormous channel is than the others.
FACTOR = 60


@dataclass(frozen=True)
class Case:
    """A network, wafers to calibrate on, to learn on and to judge on."""

    network: Any
    calibration: Calibration
    wafers: npt.NDArray[np.uint8]
    judged: npt.NDArray[np.uint8]

    def wanted(self) -> npt.NDArray[np.float32]:
        """Logits of the float network."""
        outputs = keras.tree.flatten(self.network(encoding.to_shares(self.judged)))
        return np.asarray(outputs[0])

    def found(self, content: bytes) -> npt.NDArray[np.float32]:
        """Logits of a file, which must take what a station feeds and give int8."""
        interpreter = start(content).interpreter
        (entry,) = interpreter.get_input_details()
        assert entry["dtype"] == np.int8
        assert entry["quantization"] == pytest.approx((1 / 255, -128), rel=1e-5)
        outputs = interpreter.get_output_details()
        assert len(outputs) == len(self.network.outputs)
        assert all(output["dtype"] == np.int8 for output in outputs)
        (logits,) = [output for output in outputs if output["shape"][-1] == CLASSES]
        scale, zero_point = logits["quantization"]
        rows = []
        for plane in self.judged:
            interpreter.set_tensor(entry["index"], encoding.to_int8(plane)[np.newaxis])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(logits["index"])[0].astype(np.float32))
        return (np.stack(rows) - zero_point) * scale

    def error(self, content: bytes) -> float:
        """Root mean square error of the logits, as a share of their spread over the wafers."""
        wanted = self.wanted()
        return float(np.sqrt(((self.found(content) - wanted) ** 2).mean() / wanted.var(0).mean()))


def tiny(*, outputs: int) -> Any:
    """Convolution, batch norm, ReLU, convolution, both poolings, dense; seeded weights."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    inputs = keras.Input((SIDE, SIDE, 2), name="wafer")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="one")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu", name="two")(x)
    pooled = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    embedding = layers.Concatenate(name="embedding")(pooled)
    x = layers.Dropout(0.1)(embedding)
    logits = layers.Dense(CLASSES, name="logits")(x)
    network = keras.Model(inputs, [logits, embedding][:outputs])
    rng = np.random.default_rng(0)
    network.get_layer("norm").set_weights(
        [rng.uniform(0.5, 1.5, 8), *rng.normal(0, 0.2, (2, 8)), rng.uniform(0.5, 1.5, 8)]
    )
    return network


def blocks(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Wafers of random blocks; no cell is full in one plane and empty in the other."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(30, 220, (count, 4, 4, 2)).repeat(SIDE // 4, 1).repeat(SIDE // 4, 2)
    return np.clip(coarse + rng.normal(0, 8, coarse.shape), 10, 245).astype(np.uint8)


def spanning(planes: npt.NDArray[np.uint8]) -> Calibration:
    """The wafers with one cell that is full and empty, so that the input range is whole."""
    planes[0, 5, 5] = 255, 0
    return Calibration(np.arange(len(planes)), planes, {})


def enormous_channel(outputs: int) -> Case:
    """One channel times ``FACTOR``, which the next layer takes back: same function, same logits."""
    network = tiny(outputs=outputs)
    gamma, beta, *rest = network.get_layer("norm").get_weights()
    kernel, bias = network.get_layer("two").get_weights()
    gamma[0] *= FACTOR
    beta[0] *= FACTOR
    kernel[:, :, 0] /= FACTOR
    network.get_layer("norm").set_weights([gamma, beta, *rest])
    network.get_layer("two").set_weights([kernel, bias])
    return Case(network, spanning(blocks(60, 1)), blocks(300, 2), blocks(100, 3))


@pytest.fixture(scope="session")
def enormous() -> Case:
    """Two outputs and an enormous channel."""
    return enormous_channel(outputs=2)


@pytest.fixture(scope="session")
def enormous_of_one_output() -> Case:
    """The same with logits alone."""
    return enormous_channel(outputs=1)


@pytest.fixture(scope="session")
def rare() -> Case:
    """A channel that shoots up at the one cell in a calibration wafer, and that nothing reads."""
    network = tiny(outputs=2)
    kernel = network.get_layer("one").get_weights()[0]
    kernel[..., 0] = 0
    kernel[1, 1, :, 0] = 3000, -3000
    gamma, beta, mean, variance = network.get_layer("norm").get_weights()
    gamma[0], beta[0], mean[0], variance[0] = 1, -2910, 0, 1
    network.get_layer("one").set_weights([kernel])
    network.get_layer("norm").set_weights([gamma, beta, mean, variance])
    after, bias = network.get_layer("two").get_weights()
    after[:, :, 0] = 0
    network.get_layer("two").set_weights([after, bias])
    return Case(network, spanning(blocks(60, 1)), blocks(600, 2), blocks(100, 3))


@pytest.fixture(scope="session")
def pale() -> Case:
    """A sound network whose calibration wafers are paler than the ones it will see."""
    faint = spanning((blocks(40, 1) // 8 + 100).astype(np.uint8))
    return Case(tiny(outputs=2), faint, blocks(300, 2), blocks(100, 3))
