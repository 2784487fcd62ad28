"""The TFLite runtimes by name."""

from __future__ import annotations

from edge.system.choice import Choice


class Backend(Choice):
    """A TFLite runtime."""

    LITERT = "litert"
    TFLITE = "tflite"
    TENSORFLOW = "tensorflow"
