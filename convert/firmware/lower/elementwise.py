"""ADD and MUL of two activations of one shape."""

from __future__ import annotations

from convert.firmware import quantised
from convert.firmware.lower.operands import activation, result
from convert.firmware.step import Call, Fields, Step, refusal
from edge.model.network import Network, Operator, Tensor


def add(network: Network, operator: Operator) -> Step:
    """ADD, int8 (tflite/kernels/internal/reference/integer_ops/add.h, AddFunc)."""
    left, right, target = _pair(network, operator)
    scales = quantised.sum_of_two(left, right, target)
    low, high = quantised.activation_range(operator, target)
    names = ("left_scale", "right_scale", "out_scale")
    fields: Fields = {
        "elements": target.elements,
        "left_zero": left.zero_point,
        "right_zero": right.zero_point,
        **{
            f"{name}.{member}": value
            for name, scale in zip(names, scales, strict=True)
            for member, value in (("multiplier", scale.value), ("shift", scale.shift))
        },
        "zero": target.zero_point,
        "low": low,
        "high": high,
    }
    return _step(operator, Call("add", fields, (left.index, right.index)), target)


def multiply(network: Network, operator: Operator) -> Step:
    """MUL, int8 (tflite/kernels/internal/reference/integer_ops/mul.h, MulElementwise)."""
    left, right, target = _pair(network, operator)
    scale = quantised.product(left, right, target)
    low, high = quantised.activation_range(operator, target)
    fields: Fields = {
        "elements": target.elements,
        "left_zero": left.zero_point,
        "right_zero": right.zero_point,
        "scale.multiplier": scale.value,
        "scale.shift": scale.shift,
        "zero": target.zero_point,
        "low": low,
        "high": high,
    }
    return _step(operator, Call("mul", fields, (left.index, right.index)), target)


def _pair(network: Network, operator: Operator) -> tuple[Tensor, Tensor, Tensor]:
    left, right = (activation(network, operator, place) for place in (0, 1))
    target = result(network, operator)
    if not left.shape == right.shape == target.shape:
        raise refusal(operator, f"of the shapes {left.shape} and {right.shape} (broadcast)")
    return left, right, target


def _step(operator: Operator, call: Call, target: Tensor) -> Step:
    """An element is read before it is written, so the output may lie right over an input."""
    return Step(operator, (call,), call.inputs, target.index, dict.fromkeys(call.inputs, 0))
