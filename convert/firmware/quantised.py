"""TFLite's fixed-point constants, to the bit: multipliers, shifts, activation ranges.

Which products are float32 and which float64 differs from operator to operator in TFLite, and a
last bit of a scale can move a last bit of a multiplier. Each function names what it follows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.firmware.step import refusal
from edge.model.network import Operator, Tensor

INT8: Final = (-128, 127)
#: Bits that ADD gives its inputs before it rescales them (tflite/kernels/add.cc, Prepare).
ADD_LEFT_SHIFT: Final = 20

#: Bits of a float64's mantissa.
DOUBLE_BITS: Final = 53

_BITS: Final = 31
#: Beyond it every bit is shifted out.
_SMALLEST_SHIFT: Final = -31

#: Schema: ActivationFunctionType.
_NONE, _RELU, _RELU_N1_TO_1, _RELU6 = range(4)


@dataclass(frozen=True)
class Multiplier:
    """A positive real number as ``value * 2 ** (shift - 31)``.

    Attributes:
        value: 0, or 2**30 up to 2**31 - 1.
        shift: Binary exponent, -31..; positive shifts to the left.
    """

    value: int
    shift: int

    def fields(self, name: str) -> dict[str, int]:
        """As a ``wm_scale`` among a kernel's parameters."""
        return {f"{name}.multiplier": self.value, f"{name}.shift": self.shift}


def multiplier(real: float) -> Multiplier:
    """tflite/kernels/internal/quantization_util.cc, QuantizeMultiplier, of a number from 0 up."""
    if real == 0:
        return Multiplier(0, 0)
    fraction, shift = math.frexp(real)
    value = math.floor(fraction * 2**_BITS + 0.5)
    if value == 2**_BITS:
        value, shift = value // 2, shift + 1
    return Multiplier(0, 0) if shift < _SMALLEST_SHIFT else Multiplier(value, shift)


def per_channel(
    source: Tensor, weights: Tensor, result: Tensor, channels: int
) -> tuple[Multiplier, ...]:
    """tflite/kernels/kernel_util.cc, PopulateConvolutionQuantizationParams: all in float64.

    The weights have one scale, or one for each of the output channels.
    """
    scales = np.broadcast_to(weights.scales, channels).astype(np.float64)
    ratio = float(source.scale) * scales / float(result.scale)
    return tuple(multiplier(real) for real in ratio.tolist())


def dense_micro(
    source: Tensor, weights: Tensor, result: Tensor, outputs: int
) -> tuple[Multiplier, ...]:
    """TensorFlow Lite Micro's FULLY_CONNECTED (micro/kernels/fully_connected_common.cc).

    One scale for all weights goes through tflite/kernels/kernel_util.cc,
    GetQuantizedConvolutionMultipler, whose product of two scales is float32; a scale an output
    stays in float64.
    """
    if len(weights.scales) > 1:
        return per_channel(source, weights, result, outputs)
    return (multiplier(float(source.scale * weights.scale) / float(result.scale)),) * outputs


def exact_scales(
    source: Tensor, weights: Tensor, result: Tensor, channels: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """The float64 factors of LiteRT's reference FULLY_CONNECTED, taken apart into whole numbers.

    tflite/kernels/internal/reference/integer_ops/fully_connected.h rounds ``double(sum) * scale``,
    unlike TFLite Micro, which goes through ``MultiplyByQuantizedMultiplier``; the two differ by a
    step now and then.

    Returns:
        uint64 (channels,) below 2**53 and int8 (channels,): scale = mantissa * 2**-shift.
    """
    scales = np.broadcast_to(weights.scales, channels).astype(np.float64)
    fractions, exponents = np.frexp(float(source.scale) * scales / float(result.scale))
    return (
        np.ldexp(fractions, DOUBLE_BITS).astype(np.uint64),
        (DOUBLE_BITS - exponents).astype(np.int8),
    )


def product(left: Tensor, right: Tensor, result: Tensor) -> Multiplier:
    """tflite/kernels/mul.cc, Prepare: all in float32."""
    return multiplier(float(left.scale * right.scale / result.scale))


def sum_of_two(left: Tensor, right: Tensor, result: Tensor) -> tuple[Multiplier, ...]:
    """tflite/kernels/add.cc, Prepare: multipliers of the inputs and of the output."""
    twice = 2 * max(float(left.scale), float(right.scale))
    return (
        multiplier(float(left.scale) / twice),
        multiplier(float(right.scale) / twice),
        multiplier(twice / (2**ADD_LEFT_SHIFT * float(result.scale))),
    )


def mean(source: Tensor, result: Tensor, elements: int) -> Multiplier:
    """tflite/kernels/internal/reference/reduce.h, QuantizedMeanOrSum: 1 / elements folded in.

    ``elements``: how many values each output averages, 1 or more.
    """
    scale = multiplier(float(source.scale) / float(result.scale))
    shift = min(elements.bit_length() - 1, 32, _BITS + scale.shift)
    return Multiplier((scale.value << shift) // elements, scale.shift - shift)


def activation_range(operator: Operator, result: Tensor) -> tuple[int, int]:
    """tflite/kernels/kernel_util.cc, CalculateActivationRangeQuantized: least and largest int8.

    Raises:
        ModelError: an activation that is not a clamp.
    """
    activation = operator.option("FusedActivationFunction")
    low, high = INT8
    bounds: dict[int, tuple[float | None, float | None]] = {
        _NONE: (None, None),
        _RELU: (0.0, None),
        _RELU_N1_TO_1: (-1.0, 1.0),
        _RELU6: (0.0, 6.0),
    }
    if activation not in bounds:
        raise refusal(operator, f"fused activation {activation} is not known")
    least, most = bounds[activation]
    if least is not None:
        low = max(low, _quantise(least, result))
    if most is not None:
        high = min(high, _quantise(most, result))
    return low, high


def clamp(operator: Operator, result: Tensor) -> dict[str, int]:
    """Zero point and range of a result, as members of a kernel's parameters."""
    low, high = activation_range(operator, result)
    return {"zero": result.zero_point, "low": low, "high": high}


def _quantise(value: float, result: Tensor) -> int:
    """A real number in steps of a tensor; halves round away from zero (TfLiteRound)."""
    steps = float(np.float32(value) / result.scale)
    return result.zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))


def members(
    multipliers: tuple[Multiplier, ...],
) -> dict[str, npt.NDArray[np.int32] | npt.NDArray[np.int8]]:
    """Values and shifts as they go to flash, by member of a kernel's parameters."""
    return {
        "multipliers": np.asarray([item.value for item in multipliers], np.int32),
        "shifts": np.asarray([item.shift for item in multipliers], np.int8),
    }
