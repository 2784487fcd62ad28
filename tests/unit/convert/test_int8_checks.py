"""What is inside a converted network: tiny ones, right and wrong."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from convert.int8_checks import inspect
from convert.quantise import Calibration, quantise
from edge.errors import ModelError
from edge.wafer import encoding
from edge.wafer.encoding import to_shares

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

SIDE = 8


@pytest.fixture(scope="module")
def network() -> Any:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    wafer = keras.Input((SIDE, SIDE, 2))
    embedding = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(wafer))
    return keras.Model(wafer, [layers.Dense(9)(embedding), embedding])


def calibration(low: int, high: int) -> Calibration:
    planes = np.random.default_rng(0).integers(low, high + 1, (20, SIDE, SIDE, 2)).astype(np.uint8)
    planes[0, 0, 0], planes[1, 0, 0] = low, high
    return Calibration(np.arange(20), planes, {})


@pytest.fixture(scope="module")
def right(network: Any) -> bytes:
    return quantise(network, calibration(0, 255))


def test_right_one_passes(right: bytes) -> None:
    found = inspect(right, 9)
    assert found.input.scale == pytest.approx(encoding.INPUT_SCALE, rel=1e-5)
    assert found.input.zero_point == encoding.INPUT_ZERO_POINT
    assert found.operators["CONV_2D"] == 1
    assert found.operators["FULLY_CONNECTED"] == 1
    assert found.output.scale > 0
    assert found.embedding.scale > 0
    assert found.embedding.size == 4


def test_right_one_follows_the_float_network(network: Any, right: bytes) -> None:
    """To within the rounding of int8, on the very wafers that set the ranges."""
    from edge.model.runtime import start

    interpreter = start(right).interpreter
    planes = calibration(0, 255).planes
    outputs = {len(wanted[0]): wanted for wanted in map(np.asarray, network(to_shares(planes)))}
    for number, plane in enumerate(planes):
        place = interpreter.get_input_details()[0]["index"]
        interpreter.set_tensor(place, encoding.to_int8(plane)[np.newaxis])
        interpreter.invoke()
        for output in interpreter.get_output_details():
            found = interpreter.get_tensor(output["index"])[0]
            scale, zero_point = output["quantization"]
            wanted = outputs[len(found)][number]
            assert (found - float(zero_point)) * scale == pytest.approx(wanted, abs=6 * scale)


def test_same_network_and_wafers_same_bytes(network: Any, right: bytes) -> None:
    assert quantise(network, calibration(0, 255)) == right


def test_dense_layer_has_one_scale(right: bytes) -> None:
    """Microcontroller runtimes refuse a scale a row there."""
    from tensorflow.lite.python.interpreter import Interpreter

    interpreter = Interpreter(model_content=right)
    interpreter.allocate_tensors()
    weights = [t for t in interpreter.get_tensor_details() if tuple(t["shape"]) == (9, 4)]
    assert [len(t["quantization_parameters"]["scales"]) for t in weights] == [1]


def test_wrong_calibration_range_is_refused_naming_the_scale(network: Any) -> None:
    with pytest.raises(ModelError, match=r"input has scale 0\.0019\d+ .* calibrated on another"):
        inspect(quantise(network, calibration(0, 127)), 9)


@pytest.mark.parametrize("sizes", [(9,), (9, 9), (9, 4, 5), (8, 4)], ids=str)
def test_other_outputs_than_logits_and_embedding_are_refused(sizes: tuple[int, ...]) -> None:
    """An embedding of nine coordinates could not be told from the logits."""
    layers = keras.layers
    wafer = keras.Input((SIDE, SIDE, 2))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(wafer))
    network = keras.Model(wafer, [layers.Dense(size)(pooled) for size in sizes])
    with pytest.raises(ModelError, match="not 9 logits and an embedding"):
        inspect(quantise(network, calibration(0, 255)), 9)


def converted(network: Any, *, dynamic: bool) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if dynamic:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    content: bytes = converter.convert()
    return content


@pytest.mark.parametrize("dynamic", [False, True], ids=["float", "int8 weights only"])
def test_float_network_is_refused(network: Any, dynamic: bool) -> None:
    with pytest.raises(ModelError, match="is float32: not all of the network was quantised"):
        inspect(converted(network, dynamic=dynamic), 9)


def test_foreign_operator_is_refused() -> None:
    """A TensorFlow operator without a builtin: no station and no microcontroller has it."""
    import tensorflow as tf

    class Odd(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 2, 2), tf.float32)])
        def __call__(self, x: Any) -> Any:
            return tf.raw_ops.MatrixDeterminant(input=x)

    odd = Odd()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [odd.__call__.get_concrete_function()], odd
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    with pytest.raises(ModelError, match="builtin operator"):
        inspect(converter.convert(), 9)
