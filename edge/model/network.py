"""What is inside a TFLite network: its operators, tensors, multiply-accumulates and memory.

Read from any ``.tflite`` bytes, float or int8, with or without a metadata zip behind them, by the
runtime that runs them: an operator that the runtime does not know is refused here as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from edge.errors import ModelError
from edge.model.backend import Backend
from edge.model.runtime import Kernels, start

#: Place of the weights among the inputs of the operators that multiply by weights.
WEIGHTS_INPUT = 1


@dataclass(frozen=True)
class Tensor:
    """One tensor of a network.

    Attributes:
        index: Its number in the interpreter.
        name: As the converter named it; often several names joined by ``;``.
        shape: With a batch of one.
        dtype: NumPy's name of the type.
        bytes: Size of its values.
        scales: Quantisation scales: none, one, or one a channel.
        zero_points: One a scale.
        channel_axis: The axis that ``scales`` run along where there are several.
        constant: Stored in the file: weights, biases, axes.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    channel_axis: int
    constant: bool

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether its values are floating point numbers."""
        return self.dtype.startswith("float")

    @property
    def scale(self) -> float | None:
        """The scale of a tensor that has one for all its values."""
        return self.scales[0] if len(self.scales) == 1 else None

    @property
    def zero_point(self) -> int | None:
        """The zero point of a tensor that has one for all its values."""
        return self.zero_points[0] if len(self.scales) == 1 else None

    @property
    def is_parameter(self) -> bool:
        """Whether it was learned: a float or quantised constant, unlike axes and shapes."""
        return self.constant and (self.is_float or bool(self.scales))

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "index": self.index,
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "bytes": self.bytes,
            "scales": list(self.scales),
            "zero_points": list(self.zero_points),
            "constant": self.constant,
        }


@dataclass(frozen=True)
class Operator:
    """One operator, in the order of execution.

    Attributes:
        index: Its place in that order.
        name: TFLite's name, as ``CONV_2D``.
        inputs: Tensor numbers; optional inputs that are absent are left out.
        outputs: Tensor numbers.
        macs: Multiply-accumulates of one inference.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "index": self.index,
            "name": self.name,
            "inputs": list(self.inputs),
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
            for index in operator.inputs:
                last[index] = max(place, last.get(index, place))
        alive = [
            (first[index], last.get(index, 0), self.tensors[index].bytes)
            for index in first
            if not self.tensors[index].constant
        ]
        return max(
            (
                sum(size for begin, end, size in alive if begin <= place <= end)
                for place in range(len(self.operators))
            ),
            default=0,
        )

    def weights(self, operator: Operator) -> Tensor | None:
        """The weights of a convolution or dense layer; None where an operator stores none."""
        if operator.name not in _MACS or len(operator.inputs) <= WEIGHTS_INPUT:
            return None
        weights = self.tensors[operator.inputs[WEIGHTS_INPUT]]
        return weights if weights.constant else None

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the totals, then every operator and tensor."""
        return {
            "macs": self.macs,
            "parameters": self.parameters,
            "weights_bytes": self.weights_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "operator_counts": self.operator_counts,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "operators": [operator.as_dict() for operator in self.operators],
            "tensors": [tensor.as_dict() for tensor in self.tensors.values()],
        }


#: Axes of the weights over which one output value sums. Layouts of TFLite: convolution (out,
#: rows, columns, in), depthwise (1, rows, columns, out), dense (out, in). A grouped convolution
#: stores the inputs of one group, so its sum is right as well.
_MACS: dict[str, slice] = {
    "CONV_2D": slice(1, 4),
    "DEPTHWISE_CONV_2D": slice(1, 3),
    "FULLY_CONNECTED": slice(1, 2),
}


def read(content: bytes, backend: Backend | None = None) -> Network:
    """Look inside a network.

    Args:
        content: Bytes of a ``.tflite``, float or int8, bare or with something appended.
        backend: The runtime to read with; None takes the first that works.

    Raises:
        ModelError: not a TFLite network, or a damaged one.
        RuntimeUnavailableError: no runtime can run it.
    """
    if content[4:8] != b"TFL3":
        raise ModelError("not a TFLite model (wrong magic bytes)")
    # Reference kernels take no delegate, which would show as one DELEGATE for all it took over.
    interpreter: Any = start(content, backend=backend, kernels=Kernels.REFERENCE).interpreter
    try:
        nodes = interpreter._get_ops_details()  # noqa: SLF001 - no public way to list operators
        details = interpreter.get_tensor_details()
        inputs = _numbers(detail["index"] for detail in interpreter.get_input_details())
        outputs = _numbers(detail["index"] for detail in interpreter.get_output_details())
    except ValueError as error:  # a name that is no text, a type without a name
        raise ModelError(f"a damaged TFLite model: {error}") from error
    operands = [(_numbers(node["inputs"]), _numbers(node["outputs"])) for node in nodes]
    computed = {*inputs, *(index for _, results in operands for index in results)}
    used = computed.union(outputs, *(arguments for arguments, _ in operands))
    tensors = {
        detail["index"]: _tensor(detail, constant=detail["index"] not in computed)
        for detail in details
        if detail["index"] in used
    }
    operators = tuple(
        Operator(place, node["op_name"], *found, _macs(node["op_name"], *found, tensors))
        for place, (node, found) in enumerate(zip(nodes, operands, strict=True))
    )
    return Network(operators, tensors, inputs, outputs)


def _numbers(indices: Any) -> tuple[int, ...]:
    """As plain integers, without the -1 that stands for an absent input."""
    return tuple(int(index) for index in indices if index >= 0)


def _tensor(detail: dict[str, Any], *, constant: bool) -> Tensor:
    shape = tuple(int(side) for side in detail["shape"])
    dtype = np.dtype(detail["dtype"])
    quantisation = detail["quantization_parameters"]
    return Tensor(
        int(detail["index"]),
        detail["name"],
        shape,
        dtype.name,
        math.prod(shape) * dtype.itemsize,
        tuple(float(scale) for scale in quantisation["scales"]),
        tuple(int(point) for point in quantisation["zero_points"]),
        int(quantisation["quantized_dimension"]),
        constant,
    )


def _macs(
    name: str, inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: Mapping[int, Tensor]
) -> int:
    """Multiply-accumulates of one operator; 0 where it multiplies by no weights."""
    summed = _MACS.get(name)
    if summed is None:
        return 0
    return tensors[outputs[0]].elements * math.prod(tensors[inputs[WEIGHTS_INPUT]].shape[summed])
