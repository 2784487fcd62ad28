"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: sums of products with weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.firmware import quantised
from convert.firmware.lower.operands import activation, constant, image, result
from convert.firmware.lower.window import window
from convert.firmware.step import Fields, Step, in_place_offset, refusal
from edge.model.network import Network, Operator, Tensor

#: Largest distance of an int8 from a zero point.
_FARTHEST: Final = 255
_INT32: Final = 2**31 - 1
#: Of a dense layer's scale: beyond it int8 does not hold the shift.
_LARGEST_SHIFT: Final = 115


def conv(network: Network, operator: Operator) -> Step:
    """CONV_2D, int8, weights (out, rows, columns, in) with a scale a channel or one for all.

    tflite/kernels/internal/reference/integer_ops/conv.h, ConvPerChannel.

    Raises:
        ModelError: a grouped convolution, or sums that could overflow.
    """
    source = image(network, operator, 0)
    weights, values = constant(network, operator, 1, "int8")
    if values.ndim != 4 or values.shape[3] != source.shape[3]:
        raise refusal(operator, f"weights {weights.shape} for {source.shape[3]} channels (groups?)")
    rows = values.reshape(values.shape[0], -1)
    return _convolution(network, operator, "conv_2d", rows, copied=True)


def depthwise(network: Network, operator: Operator) -> Step:
    """DEPTHWISE_CONV_2D, int8, weights (1, rows, columns, out).

    tflite/kernels/internal/reference/integer_ops/depthwise_conv.h, DepthwiseConvPerChannel.
    A padded position counts as the input's zero point, which the folded bias takes off again.

    Raises:
        ModelError: channels that do not fit, or sums that could overflow.
    """
    source, channels = image(network, operator, 0), result(network, operator).shape[-1]
    weights, values = constant(network, operator, 1, "int8")
    if values.ndim != 4 or values.shape[3] != channels or channels % source.shape[3]:
        raise refusal(operator, f"weights {weights.shape} for {source.shape[3]} channels")
    rows = values.reshape(-1, channels).T
    return _convolution(network, operator, "depthwise_conv_2d", rows, copied=False)


def _convolution(
    network: Network, operator: Operator, kernel: str, rows: npt.NDArray[Any], *, copied: bool
) -> Step:
    """A window that slides over an image.

    ``rows``: int8 (channels, products), the weights, one row an output channel. ``copied``: whether
    the kernel copies what a window covers before it writes a pixel.
    """
    source, target = image(network, operator, 0), result(network, operator)
    weights, values = constant(network, operator, 1, "int8")
    slide = window(operator, source, target, (values.shape[1], values.shape[2]))
    fields: Fields = {
        **slide.fields(),
        "fill": source.zero_point,
        **_sums(network, operator, source, weights, rows),
        "weights": values.reshape(-1),
        **quantised.members(quantised.per_channel(source, weights, target, len(rows))),
        **quantised.clamp(operator, target),
    }
    return Step.of(
        operator,
        kernel,
        fields,
        source.index,
        in_place_offset=in_place_offset(slide.first_reads(), len(rows), copied=copied),
        patch=rows.shape[1] if copied else 0,
        macs=slide.target[0] * slide.target[1] * rows.size,
    )


def dense(network: Network, operator: Operator) -> Step:
    """FULLY_CONNECTED as LiteRT rounds it: its scales exactly as float64 has them.

    tflite/kernels/internal/reference/integer_ops/fully_connected.h, FullyConnected and
    FullyConnectedPerChannel with float scales.

    Raises:
        ModelError: see ``_dense``, or scales above 1 or next to 0.
    """

    def exact(source: Tensor, weights: Tensor, target: Tensor) -> Fields:
        mantissas, shifts = quantised.exact_scales(source, weights, target, weights.shape[0])
        # A sum stays below 2**31, so a scale up to 1 keeps its product there.
        if (shifts < quantised.DOUBLE_BITS).any() or (shifts > _LARGEST_SHIFT).any():
            raise refusal(
                operator, "the scale of its sums is not in the range that there is code for"
            )
        return {"mantissas": mantissas, "shifts": shifts}

    return _dense(network, operator, "fully_connected", exact)


def dense_micro(network: Network, operator: Operator) -> Step:
    """FULLY_CONNECTED as TensorFlow Lite Micro rounds it, through 32-bit multipliers.

    Raises:
        ModelError: see ``_dense``.
    """

    def multipliers(source: Tensor, weights: Tensor, target: Tensor) -> Fields:
        scales = quantised.dense_micro(source, weights, target, weights.shape[0])
        return quantised.members(scales)

    return _dense(network, operator, "fully_connected_micro", multipliers)


def _dense(
    network: Network,
    operator: Operator,
    kernel: str,
    scales: Callable[[Tensor, Tensor, Tensor], Fields],
) -> Step:
    """A dense layer: weights (out, in), int8, with a scale an output or one for all.

    ``scales`` gives the constants of the kernel that rounds its sums, by member.

    Raises:
        ModelError: several rows, shuffled weights, or sums that could overflow.
    """
    source, target = activation(network, operator, 0), result(network, operator)
    weights, values = constant(network, operator, 1, "int8")
    if operator.option("WeightsFormat"):
        raise refusal(operator, "shuffled weights")
    if values.ndim != 2 or source.elements != values.shape[1]:
        raise refusal(operator, f"weights {weights.shape} for an input {source.shape}")
    fields: Fields = {
        "inputs": values.shape[1],
        "outputs": values.shape[0],
        **_sums(network, operator, source, weights, values),
        **scales(source, weights, target),
        **quantised.clamp(operator, target),
    }
    return Step.of(operator, kernel, fields, source.index, macs=values.size)


def _sums(
    network: Network,
    operator: Operator,
    source: Tensor,
    weights: Tensor,
    rows: npt.NDArray[Any],
) -> dict[str, npt.NDArray[Any]]:
    """Weights and bias, the input's zero point folded into the bias.

    sum((x - zero) * w) + bias = sum(x * w) + (bias - zero * sum(w)), whole numbers all.

    ``rows``: int8 (channels, products), the weights, one row an output channel.

    Raises:
        ModelError: zero points other than 0, or sums that could leave int32.
    """
    channels = rows.shape[0]
    if any(weights.zero_points):
        raise refusal(operator, "weights with a zero point")
    if len(weights.scales) not in {1, channels}:
        raise refusal(operator, f"{len(weights.scales)} scales for {channels} channels")
    bias = np.zeros(channels, np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        bias += constant(network, operator, 2, "int32")[1]
    wide = rows.astype(np.int64)
    folded = bias - source.zero_point * wide.sum(axis=1)
    # Neither TFLite's sum nor the folded one may overflow for any input, or they could differ.
    largest = np.maximum(np.abs(bias), np.abs(folded)) + _FARTHEST * np.abs(wide).sum(axis=1)
    if largest.max() > _INT32:
        raise refusal(operator, "its sums can overflow 32 bits")
    return {"weights": rows.reshape(-1), "bias": folded.astype(np.int32)}
