"""MAX_POOL_2D and AVERAGE_POOL_2D (tflite/kernels/internal/reference/integer_ops/pooling.h)."""

from __future__ import annotations

from convert.firmware import quantised
from convert.firmware.lower.operands import image, result, same_steps
from convert.firmware.lower.window import window
from convert.firmware.step import Step, in_place_offset
from edge.model.network import Network, Operator


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
