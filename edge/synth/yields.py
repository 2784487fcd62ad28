"""Copies of real wafers that yield more: their background cleared, thinned, or drawn anew."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from edge.synth.frame import Field, Mask
from edge.wafer.patterns import Pattern
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

#: These fail all over the wafer: nothing is left of them where small groups pass.
EVERYWHERE: Final = (Pattern.NEAR_FULL, Pattern.RANDOM)

#: A group of failing dies is not small from so many dies on, and from so much of the largest one.
_GROUP: Final = 4
_OF_LARGEST: Final = 0.1

#: A cleared wafer still shows its pattern with so many fails, and with so much of those it had.
_REMAINING: Final = 5
_OF_FAILS: Final = 0.25


def cleared(dies: DieGrid, rng: np.random.Generator, stray: float = 0.0) -> DieGrid | None:
    """A copy of a wafer on which its pattern alone fails: small groups of failing dies pass.

    Dies are of a group with their eight neighbours; small is one of fewer than four dies, or of
    less than a tenth of the wafer's largest.

    Args:
        dies: uint8 (rows, columns) of 0 no die, 1 pass, 2 fail.
        rng: Source of chance.
        stray: Chance of each small group to stay, 0..1.

    Returns:
        The copy; None where too little of the fails would remain to show the pattern.
    """
    fails = dies == FAIL
    count, groups, numbers, _ = cv2.connectedComponentsWithStats(
        fails.astype(np.uint8), connectivity=8
    )
    if count == 1:  # no die fails
        return None
    sizes = numbers[1:, cv2.CC_STAT_AREA]
    large = (sizes >= _GROUP) & (sizes >= _OF_LARGEST * sizes.max())
    if sizes[large].sum() < max(_REMAINING, _OF_FAILS * sizes.sum()):
        return None
    stays = large | (rng.random(len(sizes)) < stray)
    return _passing(dies, fails & ~np.concatenate([[False], stays])[groups])


def thinned(dies: DieGrid, share: float, rng: np.random.Generator) -> DieGrid | None:
    """A copy of a wafer of which only a share of the dies fail, by chance some of those that did.

    Returns:
        The copy; None where fewer dies fail than that.
    """
    fails = dies == FAIL
    there, wanted = int(fails.sum()), share * int(np.count_nonzero(dies != NO_DIE))
    if there < wanted:
        return None
    goes = rng.random(dies.shape) >= wanted / max(1, there)
    return _passing(dies, fails & goes)


def with_fails(dies: DieGrid, share: float | Field, rng: np.random.Generator) -> DieGrid:
    """A copy of a wafer on which some of the passing dies, by chance, fail as well.

    ``share``: that of all of them, or the probability of each, (rows, columns).
    """
    more = (rng.random(dies.shape) < share) & (dies == PASS)
    return np.where(more, np.uint8(FAIL), dies)


def _passing(dies: DieGrid, which: Mask) -> DieGrid:
    return np.where(which, np.uint8(PASS), dies)
