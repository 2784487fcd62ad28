"""The float TFLite network that an int8 file was made of: read it, and run it on wafers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError
from edge.model.backend import Backend
from edge.model.model_file import MAX_BYTES, ModelFile
from edge.model.runtime import start
from edge.system.regular_file import read_bytes
from edge.wafer import encoding
from edge.wafer.encoding import Encoded
from edge.wafer.patterns import PATTERNS

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


class FloatNetwork:
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
        known = model.metadata.get("network", {}).get("float_sha256")
        if known and known != hashlib.sha256(content).hexdigest():
            raise ModelError(
                f"the float network is not the one that {model.path} was made of; give its own "
                "with --float (`wm-edge convert` writes both)"
            )
        self._interpreter = start(content, backend=backend).interpreter
        size = int(model.metadata["encoding"]["size"])
        wanted = {"input": (1, size, size, encoding.PLANES), "output": (1, len(PATTERNS))}
        details = {
            "input": self._interpreter.get_input_details(),
            "output": self._interpreter.get_output_details(),
        }
        self._places = {}
        for side, shape in wanted.items():
            found = [
                int(tensor["index"])
                for tensor in details[side]
                if tuple(int(n) for n in tensor["shape"]) == shape
                and np.dtype(tensor["dtype"]) == np.float32
            ]
            if len(found) != 1:
                raise ModelError(
                    f"the float network has {len(found)} float32 {side} tensors of {shape} and "
                    f"not one: it is no float form of {model.path}; check --float"
                )
            self._places[side] = found[0]
        self.size = size
        self._order = [model.labels.index(name) for name in PATTERNS]

    def run(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        """Logits (9,) of one encoded wafer, in the order of ``PATTERNS``."""
        shares = encoding.to_shares(encoded)[np.newaxis]
        self._interpreter.set_tensor(self._places["input"], shares)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._places["output"])[0][self._order]
