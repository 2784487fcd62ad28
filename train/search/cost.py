"""What a network costs where it works: bytes, time and memory, known before it is trained."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from edge.model import flatbuffer
from edge.model.model_file import ModelFile
from edge.model.runtime import start
from edge.system.typed import Strict

if TYPE_CHECKING:
    from convert.candidate import Candidates

#: ``invoke`` of both networks is timed in turns: so many blocks of so many runs each.
_BLOCKS, _RUNS = 30, 10

_Above0 = Annotated[float, Meta(gt=0, le=1e9)]


class Limits(Strict, frozen=True):
    """What no network may cost more than, section ``[limits]``; none: whatever it costs.

    Attributes:
        file_kb: The model file, in thousands of bytes.
        invoke: Time of one inference, in times that of ``seed-final`` quantised alike.
        arena_kb: What TFLite Micro sets aside on a microcontroller, in units of 1024 bytes.
    """

    file_kb: _Above0 | None = None
    invoke: _Above0 | None = None
    arena_kb: _Above0 | None = None


class Cost(Struct, frozen=True):
    """What one network costs.

    Attributes:
        bytes: Of the model file, with what conversion will write into it.
        invoke: One inference, in times that of ``seed-final`` quantised alike, timed in turns.
        microseconds: The same on this machine, the quietest block.
        arena: Bytes of TFLite Micro's arena.
        arena_measured: By TFLite Micro itself, or estimated.
        macs: Multiply-accumulates of one inference.
        parameters: Numbers in the network, written out.
    """

    bytes: int
    invoke: float
    microseconds: float
    arena: int
    arena_measured: bool
    macs: int
    parameters: int

    def excess(self, limits: Limits) -> dict[str, float]:
        """By how much of each limit it is above it; below 0: it keeps it."""
        found = (
            ("file_kb", self.bytes / 1000, limits.file_kb),
            ("invoke", self.invoke, limits.invoke),
            ("arena_kb", self.arena / 1024, limits.arena_kb),
        )
        return {name: value / limit - 1 for name, value, limit in found if limit is not None}

    def refusal(self, limits: Limits) -> str:
        """Which limits it does not keep, in words; empty: it keeps all."""
        above = [name for name, part in self.excess(limits).items() if part > 0]
        words = {
            "file_kb": f"{self.bytes / 1000:.1f} kB, at most {limits.file_kb or 0:g}",
            "invoke": f"invoke {self.invoke:.2f} x seed-final, at most {limits.invoke or 0:g}",
            "arena_kb": f"arena {self.arena / 1024:.1f} KB, at most {limits.arena_kb or 0:g}",
        }
        return "; ".join(words[name] for name in above)

    def __str__(self) -> str:
        """In a line."""
        return (
            f"{self.bytes / 1000:.1f} kB, invoke {self.invoke:.2f} x seed-final, "
            f"arena {self.arena / 1024:.1f} KB"
        )


def measure(drafted: ModelFile, yardstick: bytes, candidates: Candidates) -> Cost:
    """Measure a network.

    Args:
        drafted: As it would ship.
        yardstick: ``seed-final`` quantised alike, a bare ``.tflite``.
        candidates: What drafted it.
    """
    ratio, seconds = _against(drafted.network, yardstick)
    arena = candidates.arena(drafted)
    return Cost(
        candidates.expected_bytes(drafted),
        round(ratio, 3),
        round(1e6 * seconds, 1),
        arena.bytes,
        arena.measured,
        flatbuffer.read(drafted.network).macs,
        drafted.metadata.network.parameters,
    )


def _against(network: bytes, yardstick: bytes) -> tuple[float, float]:
    """Time of ``invoke`` in times the other's, and in seconds.

    The median over blocks that stand side by side: what disturbs both alike cancels.
    """
    both = [start(content).interpreter.invoke for content in (network, yardstick)]
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(_BLOCKS):
        for invoke, blocks in zip(both, taken, strict=True):
            began = time.perf_counter()
            for _ in range(_RUNS):
                invoke()
            blocks.append((time.perf_counter() - began) / _RUNS)
    ratios = [ours / theirs for ours, theirs in zip(*taken, strict=True)]
    return statistics.median(ratios), min(taken[0])


#: The network that time is measured by.
YARDSTICK: Final = "seed-final"
