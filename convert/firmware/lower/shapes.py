"""CONCATENATION, PAD, RESHAPE and SQUEEZE: bytes that only change their place."""

from __future__ import annotations

import math

from convert.firmware import quantised
from convert.firmware.lower.operands import activation, constant, image, result, same_steps
from convert.firmware.step import Call, Fields, Step, refusal
from edge.model.network import Network, Operator


def concatenation(network: Network, operator: Operator) -> Step:
    """CONCATENATION of int8 (tflite/kernels/internal/reference/concatenation.h)."""
    target = result(network, operator)
    axis = operator.option("Axis") % len(target.shape)
    if quantised.activation_range(operator, target) != quantised.INT8:
        raise refusal(operator, "with a fused activation")
    rows, stride = math.prod(target.shape[:axis]), math.prod(target.shape[axis:])
    calls, offset = [], 0
    for place in range(len(operator.inputs)):
        source = activation(network, operator, place)
        same_steps(operator, source, target)
        bytes_ = source.elements // rows
        fields: Fields = {"rows": rows, "bytes": bytes_, "stride": stride, "offset": offset}
        calls.append(Call("concatenation", fields, (source.index,)))
        offset += bytes_
    if offset != stride:
        raise refusal(operator, "its inputs do not add up to its output")
    inputs = tuple(call.inputs[0] for call in calls)
    return Step(operator, tuple(calls), inputs, target.index)


def pad(network: Network, operator: Operator) -> Step:
    """PAD of rows and columns with the zero point (tflite/kernels/pad.cc, EvalInt8)."""
    source, target = image(network, operator, 0), result(network, operator)
    same_steps(operator, source, target)
    amounts = network.tensors[operator.inputs[1]]
    _, values = constant(network, operator, 1, amounts.dtype)
    if values.shape != (4, 2) or values[0].any() or values[3].any():
        raise refusal(operator, "of more than rows and columns")
    fields: Fields = {
        "rows": source.shape[1],
        "bytes": source.shape[2] * source.shape[3],
        "top": int(values[1, 0]),
        "bottom": int(values[1, 1]),
        "left": int(values[2, 0]) * source.shape[3],
        "right": int(values[2, 1]) * source.shape[3],
        "fill": target.zero_point,
    }
    return Step.of(operator, "pad", fields, source.index)


def reshape(network: Network, operator: Operator) -> Step:
    """RESHAPE, SQUEEZE: the same bytes."""
    source, target = activation(network, operator, 0), result(network, operator)
    same_steps(operator, source, target)
    if source.elements != target.elements:
        raise refusal(operator, f"{source.shape} to {target.shape}")
    return Step(operator, (), (source.index,), target.index, alias=True)
