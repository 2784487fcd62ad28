"""MAX_POOL_2D, AVERAGE_POOL_2D (integer_ops/pooling.h); MEAN, REDUCE_MAX over rows and columns."""

from __future__ import annotations

import numpy as np

from convert.firmware import quantised
from convert.firmware.lower.operands import constant, image, result, same_steps
from convert.firmware.lower.window import window
from convert.firmware.step import Fields, Step, in_place_offset, refusal
from edge.model.network import Network, Operator, Tensor


def largest(network: Network, operator: Operator) -> Step:
    """MAX_POOL_2D, int8."""
    return _pool(network, operator, "max_pool_2d")


def average(network: Network, operator: Operator) -> Step:
    """AVERAGE_POOL_2D, int8: over the positions inside the image, halves away from zero."""
    return _pool(network, operator, "average_pool_2d")


def _pool(network: Network, operator: Operator, kernel: str) -> Step:
    source, target = image(network, operator, 0), result(network, operator)
    same_steps(operator, source, target)
    size = operator.option("FilterHeight"), operator.option("FilterWidth")
    slide = window(operator, source, target, size)
    low, high = quantised.activation_range(operator, target)
    offset = in_place_offset(slide.first_reads(), source.shape[3], copied=False)
    fields = {**slide.fields(), "low": low, "high": high}
    return Step.of(operator, kernel, fields, source.index, in_place_offset=offset)


def mean(network: Network, operator: Operator) -> Step:
    """MEAN, int8 (tflite/kernels/internal/reference/reduce.h, QuantizedMeanOrSum)."""
    source, target = _ends(network, operator)
    positions = source.shape[1] * source.shape[2]
    if positions * 255 >= 2**31:
        raise refusal(operator, "its sums can overflow 32 bits")
    scale = quantised.mean(source, target, positions)
    fields: Fields = {
        "positions": positions,
        "channels": source.shape[3],
        "offset": -source.zero_point * positions,
        **scale.fields("scale"),
        "zero": target.zero_point,
    }
    return Step.of(operator, "mean", fields, source.index)


def largest_of_all(network: Network, operator: Operator) -> Step:
    """REDUCE_MAX, int8 (tflite/kernels/internal/reference/reduce.h, ReduceGeneric)."""
    source, target = _ends(network, operator)
    same_steps(operator, source, target)
    fields: Fields = {
        "positions": source.shape[1] * source.shape[2],
        "channels": source.shape[3],
    }
    return Step.of(operator, "reduce_max", fields, source.index)


def _ends(network: Network, operator: Operator) -> tuple[Tensor, Tensor]:
    source, target = image(network, operator, 0), result(network, operator)
    axes = sorted({int(axis) % 4 for axis in np.ravel(constant(network, operator, 1, "int32")[1])})
    if axes != [1, 2]:
        raise refusal(operator, f"over the axes {axes}, not over rows and columns")
    return source, target
