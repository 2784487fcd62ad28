"""Is a bare ``.tflite`` what it claims: int8, builtin operators, the right input scale?"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge import encoding
from edge.errors import ModelError


@dataclass(frozen=True)
class Structure:
    """What is inside a quantised network.

    Attributes:
        operators: Number of nodes by operator name.
        input: scale and zero_point.
        output: scale and zero_point.
    """

    operators: dict[str, int]
    input: dict[str, Any]
    output: dict[str, Any]


def inspect(content: bytes) -> Structure:
    """Look inside a bare ``.tflite`` and refuse what a station or microcontroller could not trust.

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
        if np.dtype(tensor["dtype"]).kind == "f":
            raise ModelError(
                f"tensor {tensor['name']} is {np.dtype(tensor['dtype']).name}: not all of the "
                "network was quantised"
            )
    sides = {}
    for side, details in (
        ("input", interpreter.get_input_details()),
        ("output", interpreter.get_output_details()),
    ):
        if np.dtype(details[0]["dtype"]) != np.int8:
            raise ModelError(f"the {side} is {np.dtype(details[0]['dtype']).name}, not int8")
        scale, zero_point = details[0]["quantization"]
        sides[side] = {"scale": float(scale), "zero_point": int(zero_point)}
    found = sides["input"]
    if (
        not math.isclose(found["scale"], encoding.INPUT_SCALE, rel_tol=1e-5)
        or found["zero_point"] != encoding.INPUT_ZERO_POINT
    ):
        raise ModelError(
            f"the input has scale {found['scale']:.8g} and zero point {found['zero_point']}; the "
            f"encoding declares {encoding.INPUT_SCALE:.8g} and {encoding.INPUT_ZERO_POINT}: "
            "it was calibrated on another range than the station feeds"
        )
    return Structure(operators, sides["input"], sides["output"])
