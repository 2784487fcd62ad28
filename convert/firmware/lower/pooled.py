"""MAX_POOL_2D and AVERAGE_POOL_2D (tflite/kernels/internal/reference/integer_ops/pooling.h)."""

from __future__ import annotations

from convert.firmware import quantised
from convert.firmware.graph import Graph, Operator
from convert.firmware.lower.operands import image, result, same_steps
from convert.firmware.lower.window import window
from convert.firmware.step import Call, Step, in_place_offset


def largest(graph: Graph, operator: Operator) -> Step:
    """MAX_POOL_2D, int8."""
    return _pool(graph, operator, "max_pool_2d")


def average(graph: Graph, operator: Operator) -> Step:
    """AVERAGE_POOL_2D, int8: over the positions inside the image, halves away from zero."""
    return _pool(graph, operator, "average_pool_2d")


def _pool(graph: Graph, operator: Operator, kernel: str) -> Step:
    """Pool2DOptions: padding, stride_w, stride_h, filter_width, filter_height, activation."""
    source, target = image(graph, operator, 0), result(graph, operator)
    same_steps(operator, source, target)
    size = operator.option(4, "i"), operator.option(3, "i")
    stride = operator.option(2, "i"), operator.option(1, "i")
    slide = window(operator, source, target, size, stride, (1, 1), operator.option(0, "b"))
    low, high = quantised.activation_range(operator, operator.option(5, "b"), target)
    return Step(
        operator,
        (Call(kernel, {**slide.fields(), "low": low, "high": high}, (source.index,)),),
        (source.index,),
        target.index,
        {source.index: in_place_offset(slide.first_reads(), source.shape[3], copied=False)},
    )
