"""The machine's int8 peak: a network of one large convolution, built without a converter.

Its figure is what the runtime's own kernels reach where nothing but multiplying is to be done; no
network of small layers gets there. On an x86-64 core with AVX-512 VNNI it came out at 222 GMAC/s:
64 a cycle at 3.5 GHz, which is one full-width instruction in every cycle.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from edge.model import flatbuffer
from edge.model.flatbuffer import made

#: Side and channels of input and output; large enough to hide everything around the multiplying,
#: small enough (0.4 MB in all) to stay in the cache. Of nine shapes tried on x86-64, from 1x1
#: to 3x3 and 64 to 512 channels, all came within 8 % of each other and this one highest.
SIDE: Final = 32
CHANNELS: Final = 128
KERNEL: Final = 3

#: What stands in reports.
DESCRIPTION: Final = (
    f"one {KERNEL}x{KERNEL} int8 convolution, {SIDE}x{SIDE}x{CHANNELS}, LiteRT, one thread"
)

#: Multiply-accumulates of one run, padding counted as the runtime computes it.
MACS: Final = SIDE * SIDE * CHANNELS * CHANNELS * KERNEL * KERNEL

#: Version of CONV_2D that takes int8 with a scale a channel.
_CONV_VERSION: Final = 3


def network() -> bytes:
    """The ``.tflite``: one CONV_2D, int8 (1, SIDE, SIDE, CHANNELS) in and out, fixed weights.

    Raises:
        ModelError: TFLite's schema is not installed.
    """
    schema: Any = flatbuffer.schema()
    shape = [1, SIDE, SIDE, CHANNELS]
    kernel = [CHANNELS, KERNEL, KERNEL, CHANNELS]
    weights = np.random.default_rng(0).integers(-127, 128, kernel).astype(np.int8)
    conv = schema.BuiltinOperator.CONV_2D
    code = made("OperatorCode", builtinCode=conv, deprecatedBuiltinCode=conv, version=_CONV_VERSION)
    operator = made(
        "Operator",
        inputs=[0, 1, 2],
        outputs=[3],
        builtinOptionsType=schema.BuiltinOptions.Conv2DOptions,
        builtinOptions=made("Conv2DOptions", padding=schema.Padding.SAME, strideH=1, strideW=1),
    )
    int8, int32 = schema.TensorType.INT8, schema.TensorType.INT32
    tensors = [
        _tensor("input", shape, int8, 0, [1 / 255], -128),
        _tensor("weights", kernel, int8, 1, [0.01] * CHANNELS, 0),
        _tensor("bias", [CHANNELS], int32, 2, [0.01 / 255] * CHANNELS, 0),
        _tensor("output", shape, int8, 0, [0.5], 0),
    ]
    graph = made("SubGraph", tensors=tensors, inputs=[0], outputs=[3], operators=[operator])
    # Buffer 0 is the empty one, by TFLite's convention.
    data = (None, weights.reshape(-1).view(np.uint8), np.zeros(4 * CHANNELS, np.uint8))
    model = made(
        "Model",
        version=3,
        description="wm-edge bench",
        operatorCodes=[code],
        subgraphs=[graph],
        buffers=[made("Buffer", data=each) for each in data],
    )
    return flatbuffer.packed(model)


def _tensor(
    name: str, shape: list[int], kind: int, buffer: int, scales: list[float], zero_point: int
) -> Any:
    points = [zero_point] * len(scales)
    steps = made("QuantizationParameters", scale=scales, zeroPoint=points)
    return made("Tensor", name=name, shape=shape, type=kind, buffer=buffer, quantization=steps)
