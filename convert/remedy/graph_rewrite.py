"""What ai-edge-quantizer's mixed networks need before every runtime can be trusted with them."""

from __future__ import annotations

import copy
from typing import Any

from edge.model import flatbuffer


def mended(content: bytes) -> bytes:
    """Mend a mixed network with int8 input and outputs.

    * Where a tensor is read inside and is an output as well, 16-bit operators are handed the
      output's int8 form, which they take for 16 bits, and the float form that a float operator
      reads becomes the output.
    * QUANTIZE from int8 to int16, which TensorFlow and tflite-runtime refuse, becomes two steps.

    Returns:
        The same network, mended.
    """
    model = flatbuffer.unpacked(content)
    (subgraph,) = model.subgraphs
    _rewire(model, subgraph)
    _take_two_steps(model, subgraph)
    return flatbuffer.packed(model)


def _rewire(model: Any, subgraph: Any) -> None:
    types = [tensor.type for tensor in subgraph.tensors]
    # QUANTIZE and DEQUANTIZE alone have one input of another type than their output.
    converted = {
        op.outputs[0]: op.inputs[0]
        for op in subgraph.operators
        if len(op.inputs) == 1 and types[op.inputs[0]] != types[op.outputs[0]]
    }
    both = set(subgraph.outputs) & converted.keys()
    for op in subgraph.operators:
        for place, index in enumerate(op.inputs):
            if index in both and types[converted[index]] == types[op.outputs[0]]:
                op.inputs[place] = converted[index]
    int8 = types[subgraph.inputs[0]]
    whole = {index: converted[index] for index in both if types[index] != int8}
    subgraph.outputs = [whole.get(index, index) for index in subgraph.outputs]
    for signature in model.signatureDefs or []:
        for entry in signature.outputs:
            entry.tensorIndex = whole.get(entry.tensorIndex, entry.tensorIndex)


def _take_two_steps(model: Any, subgraph: Any) -> None:
    schema: Any = flatbuffer.schema()

    kinds = [code.builtinCode for code in model.operatorCodes]
    steps = []
    for op in subgraph.operators:
        source, target = (subgraph.tensors[found[0]] for found in (op.inputs, op.outputs))
        widens = (source.type, target.type) == (schema.TensorType.INT8, schema.TensorType.INT16)
        if kinds[op.opcodeIndex] == schema.BuiltinOperator.QUANTIZE and widens:
            between = copy.copy(source)
            between.type, between.quantization = schema.TensorType.FLOAT32, None
            between.name, between.buffer = target.name + b"_float", len(model.buffers)
            model.buffers.append(flatbuffer.made("Buffer"))
            made = {"inputs": [op.inputs[0]], "outputs": [len(subgraph.tensors)]}
            kind = _dequantize(model, schema)
            steps.append(flatbuffer.made("Operator", opcodeIndex=kind, **made))
            subgraph.tensors.append(between)
            op.inputs = made["outputs"]
        steps.append(op)
    subgraph.operators = steps


def _dequantize(model: Any, schema: Any) -> int:
    """Number of the operator code, which is added where the network has none yet."""
    wanted = schema.BuiltinOperator.DEQUANTIZE
    for place, code in enumerate(model.operatorCodes):
        if code.builtinCode == wanted:
            return place
    # Version 2 is the one that knows int8.
    numbers = {"builtinCode": wanted, "deprecatedBuiltinCode": wanted, "version": 2}
    model.operatorCodes.append(flatbuffer.made("OperatorCode", **numbers))
    return len(model.operatorCodes) - 1
