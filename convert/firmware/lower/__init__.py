"""Operators of a network in, calls of kernels out: one function an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from convert.firmware.lower import elementwise, pooled, shapes, weighted
from convert.firmware.rounding import Rounding
from convert.firmware.step import Step, refusal
from edge.model.network import Network, Operator

Lowering = Callable[[Network, Operator], Step]

OPERATORS: Final[dict[str, Lowering]] = {
    "ADD": elementwise.add,
    "AVERAGE_POOL_2D": pooled.average,
    "CONCATENATION": shapes.concatenation,
    "CONV_2D": weighted.conv,
    "DEPTHWISE_CONV_2D": weighted.depthwise,
    "FULLY_CONNECTED": weighted.dense,
    "MAX_POOL_2D": pooled.largest,
    "MEAN": pooled.mean,
    "MUL": elementwise.multiply,
    "PAD": shapes.pad,
    "REDUCE_MAX": pooled.largest_of_all,
    "RESHAPE": shapes.reshape,
    "SQUEEZE": shapes.reshape,
}
#: Operators that TFLite Micro rounds otherwise than LiteRT's reference kernels.
_MICRO: Final[dict[str, Lowering]] = {"FULLY_CONNECTED": weighted.dense_micro}


def lower(network: Network, rounding: Rounding = Rounding.LITERT) -> tuple[Step, ...]:
    """All operators of a network as kernel calls, in the file's order.

    Raises:
        ModelError: an operator or option that no kernel is written for; names it.
    """
    known = {**OPERATORS, **(_MICRO if rounding is Rounding.MICRO else {})}
    return tuple(_lower(network, operator, known) for operator in network.operators)


def _lower(network: Network, operator: Operator, known: Mapping[str, Lowering]) -> Step:
    lowering = known.get(operator.name)
    if lowering is None:
        raise refusal(operator, f"there is no kernel for it (known: {', '.join(OPERATORS)})")
    for number in operator.outputs:
        if network.tensors[number].dtype != "int8":
            raise refusal(operator, f"its output is {network.tensors[number].dtype}, not int8")
    if len(operator.outputs) != 1:
        raise refusal(operator, f"it has {len(operator.outputs)} outputs")
    try:
        return lowering(network, operator)
    # A scale of 0, sides that do not divide, an axis that is not there: a damaged or crafted file.
    except (ArithmeticError, ValueError, IndexError) as error:
        raise refusal(operator, f"its values make no sense ({error})") from error
