"""How large TFLite Micro's tensor arena must be: measured by the real one, else estimated.

The c99 planner's arena says little about TFLite Micro's: that one neither computes in place nor
changes the order. What it needs at the least are the activations that are alive together in the
file's order, and that is what the estimate is built on, with what it keeps of each operator and
tensor beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from convert.firmware.tflm import micro
from edge.model.network import Network

#: TFLite Micro aligns what it places to this.
ALIGNMENT: Final = 16
#: A thirty-second part more than was measured: another compiler lays structures out otherwise.
_HEADROOM: Final = 32
#: An eighth part more than was estimated.
_MARGIN: Final = 8
#: Bytes that are kept of each tensor, operator and output channel (multiplier and shift), with
#: pointers of 8 bytes; found with ``tflite_micro``'s ``print_allocations``.
_TENSOR, _OPERATOR, _CHANNEL = 24, 176, 8


@dataclass(frozen=True)
class Arena:
    """A size and where it comes from.

    Attributes:
        bytes: What the firmware sets aside, a multiple of ``ALIGNMENT``.
        found: What was measured or estimated, without headroom or margin.
        version: Of the wheel that measured it; empty where it was estimated.
    """

    bytes: int
    found: int
    version: str

    @property
    def measured(self) -> bool:
        """Whether TFLite Micro itself found it."""
        return bool(self.version)

    @property
    def origin(self) -> tuple[str, ...]:
        """For a person, as lines."""
        if self.measured:
            return (
                f"Measured: {self.found} bytes with the reference kernels of tflite-micro",
                f"{self.version}, on a machine with pointers of 8 bytes (a board needs less),",
                f"and 1/{_HEADROOM} more.",
            )
        return (
            f"NOT MEASURED, an estimate: {self.found} bytes are the activations alive together",
            f"and what is kept of operators and tensors, and 1/{_MARGIN} more as a margin.",
            "wm-edge export-firmware --measure measures it with TFLite Micro's wheel.",
        )


def arena_of(content: bytes, network: Network) -> Arena:
    """The arena of a network: measured where the wheel is there, else estimated.

    ``content`` is the bare ``.tflite``.

    Raises:
        ModelError: TFLite Micro refuses it.
    """
    if not micro.available():
        return estimated(network)
    found, version = micro.smallest_arena(content)
    return Arena(_aligned(found + found // _HEADROOM), found, version)


def estimated(network: Network) -> Arena:
    """The arena from the network's shapes alone."""
    channels = sum(
        network.tensors[operator.outputs[0]].shape[-1]
        for operator in network.operators
        if network.weights(operator) is not None
    )
    kept = _TENSOR * len(network.tensors) + _OPERATOR * len(network.operators) + _CHANNEL * channels
    found = network.peak_activation_bytes + kept
    return Arena(_aligned(found + found // _MARGIN), found, "")


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
