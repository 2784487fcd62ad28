"""Look at every activation of a network while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import DataError, ModelError
from edge.model import flatbuffer
from edge.model.network import Tensor
from edge.model.runtime import start
from edge.model.wheels import Backend
from edge.wafer import encoding
from edge.wafer.encoding import Encoded

#: Lowest and highest value of an activation that int8 must hold.
Range = tuple[float, float]


class ActivationRecorder:
    """A network that keeps every activation of its last run.

    Args:
        content: Bytes of a ``.tflite`` with one input.
        backend: The runtime; None takes the first that works.

    Raises:
        ModelError: not a TFLite network, or not one of float or the encoding's int8 input.
        RuntimeUnavailableError: no runtime can run it.
    """

    def __init__(self, content: bytes, backend: Backend | None = None) -> None:
        self.network = flatbuffer.read(content)
        if len(self.network.inputs) != 1:
            raise ModelError(f"the network has {len(self.network.inputs)} inputs, not one")
        self.input = self.network.tensors[self.network.inputs[0]]
        if self.input.dtype not in {"float32", "int8"}:
            raise ModelError(f"the network's input is {self.input.dtype}, not float32 or int8")
        self._interpreter = start(content, backend=backend, keep_all=True).interpreter

    def check(self, wafers: Encoded) -> None:
        """Make sure that there are wafers, and of the shape that the network takes.

        Raises:
            DataError: there are none, or they are something else.
        """
        if not len(wafers):
            raise DataError("there is no wafer to run through the network")
        if wafers.dtype != np.uint8 or wafers.shape[1:] != self.input.shape[1:]:
            raise DataError(
                f"the wafers are {wafers.dtype} {wafers.shape[1:]}, the network takes encoded ones "
                f"of uint8 {self.input.shape[1:]}"
            )

    def run(self, wafer: Encoded) -> None:
        """Run one encoded wafer, uint8 (size, size, 2)."""
        feed = encoding.to_shares(wafer) if self.input.is_float else encoding.to_int8(wafer)
        self._interpreter.set_tensor(self.input.index, feed[np.newaxis])
        self._interpreter.invoke()

    def values(self, tensor: Tensor) -> npt.NDArray[Any]:
        """A tensor's values as they are stored, after the last run."""
        found: npt.NDArray[Any] = self._interpreter.get_tensor(tensor.index)
        return found

    def ranges(self, wafers: Encoded) -> dict[str, Range]:
        """``extremes`` of each float activation over the wafers, by the name of its tensor."""
        activations = [
            tensor
            for tensor in self.network.tensors.values()
            if tensor.is_float and not tensor.constant
        ]

        def batches() -> Iterator[dict[str, npt.NDArray[Any]]]:
            for wafer in wafers:
                self.run(wafer)
                yield {tensor.name: self.values(tensor) for tensor in activations}

        return extremes(batches())


def extremes(batches: Iterable[Mapping[str, npt.NDArray[Any]]]) -> dict[str, Range]:
    """Smallest and largest value of each activation; 0 always between them, as int8 needs it."""
    found: dict[str, Range] = {}
    for batch in batches:
        for name, values in batch.items():
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return found
