"""What is shown in training beside the wafers of a set: drawn, thinned, copied and odd ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet, concatenate
from edge.wafer.encoding import PLANES, SIZE, encode
from train.network import reference_networks
from train.recipe import Dihedral, Generator, Recipe, Synthetic
from train.synth.fill import Filling, filling
from train.synth.high_yield import high_yield_set
from train.synth.odd import odd_grids
from train.synth.sets import synthetic_set


def wanted(train_part: LabelledSet, synthetic: Synthetic) -> Filling:
    """The synthetic wafers that a recipe asks for.

    Raises:
        UsageError: it names what is no pattern of the set, or one that nobody can draw.
    """
    counts, up_to = train_part.class_counts(), synthetic.up_to
    if synthetic.generator is Generator.GRIDS:
        return filling(counts, train_part.patterns, up_to, synthetic.patterns)
    names = reference_networks.SYNTHETIC_PATTERNS
    missing = {name: up_to - counts.get(name, up_to) for name in names}
    return Filling(
        {name: count for name, count in missing.items() if count > 0},
        tuple(name for name in names if name not in counts),
    )


def prepare(
    train_part: LabelledSet,
    recipe: Recipe,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> LabelledSet:
    """Add the synthetic wafers and fixed copies that the recipe asks for.

    ``progress`` is told how many wafers are drawn, and of how many.
    """
    synthetic, real = recipe.synthetic, train_part
    if synthetic.up_to and synthetic.generator is Generator.SEED:
        train_part = reference_networks.add_synthetics(train_part, synthetic.up_to, recipe.seed)
    elif synthetic.up_to:
        counts = wanted(train_part, synthetic).counts
        grids = [train_part.grid(index) for index in range(len(train_part))]
        made = synthetic_set(counts, grids, recipe.seed, train_part.patterns, progress)
        train_part = concatenate([train_part, made])
    if recipe.high_yield.is_wanted:
        made = high_yield_set(real, recipe.high_yield, recipe.seed, progress)
        train_part = concatenate([train_part, made])
    if recipe.augment.dihedral is Dihedral.SEED_COPIES:
        train_part = reference_networks.add_turned_copies(train_part)
    return train_part


def odd_planes(train_part: LabelledSet, recipe: Recipe) -> npt.NDArray[np.uint8] | None:
    """Wafers with what is none of the patterns, encoded, uint8 (W, side, side, planes); or None."""
    if not recipe.odd.share:
        return None
    grids = odd_grids(train_part, recipe.odd.wafers, recipe.seed)
    planes = [encode(dies) for dies in grids]
    return np.asarray(planes, np.uint8).reshape(-1, SIZE, SIZE, PLANES)
