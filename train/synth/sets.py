"""Synthetic wafers by the set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import UsageError
from edge.synth.generators import drawable, synthesise
from edge.wafer.patterns import WM811K, PatternSet
from edge.wafer.wafermap import DieGrid


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
