"""What is inside a TFLite network: its operators, tensors, multiply-accumulates and memory.

``flatbuffer.read`` makes it of any ``.tflite`` bytes, float or int8; no runtime is asked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError

#: Place of the weights among the inputs of the operators that multiply by weights.
WEIGHTS_INPUT: Final = 1

#: Axes of the weights over which one output value sums. Layouts of TFLite: convolution (out,
#: rows, columns, in), depthwise (1, rows, columns, out), dense (out, in). A grouped convolution
#: stores the inputs of one group, so its sum is right as well.
SUMMED: Final[Mapping[str, slice]] = {
    "CONV_2D": slice(1, 4),
    "DEPTHWISE_CONV_2D": slice(1, 3),
    "FULLY_CONNECTED": slice(1, 2),
}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a network.

    Attributes:
        index: Its number in the file, and in an interpreter.
        name: As the converter named it; often several names joined by ``;``.
        shape: With a batch of one.
        dtype: NumPy's name of the type; TFLite's in small letters where NumPy has none.
        scales: Quantisation scales: none, one, or one a channel.
        zero_points: One a scale.
        constant: No operator computes it: weights, biases, axes.
        stored: Bytes of its values in the file, uint8; None where there are none.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[np.float32, ...]
    zero_points: tuple[int, ...]
    constant: bool = False
    stored: npt.NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size of its values; of a type that NumPy does not have, a byte each."""
        return self.elements * (_itemsize(self.dtype) or 1)

    @property
    def is_float(self) -> bool:
        """Whether its values are floating point numbers."""
        return self.dtype.startswith("float")

    @property
    def scale(self) -> np.float32:
        """The scale of a tensor that has one for all its values.

        Raises:
            ModelError: it has none, or several.
        """
        if len(self.scales) != 1:
            raise ModelError(f"tensor {self.name}: {len(self.scales)} scales, one is needed")
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of such a tensor; see ``scale``."""
        if len(self.zero_points) != 1:
            raise ModelError(f"tensor {self.name}: {len(self.zero_points)} zero points")
        return self.zero_points[0]

    @property
    def is_parameter(self) -> bool:
        """Whether it was learned: a float or quantised constant, unlike axes and shapes."""
        return self.constant and (self.is_float or bool(self.scales))

    @property
    def values(self) -> npt.NDArray[Any] | None:
        """What is stored of it in the file, of its shape and type; None where nothing is.

        Raises:
            ModelError: the bytes do not fit shape and type.
        """
        if self.stored is None:
            return None
        size = _itemsize(self.dtype)
        if not size or len(self.stored) != self.elements * size:
            raise ModelError(f"tensor {self.name}: constants of an unknown type or size")
        return self.stored.view(np.dtype(self.dtype).newbyteorder("<")).reshape(self.shape)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "index": self.index,
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "bytes": self.bytes,
            "scales": [float(scale) for scale in self.scales],
            "zero_points": list(self.zero_points),
            "constant": self.constant,
        }


@dataclass(frozen=True)
class Operator:
    """One operator, in the order of execution.

    Attributes:
        index: Its place in that order.
        name: TFLite's name, as ``CONV_2D``; a custom operator's own.
        inputs: Tensor numbers; -1 for an optional input that is absent.
        outputs: Tensor numbers.
        options: Numbers among its options, by their names in TFLite's schema (``StrideW``).
        macs: Multiply-accumulates of one inference.
        custom: Not one of TFLite's own.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, float] = field(default_factory=dict)
    macs: int = 0
    custom: bool = False

    @property
    def operands(self) -> tuple[int, ...]:
        """The inputs that are there."""
        return tuple(number for number in self.inputs if number >= 0)

    def option(self, name: str, default: int = 0) -> int:
        """A number among the options."""
        return int(self.options.get(name, default))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; optional inputs that are absent are left out."""
        return {
            "index": self.index,
            "name": self.name,
            "inputs": list(self.operands),
            "outputs": list(self.outputs),
            "macs": self.macs,
        }


@dataclass(frozen=True)
class Network:
    """Operators and tensors of one network.

    Attributes:
        operators: In the order of execution.
        tensors: By number; those that an operator or the outside touches.
        inputs: Tensor numbers of the network's inputs.
        outputs: Tensor numbers of the network's outputs.
    """

    operators: tuple[Operator, ...]
    tensors: Mapping[int, Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, of convolutions and dense layers."""
        return sum(operator.macs for operator in self.operators)

    @property
    def operator_counts(self) -> dict[str, int]:
        """Number of operators by name, the most frequent first."""
        return dict(Counter(operator.name for operator in self.operators).most_common())

    @property
    def parameters(self) -> int:
        """Number of learned values, after batch normalisation was folded into them.

        A constant that two layers share, as the converter makes of equal biases, counts once.
        """
        return sum(tensor.elements for tensor in self.tensors.values() if tensor.is_parameter)

    @property
    def weights_bytes(self) -> int:
        """Bytes of the learned values; int4 values count a byte each."""
        return sum(tensor.bytes for tensor in self.tensors.values() if tensor.is_parameter)

    @cached_property
    def peak_activation_bytes(self) -> int:
        """Largest sum of the activations that are alive together while one operator runs.

        A lower bound of the arena: alignment, scratch buffers and gaps between the tensors come on
        top. A runtime that computes in place (TFLite does for some operators, TFLite Micro does
        not) may stay under it by one tensor.
        """
        first = dict.fromkeys(self.inputs, 0)
        last = dict.fromkeys(self.outputs, len(self.operators) - 1)
        for place, operator in enumerate(self.operators):
            for index in operator.outputs:
                first.setdefault(index, place)
                last.setdefault(index, place)
            for index in operator.operands:
                last[index] = max(place, last.get(index, place))
        changes = [0] * (len(self.operators) + 2)
        for index, begin in first.items():
            if not self.tensors[index].constant:
                changes[begin] += self.tensors[index].bytes
                changes[max(begin, last.get(index, 0)) + 1] -= self.tensors[index].bytes
        return max(accumulate(changes))

    def weights(self, operator: Operator) -> Tensor | None:
        """The weights of a convolution or dense layer; None where an operator stores none."""
        if operator.name not in SUMMED or len(operator.operands) <= WEIGHTS_INPUT:
            return None
        weights = self.tensors[operator.operands[WEIGHTS_INPUT]]
        return weights if weights.constant else None

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the totals, then every operator and tensor."""
        totals = ("macs", "parameters", "weights_bytes", "peak_activation_bytes", "operator_counts")
        return {
            **{name: getattr(self, name) for name in totals},
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "operators": [operator.as_dict() for operator in self.operators],
            "tensors": [tensor.as_dict() for tensor in self.tensors.values()],
        }


def _itemsize(dtype: str) -> int | None:
    """Bytes of a value; None for a type that NumPy does not have."""
    try:
        return np.dtype(dtype).itemsize
    except TypeError:
        return None
