"""Where each activation lies in the arena: fixed at export, so nothing is allocated on the board.

Two activations may share bytes where they are never alive together, and where a step's output may
lie over an input that it is the last to read (``convert.firmware.step.in_place_offset``).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from convert.firmware import schedule
from convert.firmware.step import Step, shared
from edge.errors import ModelError

#: Places are multiples of it: kernels may then read words.
ALIGNMENT: Final = 4
#: Bytes of a value of a convolution's patch.
PATCH_VALUE: Final = 2
#: Sequences of placing that are tried; the seed makes exports repeatable.
_TRIALS: Final = 300
_SEED: Final = 0


@dataclass(frozen=True)
class Life:
    """When an activation is there.

    Attributes:
        size: Its bytes, a multiple of ``ALIGNMENT``.
        born: Step that writes it; -1 for an input of the network.
        dies: Last step that reads it; the number of steps for an output of the network.
    """

    size: int
    born: int
    dies: int

    def meets(self, other: Life) -> bool:
        """Whether the two are there at the same time."""
        return self.born <= other.dies and other.born <= self.dies


@dataclass(frozen=True)
class Plan:
    """The steps in order, and the arena.

    Attributes:
        steps: In the order of execution; those that only rename are left out.
        places: First byte of each activation.
        lives: By activation.
        size: Bytes of the arena.
        patch: Values, int16, that the largest convolution copies, beside the arena.
        bound: Bytes alive together at the worst moment: no arena is smaller in this order.
    """

    steps: tuple[Step, ...]
    places: Mapping[int, int]
    lives: Mapping[int, Life]
    size: int
    patch: int
    bound: int

    @property
    def bytes(self) -> int:
        """All memory that a run of the network needs: arena and patch."""
        return self.size + PATCH_VALUE * self.patch


def plan(
    steps: Sequence[Step], sizes: Mapping[int, int], inputs: Sequence[int], outputs: Sequence[int]
) -> Plan:
    """Order the steps and place their activations.

    Args:
        steps: All of a network, in an order that works.
        sizes: Bytes of each activation.
        inputs: Activations that the caller writes.
        outputs: Activations that the caller reads.

    Raises:
        ModelError: an output of the network that is only another shape of its input.
    """
    names = _roots(steps)
    if any(names.get(tensor, tensor) in inputs for tensor in outputs):
        raise ModelError("an output of the network is its input; no firmware for this model")
    rounded = {tensor: -(-size // ALIGNMENT) * ALIGNMENT for tensor, size in sizes.items()}
    kept = [names.get(tensor, tensor) for tensor in outputs]
    renamed = [_renamed(step, names) for step in steps if not step.alias]
    ordered = schedule.best(renamed, rounded, inputs, kept)
    arena = _Arena.of(ordered, rounded, inputs, kept)
    places = arena.placed()
    size = arena.extent(places)
    for name, root in names.items():
        places[name] = places[root]
    patch = max((step.patch for step in ordered), default=0)
    return Plan(ordered, places, arena.lives, size, patch, arena.bound(len(ordered)))


def _roots(steps: Iterable[Step]) -> dict[int, int]:
    """What each renamed activation really is."""
    names: dict[int, int] = {}
    for step in steps:
        if step.alias:
            names[step.output] = names.get(step.inputs[0], step.inputs[0])
    return names


def _renamed(step: Step, names: Mapping[int, int]) -> Step:
    """The step on what its inputs really are; its calls still name them as the file does."""
    over = step.in_place_offset.items()
    return replace(
        step,
        inputs=tuple(names.get(tensor, tensor) for tensor in step.inputs),
        in_place_offset={names.get(tensor, tensor): distance for tensor, distance in over},
    )


@dataclass(frozen=True)
class _Arena:
    """When each activation is there, and which may lie over which.

    Attributes:
        lives: By activation.
        limits: By (input, output): how far the output may begin behind an input that dies right
            then.
    """

    lives: Mapping[int, Life]
    limits: Mapping[tuple[int, int], int]

    @classmethod
    def of(
        cls,
        steps: Sequence[Step],
        sizes: Mapping[int, int],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> _Arena:
        born = dict.fromkeys(inputs, -1) | {step.output: at for at, step in enumerate(steps)}
        dies = dict(born)
        for at, step in enumerate(steps):
            dies.update(dict.fromkeys(step.inputs, at))
        dies.update(dict.fromkeys(outputs, len(steps)))
        limits = {
            (tensor, step.output): distance // ALIGNMENT * ALIGNMENT
            for at, step in enumerate(steps)
            for tensor, distance in step.in_place_offset.items()
            if dies[tensor] == at
        }
        return cls({one: Life(sizes[one], born[one], dies[one]) for one in born}, limits)

    def placed(self) -> dict[int, int]:
        """The smallest of many sequences of first fit: large ones first, then shuffled a bit."""
        chance = random.Random(_SEED)  # noqa: S311 - a search, not a secret
        sequence = sorted(self.lives, key=lambda tensor: (-self.lives[tensor].size, tensor))
        best = self._first_fit(sequence)
        for _ in range(_TRIALS if len(sequence) > 1 else 0):
            trial = list(sequence)
            for _ in range(chance.randint(1, 3)):
                here, there = chance.sample(range(len(trial)), 2)
                trial.insert(there, trial.pop(here))
            places = self._first_fit(trial)
            if self.extent(places) <= self.extent(best):
                best, sequence = places, trial
        return best

    def _first_fit(self, sequence: Sequence[int]) -> dict[int, int]:
        """Each activation at the lowest place that what was placed before leaves.

        Places below 0 are allowed, because an output may have to begin before its input; the whole
        is moved up at the end.
        """
        places: dict[int, int] = {}
        for tensor in sequence:
            size = self.lives[tensor].size
            near = {
                other: there
                for other, there in places.items()
                if self.lives[tensor].meets(self.lives[other])
            }
            candidates = {0}
            for other, there in near.items():
                candidates |= {there + self.lives[other].size, there - size}
                if (other, tensor) in self.limits:
                    candidates.add(there + self.limits[other, tensor])
                if (tensor, other) in self.limits:
                    candidates.add(there - self.limits[tensor, other])
            fitting = [
                place
                for place in candidates
                if all(self._fits(tensor, place, other, there) for other, there in near.items())
            ]
            begin, end = min(places.values(), default=0), self.extent(places)
            places[tensor] = min(
                fitting, key=lambda place: (max(end, place + size) - min(begin, place), place)
            )
        lowest = min(places.values(), default=0)
        return {tensor: place - lowest for tensor, place in places.items()}

    def _fits(self, tensor: int, place: int, other: int, there: int) -> bool:
        """Whether two activations that are there at the same time do not spoil each other."""
        if place + self.lives[tensor].size <= there or there + self.lives[other].size <= place:
            return True
        if (other, tensor) in self.limits:
            return place <= there + self.limits[other, tensor]
        if (tensor, other) in self.limits:
            return there <= place + self.limits[tensor, other]
        return False

    def extent(self, places: Mapping[int, int]) -> int:
        """Where the last of these activations ends."""
        return max((at + self.lives[tensor].size for tensor, at in places.items()), default=0)

    def bound(self, steps: int) -> int:
        """Bytes alive together at the worst step, what output and input may share counted once."""
        worst = 0
        for at in range(-1, steps + 1):
            alive = [life for life in self.lives.values() if life.born <= at <= life.dies]
            total = sum(life.size for life in alive)
            for made, life in self.lives.items():
                if life.born == at:
                    common = sum(
                        shared(self.lives[source].size, life.size, distance)
                        for (source, output), distance in self.limits.items()
                        if output == made
                    )
                    total -= min(common, life.size)
            worst = max(worst, total)
        return worst
