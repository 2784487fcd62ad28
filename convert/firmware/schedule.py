"""The order of the steps that needs the least memory at its worst moment.

A network's file fixes what depends on what, not when each branch is computed. Side branches that
read a large activation should run before it is in the way of the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from convert.firmware.step import Step, shared

#: Orders that are followed at once. Our networks need about ten for the optimum.
_BEAM: Final = 64


@dataclass(frozen=True)
class _Partial:
    """The beginning of an order: the most bytes alive together, those alive now, and its steps.

    ``done`` has them as a bit mask, ``order`` as places.
    """

    peak: int
    alive: int
    done: int
    order: tuple[int, ...]


def best(
    steps: Sequence[Step], sizes: Mapping[int, int], inputs: Sequence[int], outputs: Sequence[int]
) -> tuple[Step, ...]:
    """The steps in the order of the smallest peak that a beam search finds.

    ``sizes``: bytes of each activation. ``inputs`` are there from the beginning, ``outputs`` must
    stay to the end.
    """
    readers: dict[int, int] = {}
    for place, step in enumerate(steps):
        for tensor in step.inputs:
            readers[tensor] = readers.get(tensor, 0) | 1 << place
    made = {step.output: place for place, step in enumerate(steps)}
    needs = [
        sum(1 << made[tensor] for tensor in set(step.inputs) if tensor in made) for step in steps
    ]
    alive = sum(sizes[tensor] for tensor in inputs)
    beam = [_Partial(alive, alive, 0, ())]
    for _ in steps:
        found: dict[int, _Partial] = {}
        for partial in beam:
            for place, step in enumerate(steps):
                if partial.done >> place & 1 or needs[place] & ~partial.done:
                    continue
                after = _after(partial, place, step, readers, sizes, outputs)
                known = found.get(after.done)
                if known is None or after.peak < known.peak:
                    found[after.done] = after
        beam = sorted(found.values(), key=lambda item: (item.peak, item.alive, item.order))[:_BEAM]
    return tuple(steps[place] for place in beam[0].order)


def _after(
    partial: _Partial,
    place: int,
    step: Step,
    readers: Mapping[int, int],
    sizes: Mapping[int, int],
    outputs: Sequence[int],
) -> _Partial:
    done = partial.done | 1 << place
    dead = [
        tensor
        for tensor in set(step.inputs)
        if tensor not in outputs and not readers[tensor] & ~done
    ]
    size = sizes[step.output]
    # Bytes that the output may share with an input that nobody reads afterwards.
    common = max(
        (
            shared(sizes[tensor], size, step.in_place_offset[tensor])
            for tensor in dead
            if tensor in step.in_place_offset
        ),
        default=0,
    )
    peak = max(partial.peak, partial.alive + size - common)
    kept = size if step.output in readers or step.output in outputs else 0
    alive = partial.alive + kept - sum(sizes[tensor] for tensor in dead)
    return _Partial(peak, alive, done, (*partial.order, place))
