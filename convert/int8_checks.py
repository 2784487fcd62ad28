"""Is a bare ``.tflite`` what it claims: int8, builtin operators, the right input scale?"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from edge.errors import ModelError
from edge.model import flatbuffer
from edge.model.metadata import Embedding, Quantised
from edge.model.network import Tensor
from edge.wafer import encoding


class Structure(Struct, frozen=True):
    """What is inside a quantised network: nodes by operator, scale and zero point of its ends."""

    operators: dict[str, int]
    input: Quantised
    output: Quantised
    embedding: Embedding


def inspect(content: bytes, patterns: int, *, spared: bool = False) -> Structure:
    """Look inside a bare ``.tflite`` and refuse what a station or microcontroller could not trust.

    Args:
        content: The network.
        patterns: How many logits it must give.
        spared: A remedy may have left operators in float or 16 bits; input and outputs are int8.

    Raises:
        ModelError: a custom or flex operator, a float tensor, an input scale or zero point other
            than the encoding's.
    """
    network = flatbuffer.read(content)
    foreign = sorted({operator.name for operator in network.operators if operator.custom})
    if foreign:
        raise ModelError(f"the network needs {', '.join(foreign)}: not a TFLite builtin operator")
    for tensor in network.tensors.values():
        if not spared and tensor.is_float:
            raise ModelError(
                f"tensor {tensor.name} is {tensor.dtype}: not all of the network was quantised"
            )
    found = _quantised(network.tensors[network.inputs[0]], "input")
    outputs = [network.tensors[number] for number in network.outputs]
    logits = [tensor for tensor in outputs if tensor.shape[-1:] == (patterns,)]
    others = [tensor for tensor in outputs if tensor not in logits]
    if len(logits) != 1 or len(others) != 1:
        shapes = [tensor.shape for tensor in outputs]
        raise ModelError(f"the outputs are {shapes}, not {patterns} logits and an embedding")
    if not found.same(encoding.INPUT_SCALE, encoding.INPUT_ZERO_POINT):
        raise ModelError(
            f"the input has scale {found.scale:.8g} and zero point {found.zero_point}; the "
            f"encoding declares {encoding.INPUT_SCALE:.8g} and {encoding.INPUT_ZERO_POINT}: "
            "it was calibrated on another range than the station feeds"
        )
    second = _quantised(others[0], "embedding")
    embedding = Embedding(second.scale, second.zero_point, others[0].shape[-1])
    operators = dict(Counter(operator.name for operator in network.operators))
    return Structure(operators, found, _quantised(logits[0], "output"), embedding)


def _quantised(tensor: Tensor, what: str) -> Quantised:
    if tensor.dtype != "int8":
        raise ModelError(f"the {what} is {tensor.dtype}, not int8")
    return Quantised(float(tensor.scale), tensor.zero_point)
