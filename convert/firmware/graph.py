"""The network of a ``.tflite`` with all that code must be made from: constants and options too.

``edge.model.network`` asks a runtime, which tells neither; this reads the file. Field numbers are
those of TFLite's schema (tensorflow/compiler/mlir/lite/schema/schema.fbs), which only grows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.firmware.flatbuffer import FlatTable, root
from edge.errors import ModelError

#: TFLite's types that an int8 network is made of (schema: TensorType).
_TYPES: Final = {0: "float32", 2: "int32", 3: "uint8", 4: "int64", 7: "int16", 9: "int8"}

#: Names of the operators of networks for wafers (schema: BuiltinOperator); others by number.
_OPERATORS: Final = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    25: "SOFTMAX",
    28: "TANH",
    34: "PAD",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    43: "SQUEEZE",
    45: "STRIDED_SLICE",
    60: "PADV2",
    74: "SUM",
    77: "SHAPE",
    82: "REDUCE_MAX",
    83: "PACK",
    114: "QUANTIZE",
    117: "HARD_SWISH",
}
#: In the old, one-byte field this says that the code stands in the new one.
_PLACEHOLDER: Final = 127


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes:
        index: Its number in the file.
        name: As the converter named it.
        shape: With a batch of one.
        dtype: NumPy's name of its type.
        scales: float32: none, one, or one a channel.
        zero_points: One a scale.
        channel_axis: The axis that several scales run along.
        data: Its values where they are stored in the file, else None.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: npt.NDArray[np.float32]
    zero_points: tuple[int, ...]
    channel_axis: int
    data: npt.NDArray[Any] | None

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def scale(self) -> np.float32:
        """The one scale of an activation.

        Raises:
            ModelError: it has none, or several.
        """
        if len(self.scales) != 1:
            raise ModelError(f"tensor {self.name}: {len(self.scales)} scales, one is needed")
        scale: np.float32 = self.scales[0]
        return scale

    @property
    def zero_point(self) -> int:
        """The one zero point of an activation; see ``scale``."""
        if len(self.zero_points) != 1:
            raise ModelError(f"tensor {self.name}: {len(self.zero_points)} zero points")
        return self.zero_points[0]


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes:
        index: Its place in the file's order of execution.
        name: TFLite's name, as ``CONV_2D``.
        inputs: Tensor numbers; -1 for an optional input that is absent.
        outputs: Tensor numbers.
        options: The table of its options; None where it has none.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: FlatTable | None

    def option(self, field: int, code: str, default: int = 0) -> int:
        """A number among the options, by its field in the schema."""
        return default if self.options is None else int(self.options.number(field, code, default))

    def refuse(self, why: str) -> ModelError:
        """The error for what no kernel is written for."""
        return ModelError(f"operator {self.index}, {self.name}: {why}; no firmware for this model")


@dataclass(frozen=True)
class Graph:
    """One network.

    Attributes:
        tensors: By number.
        operators: In the file's order of execution.
        inputs: Tensor numbers of the network's inputs.
        outputs: Tensor numbers of the network's outputs.
    """

    tensors: Mapping[int, Tensor]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read(content: bytes) -> Graph:
    """Read a network.

    Args:
        content: A ``.tflite``, with or without something appended.

    Raises:
        ModelError: damaged, or not one network of known types.
    """
    if content[4:8] != b"TFL3":
        raise ModelError("not a TFLite model (wrong magic bytes)")
    model = root(content)
    networks = list(model.tables(2))
    if len(networks) != 1:
        raise ModelError(f"{len(networks)} networks in the file; firmware is made of one")
    buffers, names = list(model.tables(4)), [_name(code) for code in model.tables(1)]
    tensors = [_tensor(index, table, buffers) for index, table in enumerate(networks[0].tables(0))]
    operators = [
        _operator(index, table, names) for index, table in enumerate(networks[0].tables(3))
    ]
    known = range(-1, len(tensors))
    if any(number not in known for op in operators for number in (*op.inputs, *op.outputs)):
        raise ModelError("a damaged TFLite model: an operator on a tensor that is not there")
    return Graph(
        {tensor.index: tensor for tensor in tensors},
        tuple(operators),
        tuple(networks[0].numbers(1, "int32").tolist()),
        tuple(networks[0].numbers(2, "int32").tolist()),
    )


def _name(code: FlatTable) -> str:
    number = code.number(0, "b")
    if number == _PLACEHOLDER:
        number = code.number(3, "i")
    return code.text(1) or _OPERATORS.get(number, f"BUILTIN_{number}")


def _operator(index: int, table: FlatTable, names: list[str]) -> Operator:
    kind = table.number(0, "I")
    if kind >= len(names):
        raise ModelError("a damaged TFLite model: an operator of a kind that is not there")
    return Operator(
        index,
        names[kind],
        tuple(table.numbers(1, "int32").tolist()),
        tuple(table.numbers(2, "int32").tolist()),
        table.table(4),
    )


def _tensor(index: int, table: FlatTable, buffers: list[FlatTable]) -> Tensor:
    dtype = _TYPES.get(table.number(1, "b"), "")
    name, shape = table.text(3), tuple(table.numbers(0, "int32").tolist())
    buffer = table.number(2, "I")
    stored = buffers[buffer].numbers(0, "uint8") if buffer < len(buffers) else np.empty(0, np.uint8)
    quantisation = table.table(4)
    scales, zero_points, axis = np.empty(0, np.float32), (), 0
    if quantisation is not None:
        scales = quantisation.numbers(2, "float32")
        zero_points = tuple(quantisation.numbers(3, "int64").tolist())
        axis = quantisation.number(6, "i")
    data = None
    if len(stored):
        if not dtype or len(stored) != math.prod(shape) * np.dtype(dtype).itemsize:
            raise ModelError(f"tensor {name}: constants of an unknown type or size")
        data = stored.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return Tensor(index, name, shape, dtype or "unknown", scales, zero_points, axis, data)
