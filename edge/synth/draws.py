"""Random draws that the generators share: background fails, smooth fields, numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import cv2
import numpy as np

from edge.synth.frame import Field, WaferFrame

#: Lowest and highest value, all between equally likely.
Range: TypeAlias = tuple[float, float]
#: Lowest, likeliest and highest value.
Triangle: TypeAlias = tuple[float, float, float]

#: Where dies fail that belong to no pattern: what ``background`` is, or what stands in for it.
Background: TypeAlias = Callable[..., Field]

_BISECTIONS: Final = 30
_STEEPEST: Final = 1e9


def background(
    frame: WaferFrame,
    rng: np.random.Generator,
    share: Triangle = (0.05, 0.16, 0.26),
    edge_gain: Range = (0.5, 5.0),
) -> Field:
    """Probability of failing (rows, columns) by what belongs to no pattern, likelier at the edge.

    Args:
        frame: The die grid.
        rng: Source of chance.
        share: Share of the dies that fail on a wafer of 500 or fewer. A small die is less likely
            to catch a defect than a large one, so the share falls as a wafer holds more dies.
        edge_gain: How much likelier an outermost die fails than one inside, less one.
    """
    edge = np.exp(-frame.depth / rng.uniform(0.03, 0.12))
    centre = np.exp(-((frame.radius / 0.15) ** 2))
    weight = 1.0 + rng.uniform(*edge_gain) * edge + rng.uniform(0.0, 1.5) * centre
    weight *= np.exp(rng.uniform(0.0, 0.5) * lumps(frame, rng, 0.5))
    smallness = min(1.0, 500 / np.count_nonzero(frame.dies)) ** 0.75
    return to_share(weight, frame, rng.triangular(*share) * smallness)


def edgeward(frame: WaferFrame, rng: np.random.Generator, share: float) -> Field:
    """Probability of failing (rows, columns), likelier at the edge, of a share of the dies."""
    edge = np.exp(-frame.depth / rng.uniform(0.03, 0.12))
    return to_share(1.0 + rng.uniform(0.5, 5.0) * edge, frame, share)


def no_background(frame: WaferFrame, *_: object, **__: object) -> Field:
    """No die (rows, columns) fails but the pattern's."""
    return np.zeros(frame.dies.shape)


def log_uniform(rng: np.random.Generator, bounds: Range) -> float:
    """A number within the range, each doubling equally likely: many small, few large."""
    return float(np.exp(rng.uniform(*np.log(bounds))))


def how_many(rng: np.random.Generator, weights: tuple[float, ...]) -> int:
    """1, 2, 3 ... with these weights."""
    return 1 + int(rng.choice(len(weights), p=np.asarray(weights) / sum(weights)))


def lumps(frame: WaferFrame, rng: np.random.Generator, size: float) -> Field:
    """A smooth random field, mean 0 and spread about 1.

    ``size``: distance between hills and valleys in wafer radii.
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


def either(first: Field, second: Field | float) -> Field:
    """Probability that at least one of two independent causes kills the die."""
    return 1.0 - (1.0 - first) * (1.0 - second)
