"""Float against int8, layer by layer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from convert.report.activation_recorder import ActivationRecorder
from convert.report.evidence import plain
from convert.report.layer_match import MatchedBy, layer_names, match
from convert.report.layers import Comparison, Layer, compare
from edge.errors import DataError, ModelError
from edge.model import flatbuffer
from edge.model.network import Network
from edge.model.runtime import start
from edge.wafer import encoding
from tests.support.tiny_networks import (
    CHANNEL_RANGES,
    CHANNELS,
    CLASSES,
    LARGE_WEIGHT,
    random_wafers,
    tiny_pair,
)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    pair = tiny_pair()
    return compare(pair.float_content, pair.int8_content, pair.wafers)


def of_kind(comparison: Comparison, operator: str) -> Layer:
    (layer,) = [layer for layer in comparison.layers if layer.operator == operator]
    return layer


def renamed(of: Network) -> Network:
    """The same network with other tensor names."""
    tensors = {i: replace(tensor, name=f"other{i}") for i, tensor in of.tensors.items()}
    return replace(of, tensors=tensors)


def test_every_layer_of_both_outputs_is_there(comparison: Comparison) -> None:
    assert (comparison.float_only, comparison.int8_only) == ((), ())
    assert comparison.wafers == len(tiny_pair().wafers)
    shapes = {layer.operator: layer.shape for layer in comparison.layers}
    assert shapes["FULLY_CONNECTED"] == (1, CLASSES)
    assert shapes["MUL"] == (1, CHANNELS)
    stems = [layer.name.partition("_")[0] for layer in comparison.layers if layer.weights]
    assert stems == ["stem", "deep", "logits"]
    record = json.loads(json.dumps(plain(comparison), allow_nan=False))
    assert record["layers"][0]["weights"]["channels"] == CHANNELS


def test_error_of_the_logits_is_that_of_the_two_networks(comparison: Comparison) -> None:
    """Worked out a second way: from nothing but the outputs of two plain interpreters."""
    pair = tiny_pair()
    answers = []
    for content, feed in (
        (pair.float_content, encoding.to_shares(pair.wafers)),
        (pair.int8_content, encoding.to_int8(pair.wafers)),
    ):
        interpreter = start(content).interpreter
        (entry,) = interpreter.get_input_details()
        exits = interpreter.get_output_details()
        (exit_,) = [tensor for tensor in exits if tensor["shape"][1] == CLASSES]
        found = []
        for wafer in feed:
            interpreter.set_tensor(entry["index"], wafer[np.newaxis])
            interpreter.invoke()
            found.append(interpreter.get_tensor(exit_["index"])[0].astype(np.float64))
        answers.append(np.asarray(found))
        scale, zero_point = exit_["quantization"]
    layer = of_kind(comparison, "FULLY_CONNECTED")
    real, steps = answers
    error = (steps - zero_point) * scale - real
    assert (layer.scale, layer.zero_point) == (pytest.approx(scale), zero_point)
    # Kernels may differ by a step.
    assert layer.rmse_steps == pytest.approx(np.sqrt((error**2).mean()) / scale, rel=0.05)
    assert layer.sqnr_db == pytest.approx(10 * np.log10((real**2).sum() / (error**2).sum()), abs=1)
    assert layer.minimum == pytest.approx(real.min(), rel=1e-4)
    assert layer.maximum == pytest.approx(real.max(), rel=1e-4)


def test_weights(comparison: Comparison) -> None:
    stem = of_kind(comparison, "CONV_2D").weights
    assert stem is not None
    assert stem.per_channel
    assert stem.channel_ratio == pytest.approx(CHANNEL_RANGES[0] / CHANNEL_RANGES[2])
    assert stem.dead_channels == CHANNEL_RANGES.count(0.0)
    dense = of_kind(comparison, "FULLY_CONNECTED").weights
    assert dense is not None
    assert not dense.per_channel
    assert (dense.channels, dense.maximum) == (CLASSES, LARGE_WEIGHT)
    deep = of_kind(comparison, "DEPTHWISE_CONV_2D").weights
    assert deep is not None
    assert deep.channels == CHANNELS
    assert of_kind(comparison, "ADD").weights is None


def test_saturation_is_seen_on_brighter_wafers_alone(comparison: Comparison) -> None:
    pair = tiny_pair()
    brighter = compare(pair.float_content, pair.int8_content, random_wafers(8, seed=9))
    assert of_kind(comparison, "CONV_2D").saturated == 0  # many zeros, at the range's lower end
    bright = of_kind(brighter, "CONV_2D")
    assert 0.01 < bright.saturated < 0.5
    assert bright.maximum > (127 - bright.zero_point) * bright.scale


def test_layers_with_other_names_are_found_by_position() -> None:
    real, int8 = (
        flatbuffer.read(tiny_pair().float_content),
        flatbuffer.read(tiny_pair().int8_content),
    )
    expected = [(pair.float_operator, pair.int8_operator) for pair in match(real, int8)]
    found = match(real, renamed(int8))
    assert [(pair.float_operator, pair.int8_operator) for pair in found] == expected
    assert {pair.matched_by for pair in found} == {MatchedBy.POSITION}
    assert len(set(layer_names(renamed(real)).values())) == len(real.operators)


def test_a_layer_without_counterpart_is_never_paired_with_another() -> None:
    """Twice the dense layer in the float network: nothing tells which one is the int8 one."""
    real, int8 = (
        flatbuffer.read(tiny_pair().float_content),
        flatbuffer.read(tiny_pair().int8_content),
    )
    twice = replace(real, operators=(*real.operators, replace(real.operators[-1], index=99)))
    kinds = [pair.float_operator.name for pair in match(twice, renamed(int8))]
    assert "FULLY_CONNECTED" not in kinds
    assert len(kinds) == len(int8.operators) - 1


def test_what_cannot_be_compared_is_refused() -> None:
    pair = tiny_pair()
    with pytest.raises(ModelError, match="no layer in common"):
        compare(pair.int8_content, pair.float_content, pair.wafers)
    with pytest.raises(DataError, match="no wafer"):
        compare(pair.float_content, pair.int8_content, pair.wafers[:0])
    with pytest.raises(DataError, match="the network takes"):
        compare(pair.float_content, pair.int8_content, pair.wafers[:, :4])
    with pytest.raises(DataError, match="the network takes"):
        ActivationRecorder(pair.float_content).check(encoding.to_int8(pair.wafers))  # type: ignore[arg-type]
