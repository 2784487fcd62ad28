"""Is a bare ``.tflite`` what it claims: int8, builtin operators, the right input scale?"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.errors import ModelError
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS


@dataclass(frozen=True)
class Structure:
    """What is inside a quantised network.

    Attributes:
        operators: Number of nodes by operator name.
        input: scale and zero_point.
        output: scale and zero_point of the logits.
        embedding: scale, zero_point and size of the second output.
    """

    operators: dict[str, int]
    input: dict[str, Any]
    output: dict[str, Any]
    embedding: dict[str, Any]


def inspect(content: bytes, *, spared: bool = False) -> Structure:
    """Look inside a bare ``.tflite`` and refuse what a station or microcontroller could not trust.

    Args:
        content: The network.
        spared: A remedy may have left operators in float or 16 bits; input and outputs are int8.

    Raises:
        ModelError: a custom or flex operator, a float tensor, an input scale or zero point other
            than the encoding's.
    """
    # The reference route keeps the graph as it is; XNNPACK would show up as one DELEGATE node.
    from tensorflow.lite.python.interpreter import Interpreter, OpResolverType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow would rather have LiteRT used
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:  # a flex operator fails here, before it could be listed
        raise ModelError(f"it needs more than TFLite's builtin operators: {error}") from error
    operators: dict[str, int] = {}
    for node in interpreter._get_ops_details():  # noqa: SLF001 - no public way to list operators
        operators[node["op_name"]] = operators.get(node["op_name"], 0) + 1
    foreign = [
        name for name in operators if name.upper().startswith(("FLEX", "CUSTOM", "DELEGATE"))
    ]
    if foreign:
        raise ModelError(f"the network needs {', '.join(foreign)}: not a TFLite builtin operator")
    for tensor in interpreter.get_tensor_details():
        if not spared and np.dtype(tensor["dtype"]).kind == "f":
            raise ModelError(
                f"tensor {tensor['name']} is {np.dtype(tensor['dtype']).name}: not all of the "
                "network was quantised"
            )
    found = _quantised(interpreter.get_input_details()[0], "input")
    outputs = interpreter.get_output_details()
    logits = [tensor for tensor in outputs if tensor["shape"][-1] == len(PATTERNS)]
    others = [tensor for tensor in outputs if tensor["shape"][-1] != len(PATTERNS)]
    if len(logits) != 1 or len(others) != 1:
        shapes = [tuple(tensor["shape"].tolist()) for tensor in outputs]
        raise ModelError(f"the outputs are {shapes}, not nine logits and an embedding")
    if (
        not math.isclose(found["scale"], encoding.INPUT_SCALE, rel_tol=1e-5)
        or found["zero_point"] != encoding.INPUT_ZERO_POINT
    ):
        raise ModelError(
            f"the input has scale {found['scale']:.8g} and zero point {found['zero_point']}; the "
            f"encoding declares {encoding.INPUT_SCALE:.8g} and {encoding.INPUT_ZERO_POINT}: "
            "it was calibrated on another range than the station feeds"
        )
    size = int(others[0]["shape"][-1])
    embedding = {**_quantised(others[0], "embedding"), "size": size}
    return Structure(operators, found, _quantised(logits[0], "output"), embedding)


def _quantised(tensor: dict[str, Any], what: str) -> dict[str, Any]:
    if np.dtype(tensor["dtype"]) != np.int8:
        raise ModelError(f"the {what} is {np.dtype(tensor['dtype']).name}, not int8")
    scale, zero_point = tensor["quantization"]
    return {"scale": float(scale), "zero_point": int(zero_point)}
