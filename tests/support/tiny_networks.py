"""A tiny network with two outputs, as float and as int8 ``.tflite``.

Its int8 form has one weak layer by design: a large weight in the dense layer, which has one scale
for all its weights, meets an input that is always zero. The answers of the float network are as if
the weight were not there; the int8 dense layer has few steps left for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.system.native_log import silence_native_output
from edge.wafer import encoding

SIDE: Final = 8
CHANNELS: Final = 4
CLASSES: Final = 9
#: Largest absolute weight of each channel of the first layer; the last channel is dead.
CHANNEL_RANGES: Final = (1.0, 0.5, 0.25, 0.0)
#: The dense layer's weight that meets the dead channel.
LARGE_WEIGHT: Final = 60.0


@dataclass(frozen=True)
class TinyPair:
    """Both forms of the network, and encoded wafers that calibrated the int8 one."""

    float_content: bytes
    int8_content: bytes
    wafers: npt.NDArray[np.uint8]


def random_wafers(count: int, seed: int, top: int = 256) -> npt.NDArray[np.uint8]:
    """Encoded wafers, uint8 (count, SIDE, SIDE, 2), of bytes under ``top``; one corner is 255."""
    wafers = np.random.default_rng(seed).integers(0, top, (count, SIDE, SIDE, 2), dtype=np.uint8)
    wafers[:, 0, 0] = 255
    wafers[:, 0, 1] = 0
    return wafers


@lru_cache(maxsize=1)
def tiny_pair() -> TinyPair:
    """Convert the network: a convolution and a depthwise one, their sum, two outputs.

    The embedding, an output, feeds the last operator, which makes the other output, the logits.
    """
    import tensorflow as tf

    rng = np.random.default_rng(4)
    with silence_native_output():
        keras = tf.keras
        wafer = keras.Input((SIDE, SIDE, 2), name="wafer")
        stem = keras.layers.Conv2D(CHANNELS, 3, strides=2, padding="same", name="stem")(wafer)
        stem = keras.layers.ReLU(name="stem_relu")(stem)
        deep = keras.layers.DepthwiseConv2D(3, padding="same", name="deep")(stem)
        both = keras.layers.Add(name="both")([stem, deep])
        mean = keras.layers.GlobalAveragePooling2D(name="mean")(both)
        peak = keras.layers.GlobalMaxPooling2D(name="peak")(both)
        embedding = keras.layers.Multiply(name="embedding")([mean, peak])
        logits = keras.layers.Dense(CLASSES, name="logits")(embedding)
        model = keras.Model(wafer, [logits, embedding])
        kernel = rng.uniform(-1, 1, (3, 3, 2, CHANNELS))
        kernel *= np.asarray(CHANNEL_RANGES) / np.abs(kernel).max(axis=(0, 1, 2))
        model.get_layer("stem").set_weights([kernel, np.zeros(CHANNELS)])
        deep_kernel = rng.uniform(-0.3, 0.3, (3, 3, CHANNELS, 1))
        model.get_layer("deep").set_weights([deep_kernel, np.zeros(CHANNELS)])
        dense = rng.uniform(-4, 4, (CHANNELS, CLASSES))
        dense[CHANNELS - 1, 0] = LARGE_WEIGHT
        model.get_layer("logits").set_weights([dense, np.zeros(CLASSES)])
        wafers = random_wafers(24, seed=5, top=160)
        return TinyPair(_convert(model, None), _convert(model, wafers), wafers)


def _convert(model: Any, wafers: npt.NDArray[np.uint8] | None) -> bytes:
    """Float without calibration wafers, else full int8 as ``wm-edge convert`` sets it up."""
    import tensorflow as tf

    def calibration() -> Iterator[list[npt.NDArray[np.float32]]]:
        for wafer in wafers if wafers is not None else ():
            yield [encoding.to_shares(wafer[np.newaxis])]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if wafers is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    content: bytes = converter.convert()
    return content
