"""Turns and flips: a wafer is round, so its pattern stays what it is at any angle.

The eight symmetries of the square are exact, since the encoding commutes with them; a turn by any
other angle is resampled. Translation, crops, erasing and pixel noise were tried by others and hurt
the edge and scratch classes.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer.encoding import SYMMETRIES, symmetry


def random_symmetries(batch: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Give every wafer of a square batch a symmetry of its own (a copy)."""
    chosen = rng.integers(0, SYMMETRIES, len(batch))
    turned = np.empty_like(batch)
    for which in range(SYMMETRIES):
        members = chosen == which
        turned[members] = symmetry(batch[members], which)
    return turned


def random_turns(
    batch: npt.NDArray[np.uint8], share: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Turn a share of the wafers (W, side, side, planes) by any angle about their centre (a copy).

    The encoding stretches a wafer to its square, so in encoded form it is a circle and a turn is
    a plain rotation. Bilinear resampling; outside there is no die.
    """
    turned = batch.copy()
    centre = ((batch.shape[2] - 1) / 2, (batch.shape[1] - 1) / 2)
    size = (batch.shape[2], batch.shape[1])
    for index in np.flatnonzero(rng.random(len(batch)) < share):
        matrix = cv2.getRotationMatrix2D(centre, rng.uniform(-45, 45), 1.0)
        turned[index] = cv2.warpAffine(batch[index], matrix, size, flags=cv2.INTER_LINEAR)
    return turned
