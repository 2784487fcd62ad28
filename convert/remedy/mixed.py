"""Float or 16-bit arithmetic where int8 costs most, by ai-edge-quantizer's selective recipes.

Float comes first: on a station XNNPACK runs it, at a few times what int8 takes, while 16-bit
activations go through reference kernels that take a hundred times as long. 16 bits are for
microcontrollers without a floating point unit.

What suffers from int8 is an activation, and it is spared only if the operator that writes it and
all that read it are. So activations are ranked, not operators: how much of the error goes when
everything around one of them is left in float. (The sensitivity in the quantization report is one
of operators.)

Input and outputs stay int8, so that a station feeds and reads such a file like any other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convert.quantise import Calibration, thinned, to_float_tflite
from convert.remedy import graph
from convert.remedy.graph_rewrite import mended
from convert.report.activation_recorder import ActivationRecorder, Range
from convert.report.selective import statistics
from edge.model.float_network import LogitsNetwork
from edge.model.network import Network
from edge.system.choice import Choice
from edge.system.native_log import silence_native_output

if TYPE_CHECKING:
    from convert.remedy.search import Build

#: How many of the worst activations are spared, one trial after another.
SPARED = (1, 3)

#: Wafers that rank the activations.
_RANKED_ON = 60


class Arithmetic(Choice):
    """What an operator computes in; weights are int8 in the first two."""

    INT8 = "int8"
    INT16 = "16x8"
    FLOAT = "float"


_BITS = {Arithmetic.INT8: 8, Arithmetic.INT16: 16}


@dataclass(frozen=True)
class Ranged:
    """A float ``.tflite``, what is inside, and what its activations reach; its logits."""

    content: bytes
    inside: Network
    ranges: dict[str, Range]
    patterns: int


def remedies(float_network: keras.Model, calibration: Calibration) -> Iterator[tuple[str, Build]]:
    """The worst activations in float, then in 16 bits, at last the whole network in 16 bits.

    The wafers set ranges and rank activations.
    """

    @functools.cache
    def base() -> Ranged:
        return ranged(float_network, calibration.planes)

    @functools.cache
    def ranked() -> list[set[int]]:
        return rank(base(), thinned(calibration.planes, _RANKED_ON))

    def spare(count: int, arithmetic: Arithmetic) -> tuple[bytes, str]:
        chosen = set().union(*ranked()[:count])
        operators = [op for op in base().inside.operators if op.index in chosen]
        listed = ", ".join(f"{op.name} {op.index + 1}" for op in operators)
        content = quantised(base(), dict.fromkeys(chosen, arithmetic))
        return content, f"{arithmetic}: {listed} of {len(base().inside.operators)} operators"

    for arithmetic in (Arithmetic.FLOAT, Arithmetic.INT16):
        for count in SPARED:
            words = f"{count} most sensitive activation{'s' if count > 1 else ''}"
            yield f"{words} in {arithmetic}", functools.partial(spare, count, arithmetic)
    yield (
        "everything in 16x8",
        lambda: (quantised(base(), {}, rest=Arithmetic.INT16), "every operator"),
    )


def ranged(float_network: keras.Model, planes: npt.NDArray[np.uint8]) -> Ranged:
    """Convert a folded network to float ``.tflite`` and see what its activations reach.

    The input's range is that of the encoding, 0 to 1, whatever the wafers hold.
    """
    content = to_float_tflite(_pooled(float_network))
    recorder = ActivationRecorder(content)
    reached = recorder.ranges(planes) | {recorder.input.name: (0.0, 1.0)}
    return Ranged(content, recorder.network, reached, int(float_network.outputs[0].shape[-1]))


def _pooled(float_network: keras.Model) -> keras.Model:
    """One wafer at a time, global max pooling as ordinary max pooling.

    ai-edge-quantizer leaves REDUCE_MAX in float, and what computes the shape of a batch too.
    """

    def call(layer: layers.Layer, *values: Any, **options: Any) -> Any:
        if not isinstance(layer, layers.GlobalMaxPooling2D):
            return layer(*values, **options)
        _, rows, columns, channels = values[0].shape
        pooled = layers.MaxPooling2D((rows, columns), name=layer.name)(values[0])
        return pooled if layer.keepdims else layers.Reshape((channels,))(pooled)

    one = keras.Input(batch_shape=(1, *float_network.input_shape[1:]), name="wafer")
    return graph.copy(float_network, call, one)


def quantised(
    base: Ranged,
    special: dict[int, Arithmetic],
    rest: Arithmetic = Arithmetic.INT8,
) -> bytes:
    """Quantise, some operators otherwise than the rest.

    Args:
        base: The float network with its ranges.
        special: Operator number -> its arithmetic.
        rest: Arithmetic of all others. Input and outputs are int8 in any case.

    Returns:
        A bare ``.tflite``.
    """
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.quantizer import AlgorithmName, Quantizer

    quantizer = Quantizer(base.content)
    _add(quantizer, ".*", rest)
    for index, arithmetic in special.items():
        output = base.inside.tensors[base.inside.operators[index].outputs[0]]
        scope = f"^{re.escape(output.name)};$"
        if arithmetic is Arithmetic.FLOAT:
            quantizer.update_quantization_recipe(
                scope, TFLOperationName.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE
            )
        else:
            _add(quantizer, scope, arithmetic)
    # Last, and under a scope of its own: the network's output has the name of the operator before.
    for side in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
        quantizer.add_static_config("", side, _BITS[Arithmetic.INT8], 8)
    with silence_native_output():
        result = quantizer.quantize(
            statistics(base.ranges), enable_progress_bar=False, enable_progress_report=False
        ).quantized_model
    return mended(bytes(result))


def _add(quantizer: Any, scope: str, arithmetic: Arithmetic) -> None:
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName

    bits = _BITS[arithmetic]
    quantizer.add_static_config(scope, TFLOperationName.ALL_SUPPORTED, bits, 8)
    # One scale for a dense layer's weights: TensorFlow Lite Micro refuses one a row.
    quantizer.add_static_config(
        scope, TFLOperationName.FULLY_CONNECTED, bits, 8, QuantGranularity.TENSORWISE
    )


def rank(base: Ranged, planes: npt.NDArray[np.uint8]) -> list[set[int]]:
    """Activations by how much sparing each helps, the most helpful first.

    Returns:
        For each activation the numbers of the operators that write or read it.
    """
    wanted = _logits(base.content, base.patterns, planes)
    groups = [
        {op.index for op in base.inside.operators if index in (*op.inputs, *op.outputs)}
        for written in base.inside.operators
        for index in written.outputs
    ]

    def error(group: Collection[int]) -> float:
        spared = quantised(base, dict.fromkeys(group, Arithmetic.FLOAT))
        found = _logits(spared, base.patterns, planes)
        return float(((found - wanted) ** 2).mean())

    return sorted(groups, key=error)


def _logits(
    content: bytes, patterns: int, planes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.floating[Any]]:
    """Logits (W, classes) of all wafers: the gate judges these, not the embedding."""
    network = LogitsNetwork(content, patterns)
    return np.stack([network.run(plane) for plane in planes])
