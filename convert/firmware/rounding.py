"""Whose bytes the exported kernels give where TFLite's two implementations differ."""

from __future__ import annotations

from edge.system.choice import Choice


class Rounding(Choice):
    """How a dense layer's sum becomes an int8.

    ``litert`` is LiteRT's reference kernel, which rounds a product of float64: the bytes of
    ``wm-edge classify --kernels reference``. ``micro`` is TensorFlow Lite Micro, which rescales
    through a 32-bit multiplier as all other operators of both do.
    """

    LITERT = "litert"
    MICRO = "micro"
