"""The float TFLite network that an int8 file was made of: read it, and run it on wafers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError
from edge.model.model_file import MAX_BYTES, ModelFile
from edge.model.runtime import start
from edge.model.wheels import Backend
from edge.system.regular_file import read_bytes
from edge.wafer import encoding
from edge.wafer.encoding import Encoded

#: A float weight takes four times the space of an int8 one.
_MAX_BYTES: Final = 4 * MAX_BYTES


def read(path: Path) -> bytes:
    """Read a bare float ``.tflite``.

    Raises:
        ModelError: missing, no regular file, too large, or no TFLite network.
    """
    try:
        content = read_bytes(path, _MAX_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check --float") from error
    if content[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TFLite model (wrong magic bytes); check --float")
    return content


def beside(model: Path) -> Path:
    """Where ``wm-edge convert`` writes the float network of a model file."""
    return model.with_name(f"{model.stem}.float.tflite")


class LogitsNetwork:
    """A network at work that need not be a model file: float or int8, logits among its outputs.

    Args:
        content: Bytes of a ``.tflite``.
        patterns: How many logits it gives.
        backend: The runtime; None takes the first that works.
        mend: What to do where it is no such network.

    Attributes:
        shape: Of its input.
        is_float: Whether input and logits are float32.

    Raises:
        ModelError: it has not one input and one output of as many logits as there are patterns.
        RuntimeUnavailableError: no runtime can run it.
    """

    def __init__(
        self,
        content: bytes,
        patterns: int,
        backend: Backend | None = None,
        mend: str = "give another one",
    ) -> None:
        self._interpreter = start(content, backend=backend).interpreter
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        logits = [each for each in outputs if tuple(each["shape"]) == (1, patterns)]
        if len(inputs) != 1 or len(logits) != 1:
            raise ModelError(
                f"the network has {len(inputs)} inputs and {len(logits)} outputs of {patterns} "
                f"logits, not one of each: {mend}"
            )
        self._input, self._logits = inputs[0]["index"], logits[0]["index"]
        self._scale, self._zero_point = logits[0]["quantization"]
        self.shape = tuple(map(int, inputs[0]["shape"]))
        takes_float = inputs[0]["dtype"] == np.float32
        self.is_float = takes_float and not self._scale
        self._feed = encoding.to_shares if takes_float else encoding.to_int8

    def run(self, encoded: Encoded) -> npt.NDArray[np.floating[Any]]:
        """Logits (patterns,) of one encoded wafer, (size, size, 2), in the network's order."""
        self._interpreter.set_tensor(self._input, self._feed(encoded)[np.newaxis])
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._logits)[0]
        return (found.astype(np.float64) - self._zero_point) * self._scale if self._scale else found


class FloatNetwork(LogitsNetwork):
    """A float network at work.

    Args:
        content: Bytes of a ``.tflite``.
        model: The int8 file that was made of it: gives encoding and order of the labels.
        backend: The runtime; None takes the first that works.

    Raises:
        ModelError: its input or outputs are not those of a float form of ``model``, or the model
            file names another one.
        RuntimeUnavailableError: no runtime can run it.
    """

    def __init__(self, content: bytes, model: ModelFile, backend: Backend | None = None) -> None:
        known = model.metadata.network.float_sha256
        if known and known != hashlib.sha256(content).hexdigest():
            what = f"the float network is not the one that {model.path} was made of"
            raise ModelError(f"{what}; give its own with --float (`wm-edge convert` writes both)")
        self.size = model.metadata.encoding.size
        wanted = (1, self.size, self.size, encoding.PLANES)
        mend = f"it is no float form of {model.path}; check --float"
        super().__init__(content, len(model.labels), backend, mend)
        if self.shape != wanted or not self.is_float:
            raise ModelError(f"the network takes {self.shape} and not float32 {wanted}: {mend}")
        self._order = [model.labels.index(name) for name in model.patterns]

    def run(self, encoded: Encoded) -> npt.NDArray[np.floating[Any]]:
        """Logits (patterns,) of one encoded wafer, in the order of the pattern set."""
        return super().run(encoded)[self._order]
