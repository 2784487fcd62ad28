"""The wafers of a yield sweep: a pattern, or none, over a share of dies that fail at random.

Labelled sets hold next to no wafer that yields more than 99 %. So patterns are drawn with nothing
else that fails, on the set's own die grids and on round ones, and wafers of the set are cleared of
what is not their pattern; then some of the other dies fail at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from edge.dataset.labelled_set import LabelledSet
from edge.synth.frame import SIDES, any_round_grid
from edge.synth.generators import drawable, synthesise
from edge.synth.yields import EVERYWHERE, cleared, thinned, with_fails
from edge.system.choice import Choice
from edge.verdict.rule import MIN_FAILS
from edge.wafer.patterns import Pattern, PatternSet
from edge.wafer.wafermap import FAIL, PASS, DieGrid

#: Shares of the dies that fail at random, beside a pattern or alone.
SHARES: Final = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.15, 0.30)


class Kind(Choice):
    """What the wafers are."""

    GRIDS = "grids"
    ROUND = "round"
    CLEARED = "cleared"

    @property
    def words(self) -> str:
        """For a person, behind "wafers"."""
        return _WORDS[self]


_WORDS: Final = {
    Kind.GRIDS: "drawn on the set's die grids",
    Kind.ROUND: f"drawn on round grids of {SIDES[0]} to {SIDES[1]} dies a side",
    Kind.CLEARED: "of the set, cleared",
}


def kinds_of(patterns: PatternSet) -> Iterator[tuple[Kind, str]]:
    """The kinds of wafers that there are of each pattern of a set, kind by kind."""
    known = drawable(patterns)
    for kind in Kind:
        for name in patterns:
            if name in known if kind is not Kind.CLEARED else known.get(name) not in EVERYWHERE:
                yield kind, name


def wafers_of(
    kind: Kind, labelled: LabelledSet, name: str, share: float, rng: np.random.Generator
) -> Iterator[DieGrid | None]:
    """Wafers of a pattern of the set over a share of random fails, 0..1.

    Drawn ones have no end; of the set's own each comes once, if it serves. None stands for a wafer
    that shows nothing: on a small grid a pattern falls between the dies, and fewer than
    ``MIN_FAILS`` of them fail.
    """
    if kind is Kind.CLEARED:
        return _cleared(labelled, name, share, rng)
    return _drawn(kind, labelled, drawable(labelled.patterns)[name], share, rng)


def _drawn(
    kind: Kind, labelled: LabelledSet, generator: str, share: float, rng: np.random.Generator
) -> Iterator[DieGrid | None]:
    while True:
        if kind is Kind.GRIDS:
            grid = labelled.grid(int(rng.integers(len(labelled))))
        else:
            grid = any_round_grid(rng)
        if generator == Pattern.NONE:
            yield with_fails(np.minimum(grid, PASS), share, rng)
        else:
            alone = synthesise(generator, grid, rng, background=0.0)
            shows = np.count_nonzero(alone == FAIL) >= MIN_FAILS
            yield with_fails(alone, share, rng) if shows else None


def _cleared(
    labelled: LabelledSet, name: str, share: float, rng: np.random.Generator
) -> Iterator[DieGrid]:
    """Those of none are thinned to the share, the others cleared before as many others fail."""
    for index in rng.permutation(np.flatnonzero(labelled.labels == name)).tolist():
        dies = labelled.grid(index)
        if name == labelled.patterns.none:
            made = thinned(dies, share, rng)
        elif (made := cleared(dies, rng)) is not None:
            made = with_fails(made, share, rng)
        if made is not None:
            yield made
