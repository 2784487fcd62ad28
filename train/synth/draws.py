"""Random draws that the generators share: numbers from ranges, smooth fields, background fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np

from train.synth.frame import Field, WaferFrame

#: Lowest and highest value, all between equally likely.
Range: TypeAlias = tuple[float, float]
#: Lowest, likeliest and highest value.
Triangle: TypeAlias = tuple[float, float, float]

_BISECTIONS: Final = 30
_STEEPEST: Final = 1e9


@dataclass(frozen=True)
class Background:
    """Fails that belong to no pattern: more of them at the edge, a little uneven.

    A small die is less likely to catch a defect than a large one, so the share falls as a wafer
    holds more dies.

    Attributes:
        share: Share of the dies that fail (lowest, likeliest, highest) on a wafer of
            ``reference_dies`` or fewer.
        reference_dies: See ``share``.
        area_power: Power of (``reference_dies`` / dies) by which the share falls beyond that.
        edge_gain: How much likelier an outermost die fails than one inside, less one.
        edge_width: How far the rise reaches inwards, in wafer radii.
        centre_gain: The same for the very centre.
        unevenness: Spread of the logarithm of the rate from place to place.
    """

    share: Triangle = (0.05, 0.16, 0.26)
    reference_dies: int = 500
    area_power: float = 0.75
    edge_gain: Range = (0.5, 5.0)
    edge_width: Range = (0.03, 0.12)
    centre_gain: Range = (0.0, 1.5)
    unevenness: Range = (0.0, 0.5)

    def rate(self, frame: WaferFrame, rng: np.random.Generator) -> Field:
        """Probability of failing (rows, columns)."""
        edge = np.exp(-frame.depth / uniform(rng, self.edge_width))
        centre = np.exp(-((frame.radius / 0.15) ** 2))
        weight = 1.0 + uniform(rng, self.edge_gain) * edge + uniform(rng, self.centre_gain) * centre
        weight *= np.exp(uniform(rng, self.unevenness) * lumps(frame, rng, 0.5))
        dies = np.count_nonzero(frame.dies)
        smallness = min(1.0, self.reference_dies / dies) ** self.area_power
        return to_share(weight, frame, triangular(rng, self.share) * smallness)


def uniform(rng: np.random.Generator, bounds: Range) -> float:
    """A number within the range."""
    return float(rng.uniform(*bounds))


def log_uniform(rng: np.random.Generator, bounds: Range) -> float:
    """A number within the range, each doubling equally likely: many small, few large."""
    return float(np.exp(rng.uniform(*np.log(bounds))))


def triangular(rng: np.random.Generator, corners: Triangle) -> float:
    """A number within the range, likeliest at the middle value."""
    return float(rng.triangular(*corners))


def how_many(rng: np.random.Generator, weights: tuple[float, ...]) -> int:
    """1, 2, 3 ... with these weights."""
    return 1 + int(rng.choice(len(weights), p=np.asarray(weights) / sum(weights)))


def lumps(frame: WaferFrame, rng: np.random.Generator, size: float) -> Field:
    """A smooth random field, mean 0 and spread about 1.

    Args:
        frame: The die grid.
        rng: Source of chance.
        size: Distance between hills and valleys in wafer radii.
    """
    knots = max(2, round(2.0 / size) + 1)
    coarse = rng.normal(size=(knots, knots))
    rows, columns = frame.dies.shape
    fine = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    field: Field = np.asarray(fine, np.float64).reshape(rows, columns) * 1.3
    return field


def soft_step(outside: Field, softness: float) -> Field:
    """1 well inside a shape, 0 well outside, one half on its outline.

    Args:
        outside: Signed distance from the outline, negative inside.
        softness: Half width of the slope, in the unit of ``outside``.
    """
    step: Field = 0.5 - 0.5 * np.tanh(outside / max(softness, 1e-6))
    return step


def to_share(weight: Field, frame: WaferFrame, share: float) -> Field:
    """Scale weights into probabilities whose mean over the dies is ``share``."""
    on_dies = weight[frame.dies]
    if not on_dies.any():
        return np.full(weight.shape, share)
    low, high = 0.0, 1.0
    while np.clip(on_dies * high, 0.0, 1.0).mean() < share and high < _STEEPEST:
        high *= 2.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if np.clip(on_dies * middle, 0.0, 1.0).mean() < share:
            low = middle
        else:
            high = middle
    return np.clip(weight * high, 0.0, 1.0)


def either(first: Field, second: Field) -> Field:
    """Probability that at least one of two independent causes kills the die."""
    return 1.0 - (1.0 - first) * (1.0 - second)
