"""What an operator becomes: calls of kernels, and where its output may lie in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError
from edge.model.network import Operator

#: Members of a kernel's parameters: numbers, or arrays that go to flash on their own.
Fields = Mapping[str, int | npt.NDArray[Any]]


@dataclass(frozen=True)
class Call:
    """One call of a kernel.

    Attributes:
        kernel: ``wm_<kernel>`` in ``kernels/<kernel>.c``, with parameters of ``wm_<kernel>_op``.
        fields: Members of its parameters; ``a.b`` for a member of a member.
        inputs: Tensors that it reads, in the order of its arguments.
    """

    kernel: str
    fields: Fields
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One operator as calls.

    Attributes:
        inputs: Activations that it reads.
        in_place_offset: By input that the output may lie over: the largest distance in bytes from
            where that input begins to where the output may begin. Smaller ones are as good.
        patch: Values, int16, that its kernel copies before it writes an output pixel.
        macs: Multiply-accumulates.
        alias: The output is the input under another shape, so nothing is called.
    """

    operator: Operator
    calls: tuple[Call, ...]
    inputs: tuple[int, ...]
    output: int
    in_place_offset: Mapping[int, int] = field(default_factory=dict)
    patch: int = 0
    macs: int = 0
    alias: bool = False

    @classmethod
    def of(
        cls,
        operator: Operator,
        kernel: str,
        fields: Fields,
        *inputs: int,
        in_place_offset: int | None = None,
        patch: int = 0,
        macs: int = 0,
    ) -> Step:
        """One call of a kernel; the output may lie equally far over each of its inputs."""
        over = {} if in_place_offset is None else dict.fromkeys(inputs, in_place_offset)
        call = Call(kernel, fields, inputs)
        return cls(operator, (call,), inputs, operator.outputs[0], over, patch, macs)


def refusal(operator: Operator, why: str) -> ModelError:
    """The error for what no kernel is written for."""
    return ModelError(
        f"operator {operator.index}, {operator.name}: {why}; no firmware for this model"
    )


def in_place_offset(first_reads: npt.NDArray[np.int64], written: int, *, copied: bool) -> int:
    """How far an output may begin behind its input's beginning without spoiling what is unread.

    A kernel walks over the pixels of its output in order; what it has written by then must end
    before the first byte that it will still read.

    Args:
        first_reads: int64 (pixels,), where the first byte that each output pixel reads stands.
        written: Bytes of one output pixel.
        copied: A pixel's inputs are all read before its first byte is written.

    Returns:
        Bytes, negative where the output must begin earlier than the input.
    """
    pending = np.minimum.accumulate(first_reads[::-1])[::-1]
    ends = written * np.arange(1, len(pending) + 1)
    if copied:
        pending, ends = pending[1:], ends[:-1]
    # The last pixel of a copying kernel is free; a single one may lie anywhere over its input.
    return int((pending - ends).min()) if len(pending) else 0


def shared(before: int, after: int, distance: int) -> int:
    """Bytes that an output of ``after`` bytes can share with an input of ``before`` bytes.

    ``distance``: the in-place offset between them.
    """
    return max(0, min(before, after + min(distance, 0)))
