"""Small int8 networks of chosen layers, and what TFLite's reference kernels make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.model.runtime import Kernels, start
from edge.system.native_log import silence_native_output

Bytes = npt.NDArray[np.int8]


def convert(
    build: Callable[[Any], Any], *, per_channel_dense: bool = False, seed: int = 0
) -> bytes:
    """An untrained Keras model as a full int8 ``.tflite``.

    Args:
        build: Makes it of the ``keras`` module that TensorFlow has.
        per_channel_dense: Give dense layers a scale an output.
        seed: Of its weights and of the noise that calibrates it.
    """
    import tensorflow as tf

    with silence_native_output():
        tf.keras.utils.set_random_seed(seed)
        model = build(tf.keras)
        _spread(model, seed)
        shape = (1, *model.input_shape[1:])

        def noise() -> Iterator[list[npt.NDArray[np.float32]]]:
            rng = np.random.default_rng(seed)
            for _ in range(4):
                yield [rng.random(shape, np.float32)]

        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = noise
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel_quantization_for_dense_layers = (
            not per_channel_dense
        )
        content: bytes = converter.convert()
    return content


def _spread(model: Any, seed: int) -> None:
    """Biases that are not 0, and a scale a channel that differs from channel to channel."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        weights = layer.get_weights()
        if len(weights) == 2:
            kernel, bias = weights
            layer.set_weights(
                [kernel * rng.uniform(0.2, 2, kernel.shape[-1]), rng.normal(0, 0.3, bias.shape)]
            )


class Reference:
    """A ``.tflite`` on the reference kernels."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = start(content, kernels=Kernels.REFERENCE).interpreter
        self._input = self._interpreter.get_input_details()[0]["index"]
        self.shape: tuple[int, ...] = tuple(
            self._interpreter.get_input_details()[0]["shape"].tolist()
        )

    def __call__(self, wafer: Bytes, tensors: list[int]) -> list[Bytes]:
        """Values of output tensors for one input."""
        self._interpreter.set_tensor(self._input, wafer.reshape(self.shape))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(tensor).reshape(-1) for tensor in tensors]
