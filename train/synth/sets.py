"""Synthetic wafers by the set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import UsageError
from edge.synth.generators import drawable, laid_over
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
        counts: Wafers of each pattern, or of each label of several; those left out get none.
        grids: Die grids to draw on, chosen at random for each wafer.
        seed: The same arguments give the same set.
        patterns: Of the set; those of ``counts`` are ``drawable``, alone or laid over each other.
        progress: Told how many wafers are drawn, and of how many.

    Raises:
        UsageError: a pattern that nobody can draw, a count below zero, or no grid to draw on.
    """
    known = drawable(patterns)
    made: dict[str, tuple[str, ...]] = {name: (generator,) for name, generator in known.items()}
    for pattern, count in counts.items():
        parts = (pattern,) if pattern in known else patterns.shown(pattern)
        if not all(part in known for part in parts):
            what = f"there is no generator for the pattern {pattern!r}"
            raise UsageError(f"{what}; there is one for {', '.join(known) or 'none of this set'}")
        if count < 0:
            raise UsageError(f"{count} wafers of {pattern}: a count is zero or more")
        made[pattern] = tuple(known[part] for part in parts)
    if not grids and any(counts.values()):
        raise UsageError("no die grid to draw on; give at least one")
    labels = [label for label in made for _ in range(counts.get(label, 0))]

    def drawn() -> Iterator[DieGrid]:
        order = (*patterns, *(label for label in made if label not in patterns))
        chance = {name: np.random.default_rng((seed, k)) for k, name in enumerate(order)}
        for done, label in enumerate(labels, 1):
            rng = chance[label]
            yield laid_over(made[label], grids[int(rng.integers(len(grids)))], rng)
            progress(done, len(labels))

    return build(drawn(), labels, patterns)
