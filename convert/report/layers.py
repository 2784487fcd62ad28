"""What int8 does to each layer: the same wafers through the float and the int8 network.

Both are ``.tflite`` bytes converted from one Keras network; TensorFlow is not needed. They run on
the runtime's builtin kernels with every activation kept. Kernels differ by at most one int8 step.
The error of a layer holds that of all layers before it; ``convert.report.sensitivity`` tells them
apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.report.activation_recorder import ActivationRecorder
from convert.report.layer_match import MatchedBy, Pair, layer_names, match, output
from edge.model.network import Network, Tensor
from edge.wafer.encoding import Encoded

_INT8: Final = np.iinfo(np.int8)
#: Axis of the weights that runs over the outputs, by operator.
_OUTPUT_AXIS: Final = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}


@dataclass(frozen=True)
class Weights:
    """The float weights of a layer, by output channels, and how they are quantised.

    Attributes:
        per_channel: Whether each output channel has a scale of its own.
        channel_ratio: Largest over smallest of the channels' ranges (largest absolute weight),
            channels of zeros left out; far above 1 asks for a scale a channel. None where all
            weights are zero.
    """

    per_channel: bool
    channels: int
    minimum: float
    maximum: float
    channel_ratio: float | None
    dead_channels: int


@dataclass(frozen=True)
class Layer:
    """One layer in both networks.

    Attributes:
        name: Short and unique in the network.
        operator: TFLite's name.
        index: Place of the operator in the int8 network.
        shape: Of the output, with a batch of one.
        minimum, maximum: Of the float activations.
        scale, zero_point: Of the int8 output.
        rmse_steps: Root mean square error of the int8 activations in steps of ``scale``; rounding
            alone gives 1 / sqrt(12) = 0.29. TensorFlow's QuantizationDebugger calls it RMSE/scale.
        sqnr_db: Signal to quantisation noise ratio, 10 log10(sum x^2 / sum (x_int8 - x)^2); None
            where one of the sums is zero.
        saturated: Share 0..1 of activations at an end of the int8 range whose float counterpart
            lies more than half a step beyond that end.
        weights: None for a layer that multiplies by none.
    """

    name: str
    operator: str
    index: int
    matched_by: MatchedBy
    shape: tuple[int, ...]
    minimum: float
    maximum: float
    scale: float
    zero_point: int
    rmse_steps: float
    sqnr_db: float | None
    saturated: float
    weights: Weights | None


@dataclass(frozen=True)
class Comparison:
    """Layers found in both networks, in the order of the float one, and those in one alone."""

    layers: tuple[Layer, ...]
    float_only: tuple[str, ...]
    int8_only: tuple[str, ...]
    wafers: int


class _Sums:
    """What is gathered of a pair of operators over the wafers."""

    def __init__(self, int8_tensor: Tensor) -> None:
        self.scale = float(int8_tensor.scales[0])
        self.zero_point = int8_tensor.zero_points[0]
        self.minimum, self.maximum = math.inf, -math.inf
        self.signal = self.noise = 0.0
        self.saturated = self.count = 0

    def add(self, real: npt.NDArray[np.float32], steps: npt.NDArray[np.int8]) -> None:
        exact = real.astype(np.float64)
        wanted = exact / self.scale + self.zero_point
        self.minimum = min(self.minimum, float(exact.min()))
        self.maximum = max(self.maximum, float(exact.max()))
        self.signal += float(np.square(exact).sum())
        self.noise += float(np.square((steps - wanted) * self.scale).sum())
        high = (steps == _INT8.max) & (wanted > _INT8.max + 0.5)
        low = (steps == _INT8.min) & (wanted < _INT8.min - 0.5)
        self.saturated += int(np.count_nonzero(high | low))
        self.count += real.size


def compare(
    float_content: bytes,
    int8_content: bytes,
    wafers: Encoded,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Run encoded wafers, uint8 (W, size, size, 2), through both networks; compare every layer.

    Raises:
        ModelError: the two have no layer in common: they are not the same network.
        DataError: the wafers are none, or not of the networks' input shape.
        RuntimeUnavailableError: no runtime can run them.
    """
    real, quantised = ActivationRecorder(float_content), ActivationRecorder(int8_content)
    real.check(wafers)
    quantised.check(wafers)
    pairs = match(real.network, quantised.network)
    sums = [_Sums(output(quantised.network, pair.int8_operator)) for pair in pairs]
    for done, wafer in enumerate(wafers, 1):
        real.run(wafer)
        quantised.run(wafer)
        for pair, gathered in zip(pairs, sums, strict=True):
            gathered.add(
                real.values(output(real.network, pair.float_operator)),
                quantised.values(output(quantised.network, pair.int8_operator)),
            )
        if progress:
            progress(done, len(wafers))
    names = layer_names(real.network)
    int8_names = {
        index: name
        for index, name in layer_names(quantised.network).items()
        if not output(quantised.network, quantised.network.operators[index]).is_float
    }
    for pair in pairs:  # they go by the float network's name
        del int8_names[pair.int8_operator.index]
    layers = tuple(
        _layer(names.pop(pair.float_operator.index), pair, gathered, real, quantised.network)
        for pair, gathered in zip(pairs, sums, strict=True)
    )
    return Comparison(layers, tuple(names.values()), tuple(int8_names.values()), len(wafers))


def _layer(
    name: str, pair: Pair, sums: _Sums, real: ActivationRecorder, int8_network: Network
) -> Layer:
    return Layer(
        name,
        pair.int8_operator.name,
        pair.int8_operator.index,
        pair.matched_by,
        output(int8_network, pair.int8_operator).shape,
        sums.minimum,
        sums.maximum,
        sums.scale,
        sums.zero_point,
        math.sqrt(sums.noise / sums.count) / sums.scale,
        10 * math.log10(sums.signal / sums.noise) if sums.signal and sums.noise else None,
        sums.saturated / sums.count,
        _weights(pair, real, int8_network),
    )


def _weights(pair: Pair, real: ActivationRecorder, int8_network: Network) -> Weights | None:
    stored = real.network.weights(pair.float_operator)
    quantised = int8_network.weights(pair.int8_operator)
    if stored is None or quantised is None:
        return None
    values = np.moveaxis(real.values(stored), _OUTPUT_AXIS[pair.float_operator.name], 0)
    ranges = np.abs(values).reshape(len(values), -1).max(axis=1)
    alive = ranges[ranges > 0]
    return Weights(
        len(quantised.scales) > 1,
        len(values),
        float(values.min()),
        float(values.max()),
        float(alive.max() / alive.min()) if alive.size else None,
        len(ranges) - len(alive),
    )
