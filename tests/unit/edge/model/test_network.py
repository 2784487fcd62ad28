"""What is inside a network, against figures worked out by hand."""

from __future__ import annotations

import json

import pytest

from edge.errors import ModelError
from edge.model import flatbuffer
from edge.system.shipped import shipped_path
from tests.support.tiny_networks import CHANNELS, CLASSES, SIDE, tiny_pair

HALF = SIDE // 2
STEM = HALF * HALF * CHANNELS  # values of an activation after the first layer
STEM_MACS = STEM * 3 * 3 * 2
DEEP_MACS = STEM * 3 * 3
DENSE_MACS = CHANNELS * CLASSES
WEIGHTS = 3 * 3 * 2 * CHANNELS + 3 * 3 * CHANNELS + CHANNELS * CLASSES


def test_multiply_accumulates_of_each_operator() -> None:
    for content in (tiny_pair().float_content, tiny_pair().int8_content):
        read = flatbuffer.read(content)
        by_name = {operator.name: operator.macs for operator in read.operators}
        assert by_name == {
            "CONV_2D": STEM_MACS,
            "DEPTHWISE_CONV_2D": DEEP_MACS,
            "ADD": 0,
            "MEAN": 0,
            "REDUCE_MAX": 0,
            "MUL": 0,
            "FULLY_CONNECTED": DENSE_MACS,
        }
        assert read.macs == STEM_MACS + DEEP_MACS + DENSE_MACS
        assert read.operator_counts == dict.fromkeys(by_name, 1)


def test_bytes_of_weights_and_activations() -> None:
    """At the sum, the first layer's output still lives beside the second's and the sum."""
    real = flatbuffer.read(tiny_pair().float_content)
    int8 = flatbuffer.read(tiny_pair().int8_content)
    biases = real.parameters - WEIGHTS
    assert 0 < biases <= 2 * CHANNELS + CLASSES  # equal ones are shared, zeros are left out
    assert real.weights_bytes == 4 * real.parameters
    assert int8.weights_bytes == WEIGHTS + 4 * (int8.parameters - WEIGHTS)
    assert (real.peak_activation_bytes, int8.peak_activation_bytes) == (3 * STEM * 4, 3 * STEM)


def test_tensors_are_told_apart() -> None:
    read = flatbuffer.read(tiny_pair().int8_content)
    (entry,) = read.inputs
    assert read.tensors[entry].shape == (1, SIDE, SIDE, 2)
    assert (read.tensors[entry].scale, read.tensors[entry].zero_point) == (
        pytest.approx(1 / 255),
        -128,
    )
    assert {read.tensors[index].shape for index in read.outputs} == {(1, CLASSES), (1, CHANNELS)}
    stem = read.operators[0]
    weights = read.weights(stem)
    assert weights is not None
    assert weights.constant
    assert len(weights.scales) == CHANNELS
    with pytest.raises(ModelError, match=f"{CHANNELS} scales, one is needed"):
        _ = weights.scale
    assert read.weights(read.operators[2]) is None  # the sum
    assert not read.tensors[stem.outputs[0]].constant


def test_the_metadata_behind_a_network_changes_nothing() -> None:
    content = shipped_path().read_bytes()
    read = flatbuffer.read(content)
    assert read == flatbuffer.read(content + b"anything")
    assert read.macs > read.parameters > 0
    assert read.weights_bytes < len(content)
    record = json.loads(json.dumps(read.as_dict(), allow_nan=False))
    assert record["macs"] == sum(operator["macs"] for operator in record["operators"])
