"""Patterns without a shape of their own: Near-full and Random (none is the background alone).

Each function turns a frame into the probability of failing, die by die. Lengths are in wafer
radii, shares and probabilities from 0 to 1.
"""

from __future__ import annotations

import numpy as np

from train.synth.draws import lumps, soft_step, to_share
from train.synth.frame import Field, WaferFrame


def near_full(frame: WaferFrame, rng: np.random.Generator) -> Field:
    """Almost every die fails; the few good ones stand scattered or in a crescent at one side."""
    if rng.random() < 0.08:  # no die passes at all
        return np.ones(frame.dies.shape)
    good = 1.0 + rng.uniform(0.0, 0.8) * np.exp(-frame.depth / 0.08)
    good *= np.exp(rng.uniform(0.0, 1.0) * lumps(frame, rng, 0.4))
    if rng.random() < 0.45:  # the good dies gather at one side
        towards = rng.uniform(-np.pi, np.pi)
        height = frame.x * np.cos(towards) + frame.y * np.sin(towards)
        within = soft_step(rng.uniform(0.0, 0.6) - height, rng.uniform(0.05, 0.3))
        good *= 1.0 + rng.uniform(5.0, 60.0) * within
    return 1.0 - to_share(good, frame, rng.triangular(0.0, 0.07, 0.29))


def random(frame: WaferFrame, rng: np.random.Generator) -> Field:
    """Fails all over the wafer, thicker in some places than in others, seldom in stripes."""
    towards = rng.uniform(-np.pi, np.pi)
    height = frame.x * np.cos(towards) + frame.y * np.sin(towards)
    # From one side of the wafer to the other, towards the edge, from hill to valley.
    weight = 1.0 + rng.uniform(0.0, 0.6) * height
    weight += rng.uniform(0.0, 0.7) * np.exp(-frame.depth / 0.06)
    hills = lumps(frame, rng, rng.uniform(0.25, 1.0))
    weight = np.clip(weight, 0.05, None) * np.exp(rng.uniform(0.0, 0.55) * hills)
    if rng.random() < 0.06:  # every second or third row or column is hit harder
        period, axis = int(rng.integers(2, 4)), int(rng.integers(2))
        hit = np.indices(frame.dies.shape)[axis] % period == 0
        weight = np.where(hit, weight * rng.uniform(1.5, 6.0), weight)
    return to_share(weight, frame, rng.triangular(0.25, 0.48, 0.72))
