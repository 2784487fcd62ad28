"""Which patterns can be drawn, and a wafer of one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from edge.errors import UsageError
from edge.synth import draws
from edge.synth.areas import CENTER, LOC, blobs, donut, edge_loc, edge_ring, near_full, random
from edge.synth.frame import Field, WaferFrame
from edge.synth.scratch import scratch
from edge.wafer.patterns import NOTHING, PATTERNS, WM811K, Pattern, PatternSet
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

Generator: TypeAlias = Callable[[WaferFrame, np.random.Generator, draws.Background], Field]

GENERATORS: Final[dict[str, Generator]] = {
    "Center": partial(blobs, ranges=CENTER),
    "Donut": donut,
    "Edge-Loc": edge_loc,
    "Edge-Ring": edge_ring,
    "Loc": partial(blobs, ranges=LOC),
    "Near-full": near_full,
    "Random": random,
    "Scratch": scratch,
    "none": lambda frame, rng, background: background(frame, rng),
}


def drawable(patterns: PatternSet) -> dict[str, str]:
    """Patterns of a set that there is a generator for: {name: name of the generator}.

    They are matched by the one rule of spelling and by the aliases of either side. What the set
    takes for no pattern, and nothing else, is drawn as ``none``.
    """
    found = {}
    for name in patterns:
        alias = (other for other in GENERATORS if patterns.named(other) == name)
        generator = WM811K.named(name) or next(alias, None)
        if generator and (generator == WM811K.none) == (name == patterns.none):
            found[name] = generator
    if patterns.is_several:
        found[NOTHING] = Pattern.NONE.value
    return found


def laid_over(generators: Sequence[str], grid: DieGrid, rng: np.random.Generator) -> DieGrid:
    """Draw one wafer with several patterns: what fails in any fails.

    Args:
        generators: Of the patterns, at least one; the first brings the scatter of single fails.
        grid: As of ``synthesise``.
        rng: Source of chance.

    Raises:
        UsageError: as ``synthesise``.
    """
    first, *others = generators
    made = synthesise(first, grid, rng)
    for other in others:
        made = np.maximum(made, synthesise(other, grid, rng, 0.0))
    return made


def synthesise(
    pattern: str,
    grid: DieGrid,
    rng: np.random.Generator,
    background: float | None = None,
) -> DieGrid:
    """Draw one wafer.

    Args:
        pattern: One of the nine patterns.
        grid: uint8 (rows, columns), nonzero where there is a die (a real wafer will do).
        rng: Source of chance; the same state gives the same wafer.
        background: Share of the dies that fails at random, 0..1, for what belongs to no pattern.
            None: as the generator draws it, which is as on real wafers.

    Returns:
        uint8 (rows, columns): 0 no die, 1 pass, 2 fail.

    Raises:
        UsageError: unknown pattern, a grid without a die, or a background out of range.
    """
    if pattern not in GENERATORS:
        raise UsageError(f"no pattern {pattern!r}; the patterns are {', '.join(PATTERNS)}")
    frame = WaferFrame.of(grid)
    chance = rng.random(frame.dies.shape)
    if background is None:
        probability = GENERATORS[pattern](frame, rng, draws.background)
    else:
        if not 0 <= background <= 1:
            raise UsageError(f"a background of {background}; it is a share from 0 to 1")
        alone = GENERATORS[pattern](frame, rng, draws.no_background)
        probability = draws.either(alone, background)
    return np.where(frame.dies, np.where(chance < probability, FAIL, PASS), NO_DIE).astype(np.uint8)
