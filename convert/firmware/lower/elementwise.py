"""ADD and MUL of two activations of one shape."""

from __future__ import annotations

from collections.abc import Mapping

from convert.firmware import quantised
from convert.firmware.lower.operands import activation, result
from convert.firmware.step import Step, refusal
from edge.model.network import Network, Operator, Tensor


def add(network: Network, operator: Operator) -> Step:
    """ADD, int8 (tflite/kernels/internal/reference/integer_ops/add.h, AddFunc)."""
    left, right, target = _tensors(network, operator)
    scales = zip(
        ("left_scale", "right_scale", "out_scale"),
        quantised.sum_of_two(left, right, target),
        strict=True,
    )
    members = {key: value for name, scale in scales for key, value in scale.fields(name).items()}
    return _step(operator, "add", (left, right, target), members)


def multiply(network: Network, operator: Operator) -> Step:
    """MUL, int8 (tflite/kernels/internal/reference/integer_ops/mul.h, MulElementwise)."""
    tensors = _tensors(network, operator)
    return _step(operator, "mul", tensors, quantised.product(*tensors).fields("scale"))


def _tensors(network: Network, operator: Operator) -> tuple[Tensor, Tensor, Tensor]:
    left, right = (activation(network, operator, place) for place in (0, 1))
    target = result(network, operator)
    if not left.shape == right.shape == target.shape:
        raise refusal(operator, f"of the shapes {left.shape} and {right.shape} (broadcast)")
    return left, right, target


def _step(
    operator: Operator,
    kernel: str,
    tensors: tuple[Tensor, Tensor, Tensor],
    scales: Mapping[str, int],
) -> Step:
    """An element is read before it is written, so the output may lie right over an input."""
    left, right, target = tensors
    fields = {
        "elements": target.elements,
        "left_zero": left.zero_point,
        "right_zero": right.zero_point,
        **scales,
        **quantised.clamp(operator, target),
    }
    return Step.of(operator, kernel, fields, left.index, right.index, in_place_offset=0)
