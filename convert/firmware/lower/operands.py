"""The tensors of an operator, checked to be what its kernel takes."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from convert.firmware.step import refusal
from edge.model.network import Network, Operator, Tensor


def activation(network: Network, operator: Operator, place: int) -> Tensor:
    """An input that is computed, int8, for one wafer.

    Raises:
        ModelError: absent, a constant, of another type or a batch.
    """
    tensor = _operand(network, operator, place)
    if tensor.stored is not None:
        raise refusal(operator, f"its input {place} is a constant")
    if tensor.dtype != "int8":
        raise refusal(operator, f"its input {place} is {tensor.dtype}, not int8")
    if tensor.shape and tensor.shape[0] != 1:
        raise refusal(operator, f"its input {place} has the shape {tensor.shape}, not one wafer's")
    return tensor


def image(network: Network, operator: Operator, place: int) -> Tensor:
    """An activation of the shape (1, rows, columns, channels)."""
    tensor = activation(network, operator, place)
    if len(tensor.shape) != 4:
        raise refusal(operator, f"its input {place} has the shape {tensor.shape}, not four sides")
    return tensor


def constant(
    network: Network, operator: Operator, place: int, dtype: str
) -> tuple[Tensor, npt.NDArray[Any]]:
    """An input that stands in the file, and its values.

    Raises:
        ModelError: absent, computed, or of another type.
    """
    tensor = _operand(network, operator, place)
    values = tensor.values
    if values is None:
        raise refusal(operator, f"its input {place} is computed, a constant is needed")
    if tensor.dtype != dtype:
        raise refusal(operator, f"its input {place} is {tensor.dtype}, not {dtype}")
    return tensor, values


def result(network: Network, operator: Operator) -> Tensor:
    """The one output."""
    return network.tensors[operator.outputs[0]]


def same_steps(operator: Operator, source: Tensor, target: Tensor) -> None:
    """Make sure that bytes mean the same before and after.

    Raises:
        ModelError: scale or zero point differ, so the kernel would have to convert.
    """
    if (source.scale, source.zero_point) != (target.scale, target.zero_point):
        raise refusal(operator, "scale or zero point of input and output differ")


def _operand(network: Network, operator: Operator, place: int) -> Tensor:
    if place >= len(operator.inputs) or operator.inputs[place] < 0:
        raise refusal(operator, f"its input {place} is absent")
    return network.tensors[operator.inputs[place]]
