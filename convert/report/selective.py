"""Int8 for single operators of a float ``.tflite``, by ``ai-edge-quantizer``, without TensorFlow.

A recipe picks operators by searching a regular expression in the names of their outputs, joined and
ended by ``;``; of several entries that match, the last one holds. Network input and output stay
float: an int8 input of scale 1/255, or an int8 output that is read back, gives the same values.
"""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError
from edge.model import flatbuffer
from edge.model.network import Network, Operator
from edge.system.native_log import silence_native_output

#: Smallest and largest value of each activation, by the name of its tensor.
Ranges = dict[str, tuple[float, float]]

_Recipe = list[dict[str, Any]]


class Selective:
    """Makes variants of a float network in which chosen operators are int8.

    Args:
        content: The float ``.tflite``.
        network: The same, read.
        keep: Number of the one output tensor that the variants keep.
        ranges: What the int8 form of each activation must hold.

    Raises:
        ModuleNotFoundError: ai-edge-quantizer is not installed.
    """

    def __init__(self, content: bytes, network: Network, keep: int, ranges: Ranges) -> None:
        self._quantizer: Any = importlib.import_module("ai_edge_quantizer.quantizer")
        self._content = _with_one_output(content, keep)
        self._network = network
        self._ranges = ranges

    def everything(self) -> bytes:
        """All operators in int8 that the quantizer has an int8 form of."""
        return self._quantised([*_int8(".*"), *_OUTSIDE])

    def only(self, operator: Operator) -> bytes:
        """This operator in int8, all others float."""
        return self._quantised([*_int8(self._scope(operator)), *_OUTSIDE])

    def without(self, operator: Operator) -> bytes:
        """All in int8 but this operator."""
        return self._quantised([*_int8(".*"), *_OUTSIDE, _float(self._scope(operator))])

    def _scope(self, operator: Operator) -> str:
        """What matches this operator alone."""
        names = (self._network.tensors[index].name for index in operator.outputs)
        return "^" + "".join(re.escape(name) + ";" for name in names) + "$"

    def _quantised(self, recipe: _Recipe) -> bytes:
        with silence_native_output(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that keeping all tensors takes memory
            try:
                result = self._quantizer.Quantizer(self._content, recipe).quantize(
                    statistics(self._ranges),
                    enable_progress_bar=False,
                    enable_progress_report=False,
                )
            # Two layers share a constant, or two tensors a name, for example.
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"ai-edge-quantizer cannot quantise it: {error}") from error
            return bytes(result.quantized_model)


def statistics(ranges: Ranges) -> dict[str, dict[str, npt.NDArray[np.float32]]]:
    """Ranges in the form of the quantizer's own calibration result."""
    return {
        name: {"min": np.asarray([low], np.float32), "max": np.asarray([high], np.float32)}
        for name, (low, high) in ranges.items()
    }


def _with_one_output(content: bytes, keep: int) -> bytes:
    """The network without its other outputs.

    An output that also feeds the last operator, as an embedding feeds the logits, would get that
    operator wired wrongly: the quantizer (0.10) takes the -1 that stands for "outside" as an index.
    """
    model = flatbuffer.unpacked(content)
    model.subgraphs[0].outputs = [keep]
    for signature in model.signatureDefs or ():
        signature.outputs = [entry for entry in signature.outputs if entry.tensorIndex == keep]
    return flatbuffer.packed(model)


def _int8(scope: str) -> _Recipe:
    """Full int8 as ``wm-edge convert`` makes it: a scale a channel, dense layers one a tensor."""
    return [_static(scope, "*", "CHANNELWISE"), _static(scope, "FULLY_CONNECTED", "TENSORWISE")]


def _static(scope: str, operation: str, granularity: str) -> dict[str, Any]:
    int8 = {"num_bits": 8, "dtype": "INT"}
    return {
        "regex": scope,
        "operation": operation,
        "algorithm_key": "min_max_uniform_quantize",
        "op_config": {
            "activation_tensor_config": {**int8, "symmetric": False, "granularity": "TENSORWISE"},
            "weight_tensor_config": {**int8, "symmetric": True, "granularity": granularity},
            "compute_precision": "INTEGER",
            "explicit_dequantize": False,
        },
    }


def _float(scope: str, operation: str = "*") -> dict[str, Any]:
    return {"regex": scope, "operation": operation, "algorithm_key": "no_quantize"}


#: Keeps the network's input and output float.
_OUTSIDE: Final = (_float(".*", "INPUT"), _float(".*", "OUTPUT"))
