"""Which operators TFLite Micro has, and what adds each to its resolver.

Read from ``MicroMutableOpResolver`` (tensorflow/lite/micro/micro_mutable_op_resolver.h): the list
grows, but a name that was there stays. What is not listed is refused at export and not by a board
that does not start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from edge.errors import ModelError

_OPERATORS: Final = (
    "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE FULLY_CONNECTED "
    "HARD_SWISH LOGISTIC MAX_POOL_2D MEAN MUL PACK PAD QUANTIZE REDUCE_MAX RELU RELU6 RESHAPE "
    "SHAPE SOFTMAX SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE"
)
#: TFLite's name of an operator -> method of ``MicroMutableOpResolver``.
ADD_FUNCTIONS: Final = {
    **{name: f"Add{name.title().replace('_', '')}" for name in _OPERATORS.split()},
    "PADV2": "AddPadV2",
}


def add_functions(operators: Iterable[str]) -> tuple[str, ...]:
    """Methods that add the operators of a network, each once, by name.

    Raises:
        ModelError: an operator that TFLite Micro is not known to have; names all such.
    """
    names = sorted(set(operators))
    unknown = [name for name in names if name not in ADD_FUNCTIONS]
    if unknown:
        raise ModelError(
            f"{', '.join(unknown)}: no function of MicroMutableOpResolver is known for it; "
            "no TFLite Micro firmware for this model"
        )
    return tuple(ADD_FUNCTIONS[name] for name in names)
