"""Wafers that yield more than real ones: training wafers cleared or thinned, and drawn ones.

Of 50,442 labelled wafers of WM-811K 34 yield 99 % or more, and a network that never saw such a
wafer takes a few fails for a scratch. What stays of a wafer that is cleared is its pattern, so it
keeps its label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet, build
from edge.synth import draws
from edge.synth.frame import SIDES, Field, WaferFrame, any_round_grid
from edge.synth.generators import drawable, synthesise
from edge.synth.yields import EVERYWHERE, cleared, thinned, with_fails
from edge.verdict.rule import MIN_FAILS
from edge.wafer.patterns import Pattern, PatternSet
from edge.wafer.wafermap import FAIL, DieGrid
from train.recipe import HighYield

#: Random fails: of drawn wafers and of none where there are any, and of cleared ones.
_SHARES: Final = (0.0005, 0.04)
_CLEARED_SHARES: Final = (0.0005, 0.02)

#: How often a drawn wafer has none, and a cleared one; how often small groups stay on that, and the
#: most of them.
_WITHOUT: Final = 0.25
_CLEARED_WITHOUT: Final = 0.4
_WITH_STRAY: Final = 0.5
_STRAY: Final = 0.3

#: How often a drawn wafer has the outline of a real one, and fails that are likelier at the edge.
_REAL_OUTLINE: Final = 0.55
_EDGEWARD: Final = 0.5

#: Dies a side of half of the drawn wafers of none that have no real outline.
_SMALL: Final = (8, 30)
_SMALL_NONE: Final = 0.5

#: Of the patterns that fail everywhere no yield is high. So many less are drawn, that no die grid
#: means that it is none of them.
_FEWER: Final = 8

#: Makes wafers by chance.
Source: TypeAlias = Callable[[np.random.Generator], Iterator[DieGrid]]


def high_yield_set(
    real: LabelledSet,
    wanted: HighYield,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> LabelledSet:
    """Make the wafers that a recipe asks for.

    Each pattern has a chance of its own: asking for more drawn ones changes no cleared one.

    Args:
        real: Wafers of the training part, none of another, at least one.
        wanted: How many of what.
        seed: The same set, wish and seed give the same wafers.
        progress: Told how many are made, and of how many at most.
    """
    sources = [
        (name, np.random.default_rng((seed, place, which)), source, most)
        for place, name in enumerate(real.patterns)
        for which, (source, most) in enumerate(_sources(real, name, wanted), 1)
    ]
    total = sum(most for *_, most in sources)
    labels: list[str] = []

    def made() -> Iterator[DieGrid]:
        for name, rng, source, most in sources:
            for dies in islice(source(rng), most):
                labels.append(name)
                yield dies
                progress(len(labels), total)

    return build(list(made()), labels, real.patterns)


def told(patterns: PatternSet, wanted: HighYield) -> str:
    """What will be made, for a person."""
    known = drawable(patterns)
    undrawn = [name for name in patterns if name not in known]
    no = f" (there is no generator for {', '.join(undrawn)})" if undrawn and wanted.drawn else ""
    none = f", up to {wanted.none} thinned and {wanted.none} drawn {patterns.none}"
    return (
        f"wafers of high yield for the train part: a pattern up to {wanted.cleared} cleared and "
        f"{wanted.drawn} drawn{no}{none if wanted.none and patterns.none else ''}"
    )


def _sources(real: LabelledSet, name: str, wanted: HighYield) -> list[tuple[Source, int]]:
    """What makes wafers of a pattern, and how many at most."""
    generator = drawable(real.patterns).get(name)
    drawing = [partial(_drawn, real, generator)] if generator else []
    own = np.flatnonzero(real.labels == name)
    if name == real.patterns.none:
        return [(source, wanted.none) for source in (partial(_thinned, real, own), *drawing)]
    if generator in EVERYWHERE:
        return [(source, wanted.drawn // _FEWER) for source in drawing]
    drawings = [(source, wanted.drawn) for source in drawing]
    return [(partial(_cleared, real, own), wanted.cleared), *drawings]


def _cleared(
    real: LabelledSet, own: npt.NDArray[np.intp], rng: np.random.Generator
) -> Iterator[DieGrid]:
    """Copies of those of the pattern's wafers that serve, each once, in an order by chance."""
    for index in rng.permutation(own).tolist():
        stray = rng.uniform(0.0, _STRAY) if rng.random() < _WITH_STRAY else 0.0
        copy = cleared(real.grid(index), rng, stray)
        if copy is not None:
            yield with_fails(copy, _share(rng, _CLEARED_WITHOUT, _CLEARED_SHARES), rng)


def _thinned(
    real: LabelledSet, own: npt.NDArray[np.intp], rng: np.random.Generator
) -> Iterator[DieGrid]:
    """Copies of wafers without a pattern of which at least so many fail, each once."""
    for index in rng.permutation(own).tolist():
        copy = thinned(real.grid(index), _share(rng, _WITHOUT, _SHARES), rng)
        if copy is not None:
            yield copy


def _drawn(real: LabelledSet, generator: str, rng: np.random.Generator) -> Iterator[DieGrid]:
    """Wafers of which the pattern and some others fail, without end."""
    while True:
        if rng.random() < _REAL_OUTLINE:
            grid = real.grid(int(rng.integers(len(real))))
        else:
            # One of a few dozen dies is as large as a cluster elsewhere: none is hard to tell.
            small = generator == Pattern.NONE and rng.random() < _SMALL_NONE
            grid = any_round_grid(rng, _SMALL if small else SIDES)
        alone = synthesise(generator, grid, rng, background=0.0)
        share = _share(rng, _WITHOUT, _SHARES)
        others: float | Field = share
        if rng.random() < _EDGEWARD:
            others = draws.edgeward(WaferFrame.of(grid), rng, share)
        # On a small grid a pattern can fall between the dies: it would teach a wrong label.
        if generator == Pattern.NONE or np.count_nonzero(alone == FAIL) >= MIN_FAILS:
            yield with_fails(alone, others, rng)


def _share(rng: np.random.Generator, without: float, bounds: draws.Range) -> float:
    """Share of the dies that fail at random: none so often, else within bounds, many small."""
    return 0.0 if rng.random() < without else draws.log_uniform(rng, bounds)
