"""The TFLite runtimes by name."""

from __future__ import annotations

from enum import Enum


class Backend(str, Enum):
    """A TFLite runtime."""

    LITERT = "litert"
    TFLITE = "tflite"
    TENSORFLOW = "tensorflow"

    def __str__(self) -> str:
        return self.value
