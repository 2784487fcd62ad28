"""MEAN and REDUCE_MAX over rows and columns: one value a channel."""

from __future__ import annotations

import numpy as np

from convert.firmware import quantised
from convert.firmware.lower.operands import constant, image, result, same_steps
from convert.firmware.step import Fields, Step, refusal
from edge.model.network import Network, Operator, Tensor


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


def largest(network: Network, operator: Operator) -> Step:
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
