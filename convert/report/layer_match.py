"""Which operator of the int8 network is which of the float one, and what to call the layer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edge.errors import ModelError
from edge.model.network import Network, Operator, Tensor

#: They change the type of values and compute nothing: no layers.
CONVERSIONS: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})

#: How TensorFlow names what became the operator, where that is not the operator's own name.
_LEAVES: Final = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "matmul",
    "REDUCE_MAX": "max",
}

_Kind = tuple[str, tuple[int, ...]]


class MatchedBy(str, Enum):
    """How the int8 form of a float operator was found."""

    NAME = "name"
    POSITION = "position"


@dataclass(frozen=True)
class Pair:
    """An operator of the float network and its int8 form."""

    float_operator: Operator
    int8_operator: Operator
    matched_by: MatchedBy


def match(float_network: Network, int8_network: Network) -> list[Pair]:
    """Find the int8 form of each float operator, in the order of the float network.

    Two belong together when kind, output shape and output name agree. What is left is paired by
    position among operators of the same kind and output shape, where both networks have the same
    number of them; where they do not, nothing tells which is missing, and none is paired.

    Raises:
        ModelError: nothing belongs together.
    """
    by_name = {
        (_kind(int8_network, operator), output(int8_network, operator).name): operator
        for operator in layers(int8_network)
        if not output(int8_network, operator).is_float
    }
    pairs: list[Pair] = []
    rest: defaultdict[_Kind, tuple[list[Operator], list[Operator]]]
    rest = defaultdict(lambda: ([], []))
    for operator in layers(float_network):
        result = output(float_network, operator)
        if not result.is_float:
            continue
        kind = _kind(float_network, operator)
        found = by_name.pop((kind, result.name), None)
        if found:
            pairs.append(Pair(operator, found, MatchedBy.NAME))
        else:
            rest[kind][0].append(operator)
    for (kind, _), operator in by_name.items():
        rest[kind][1].append(operator)
    for ours, theirs in rest.values():
        if len(ours) == len(theirs):
            pairs += [Pair(*both, MatchedBy.POSITION) for both in zip(ours, theirs, strict=True)]
    if not pairs:
        raise ModelError(
            "the float and the int8 network have no layer in common; give a float and an int8 "
            "network that were converted from the same run"
        )
    return sorted(pairs, key=lambda pair: pair.float_operator.index)


def layers(of: Network) -> list[Operator]:
    """The operators that compute activations, float or int8 with one scale."""
    found = []
    for operator in of.operators:
        if operator.name in CONVERSIONS or not operator.outputs:
            continue
        result = output(of, operator)
        if result.is_float or (result.dtype == "int8" and len(result.scales) == 1):
            found.append(operator)
    return found


def output(of: Network, operator: Operator) -> Tensor:
    """The first output of an operator; the layers of such networks have one."""
    return of.tensors[operator.outputs[0]]


def layer_names(of: Network) -> dict[int, str]:
    """A short and unique name of each layer by the operator's index.

    A converter joins the paths of all that it fused, as ``net/re_lu/Relu;net/conv_1/convolution``:
    the path of the operator itself names the layer (``conv_1``), else the first one. A layer
    without a path is called after its operator.
    """
    names: dict[int, str] = {}
    for operator in layers(of):
        weights = of.weights(operator)
        text = output(of, operator).name + (f";{weights.name}" if weights else "")
        paths = [path.split("/") for path in text.split(";") if "/" in path]
        leaf = _LEAVES.get(operator.name, operator.name.lower())
        own = [path for path in paths if path[-1].lower().startswith(leaf)]
        base = name = (own or paths or [["", ""]])[0][-2] or operator.name.lower()
        number = 1
        while name in names.values():
            number += 1
            name = f"{base} #{number}"
        names[operator.index] = name
    return names


def _kind(of: Network, operator: Operator) -> _Kind:
    """What two operators must share to be one layer."""
    return operator.name, output(of, operator).shape
