"""Synthetic wafers one at a time and by the set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import UsageError
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid
from train.synth.areas import CENTER, LOC, blobs, donut, edge_loc, edge_ring, near_full, random
from train.synth.draws import background
from train.synth.frame import Field, WaferFrame
from train.synth.scratch import scratch

Generator: TypeAlias = Callable[[WaferFrame, np.random.Generator], Field]

GENERATORS: Final[dict[str, Generator]] = {
    "Center": lambda frame, rng: blobs(frame, rng, CENTER),
    "Donut": donut,
    "Edge-Loc": edge_loc,
    "Edge-Ring": edge_ring,
    "Loc": lambda frame, rng: blobs(frame, rng, LOC),
    "Near-full": near_full,
    "Random": random,
    "Scratch": scratch,
    "none": background,
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
    return found


def synthesise(pattern: str, grid: DieGrid, rng: np.random.Generator) -> DieGrid:
    """Draw one wafer.

    Args:
        pattern: One of the nine patterns.
        grid: uint8 (rows, columns), nonzero where there is a die (a real wafer will do).
        rng: Source of chance; the same state gives the same wafer.

    Returns:
        uint8 (rows, columns): 0 no die, 1 pass, 2 fail.

    Raises:
        UsageError: unknown pattern, or a grid without a die.
    """
    if pattern not in GENERATORS:
        raise UsageError(f"no pattern {pattern!r}; the patterns are {', '.join(PATTERNS)}")
    frame = WaferFrame.of(grid)
    fails = rng.random(frame.dies.shape) < GENERATORS[pattern](frame, rng)
    return np.where(frame.dies, np.where(fails, FAIL, PASS), NO_DIE).astype(np.uint8)


def synthetic_set(
    counts: Mapping[str, int],
    grids: Sequence[DieGrid],
    seed: int,
    patterns: PatternSet = WM811K,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> LabelledSet:
    """Draw a labelled set.

    Each pattern has a chance of its own: asking for more Donuts changes no Scratch.

    Args:
        counts: Wafers of each pattern; patterns left out get none.
        grids: Die grids to draw on, chosen at random for each wafer.
        seed: The same arguments give the same set.
        patterns: Of the set; those of ``counts`` are ``drawable``.
        progress: Told how many wafers are drawn, and of how many.

    Raises:
        UsageError: a pattern that nobody can draw, a count below zero, or no grid to draw on.
    """
    known = drawable(patterns)
    for pattern, count in counts.items():
        if pattern not in known:
            what = f"there is no generator for the pattern {pattern!r}"
            raise UsageError(f"{what}; there is one for {', '.join(known) or 'none of this set'}")
        if count < 0:
            raise UsageError(f"{count} wafers of {pattern}: a count is zero or more")
    if not grids and any(counts.values()):
        raise UsageError("no die grid to draw on; give at least one")
    labels = [pattern for pattern in known for _ in range(counts.get(pattern, 0))]

    def drawn() -> Iterator[DieGrid]:
        chance = {name: np.random.default_rng((seed, k)) for k, name in enumerate(patterns)}
        for done, pattern in enumerate(labels, 1):
            rng = chance[pattern]
            yield synthesise(known[pattern], grids[int(rng.integers(len(grids)))], rng)
            progress(done, len(labels))

    return build(drawn(), labels, patterns)
