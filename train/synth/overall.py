"""Patterns without a shape of their own: Near-full, Random and none.

Each function turns a frame into the probability of failing, die by die. Lengths are in wafer
radii, shares and probabilities from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from train.synth.draws import (
    Background,
    Range,
    Triangle,
    lumps,
    soft_step,
    to_share,
    triangular,
    uniform,
)
from train.synth.frame import Field, WaferFrame


@dataclass(frozen=True)
class NearFullRanges:
    """Almost every die fails; the few good ones stand scattered or in a crescent at one side.

    Attributes:
        good_share: Share of the dies that pass (lowest, likeliest, highest).
        all_fail: Probability that no die passes at all.
        crescent: Probability that the good dies gather at one side.
        crescent_edge: Where the crescent begins, as distance from the centre.
        crescent_softness: Half width of the slope there.
        crescent_gain: How much likelier a die passes in the crescent than elsewhere.
        rim_gain: The same for the rim, all the way round.
        unevenness: Spread of the logarithm of the rate of good dies from place to place.
    """

    good_share: Triangle = (0.0, 0.07, 0.29)
    all_fail: float = 0.08
    crescent: float = 0.45
    crescent_edge: Range = (0.0, 0.6)
    crescent_softness: Range = (0.05, 0.3)
    crescent_gain: Range = (5.0, 60.0)
    rim_gain: Range = (0.0, 0.8)
    unevenness: Range = (0.0, 1.0)


@dataclass(frozen=True)
class RandomRanges:
    """Fails all over the wafer, thicker in some places than in others.

    Attributes:
        share: Share of the dies that fail (lowest, likeliest, highest).
        unevenness: Spread of the logarithm of the rate from place to place.
        lump_size: Distance between thick and thin places.
        slope: How much the rate rises from one side of the wafer to the other.
        edge_gain: How much likelier an outermost die fails, less one.
        stripes: Probability that every second or third row or column is hit harder.
        stripe_gain: How much harder.
    """

    share: Triangle = (0.25, 0.48, 0.72)
    unevenness: Range = (0.0, 0.55)
    lump_size: Range = (0.25, 1.0)
    slope: Range = (0.0, 0.6)
    edge_gain: Range = (0.0, 0.7)
    stripes: float = 0.06
    stripe_gain: Range = (1.5, 6.0)


@dataclass(frozen=True)
class NoneRanges:
    """No pattern: the background alone.

    Attributes:
        background: The scattered fails.
    """

    background: Background = field(default=Background())


NEAR_FULL = NearFullRanges()
RANDOM = RandomRanges()
NONE = NoneRanges()


def near_full(
    frame: WaferFrame, rng: np.random.Generator, ranges: NearFullRanges = NEAR_FULL
) -> Field:
    """Probability of failing on a wafer that is almost all fails."""
    if rng.random() < ranges.all_fail:
        return np.ones(frame.dies.shape)
    good = 1.0 + uniform(rng, ranges.rim_gain) * np.exp(-frame.depth / 0.08)
    good *= np.exp(uniform(rng, ranges.unevenness) * lumps(frame, rng, 0.4))
    if rng.random() < ranges.crescent:
        towards = rng.uniform(-np.pi, np.pi)
        height = frame.x * np.cos(towards) + frame.y * np.sin(towards)
        within = soft_step(
            uniform(rng, ranges.crescent_edge) - height, uniform(rng, ranges.crescent_softness)
        )
        good *= 1.0 + uniform(rng, ranges.crescent_gain) * within
    return 1.0 - to_share(good, frame, triangular(rng, ranges.good_share))


def random(frame: WaferFrame, rng: np.random.Generator, ranges: RandomRanges = RANDOM) -> Field:
    """Probability of failing on a wafer with fails all over."""
    towards = rng.uniform(-np.pi, np.pi)
    height = frame.x * np.cos(towards) + frame.y * np.sin(towards)
    weight = 1.0 + uniform(rng, ranges.slope) * height
    weight += uniform(rng, ranges.edge_gain) * np.exp(-frame.depth / 0.06)
    hills = lumps(frame, rng, uniform(rng, ranges.lump_size))
    weight = np.clip(weight, 0.05, None) * np.exp(uniform(rng, ranges.unevenness) * hills)
    if rng.random() < ranges.stripes:
        period, axis = int(rng.integers(2, 4)), int(rng.integers(2))
        hit = np.indices(frame.dies.shape)[axis] % period == 0
        weight = np.where(hit, weight * uniform(rng, ranges.stripe_gain), weight)
    return to_share(weight, frame, triangular(rng, ranges.share))


def none(frame: WaferFrame, rng: np.random.Generator, ranges: NoneRanges = NONE) -> Field:
    """Probability of failing on a wafer without a pattern."""
    return ranges.background.rate(frame, rng)
