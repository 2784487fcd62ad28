"""Patterns that cover an area, or the whole wafer: all but Scratch; none is the background alone.

Each function turns a frame into the probability of failing, die by die; what fails beside the
pattern it takes from ``background``. Lengths are in wafer radii, angles in radians, shares and
probabilities from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.synth.draws import (
    Background,
    Range,
    Triangle,
    either,
    how_many,
    log_uniform,
    lumps,
    soft_step,
    to_share,
)
from edge.synth.frame import Field, WaferFrame


@dataclass(frozen=True)
class BlobRanges:
    """One soft-edged blob, or a few (Center, Loc).

    Attributes:
        offset: Distance of the blob's centre from the wafer's.
        size: Half length of the blob.
        slimness: Half width over half length.
        softness: Half width of the slope at the outline, as a share of the half width.
        raggedness: How far the outline wanders, as a share of the half width.
        rate: Probability of failing inside.
        blobs: Weights of one, two, three ... blobs.
        background: Share of the dies that fail elsewhere (lowest, likeliest, highest).
    """

    offset: Range
    size: Range
    slimness: Range
    softness: Range
    raggedness: Range
    rate: Range
    blobs: tuple[float, ...]
    background: Triangle


CENTER = BlobRanges(
    offset=(0.0, 0.1),
    size=(0.1, 0.48),
    slimness=(0.65, 1.0),
    softness=(0.1, 0.7),
    raggedness=(0.1, 0.5),
    rate=(0.7, 1.0),
    blobs=(1.0,),
    background=(0.05, 0.23, 0.32),
)
LOC = BlobRanges(
    offset=(0.25, 0.8),
    size=(0.08, 0.45),
    slimness=(0.35, 1.0),
    softness=(0.1, 0.7),
    raggedness=(0.2, 0.6),
    rate=(0.65, 1.0),
    blobs=(0.8, 0.15, 0.05),
    background=(0.0, 0.19, 0.28),
)


def blobs(
    frame: WaferFrame, rng: np.random.Generator, background: Background, ranges: BlobRanges
) -> Field:
    """Probability of failing under one or a few blobs and the background."""
    fails = background(frame, rng, ranges.background)
    for _ in range(how_many(rng, ranges.blobs)):
        fails = either(fails, _blob(frame, rng, ranges))
    return fails


def donut(frame: WaferFrame, rng: np.random.Generator, background: Background) -> Field:
    """Probability of failing under a ring about the middle, seldom closed and seldom even."""
    turn, towards, strongest = rng.uniform(0.0, 2.0 * np.pi, 3)
    offset = rng.uniform(0.0, 0.18)
    x = frame.x - offset * np.cos(towards)
    y = frame.y - offset * np.sin(towards)
    along, across = _turned(x, y, turn)
    distance = np.hypot(along, across / rng.uniform(0.85, 1.0))
    strength = 0.5 + 0.5 * np.cos(np.arctan2(y, x) - strongest)
    # Half the ring's width, and the radius of its middle line.
    width = max(rng.uniform(0.06, 0.19), 0.6 * frame.coarsest_pitch)
    radius = max(rng.uniform(0.26, 0.56), 1.5 * width)
    outward = distance - radius
    # Where it is strongest, the ring spills outwards.
    reach = width * (1.0 + np.where(outward > 0, rng.uniform(0.0, 2.2) * strength**2, 0.0))
    ring = soft_step(np.abs(outward) - reach, width * rng.uniform(0.05, 0.55))
    hole = rng.uniform(0.0, 0.2) * (outward < 0)
    ring = np.maximum(ring, hole)
    ring *= _uneven(strength, frame, rng, weak_side=(0.0, 1.0), raggedness=(0.1, 0.6))
    return either(background(frame, rng, (0.03, 0.18, 0.28)), ring * rng.uniform(0.6, 1.0))


def edge_loc(frame: WaferFrame, rng: np.random.Generator, background: Background) -> Field:
    """Probability of failing under a lens-shaped cluster at the edge, sometimes two or three."""
    fails = background(frame, rng, (0.02, 0.17, 0.28))
    for _ in range(how_many(rng, (0.75, 0.2, 0.05))):
        depth = max(log_uniform(rng, (0.05, 1.0)), 1.2 * frame.coarsest_pitch)
        turn = _difference(frame.angle, rng.uniform(-np.pi, np.pi))
        # Half of the stretch of edge, in radians; then how far the depth wanders along it.
        lens = 1.0 - (turn / rng.uniform(0.15, 1.1)) ** 2
        lens *= np.exp(rng.uniform(0.1, 0.5) * lumps(frame, rng, 0.2))
        outside = frame.depth - depth * np.clip(lens, -1.0, None)
        cluster = soft_step(outside, depth * rng.uniform(0.05, 0.5))
        fails = either(fails, cluster * rng.uniform(0.6, 1.0))
    return fails


def edge_ring(frame: WaferFrame, rng: np.random.Generator, background: Background) -> Field:
    """Probability of failing along the whole rim; the outermost die always belongs to it."""
    depth = max(log_uniform(rng, (0.025, 0.1)), 0.5 * frame.coarsest_pitch)
    ring = soft_step(frame.depth - depth, depth * rng.uniform(0.05, 0.5))
    strength = 0.5 + 0.5 * np.cos(frame.angle - rng.uniform(-np.pi, np.pi))
    ring *= _uneven(strength, frame, rng, weak_side=(0.0, 0.5), raggedness=(0.0, 0.35))
    elsewhere = background(frame, rng, (0.02, 0.15, 0.3), edge_gain=(0.0, 1.0))
    return either(elsewhere, ring * rng.uniform(0.85, 1.0))


def near_full(frame: WaferFrame, rng: np.random.Generator, _background: Background) -> Field:
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


def random(frame: WaferFrame, rng: np.random.Generator, _background: Background) -> Field:
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


def _blob(frame: WaferFrame, rng: np.random.Generator, ranges: BlobRanges) -> Field:
    offset, towards = rng.uniform(*ranges.offset), rng.uniform(-np.pi, np.pi)
    x = frame.x - offset * np.cos(towards)
    y = frame.y - offset * np.sin(towards)
    along, across = _turned(x, y, rng.uniform(-np.pi, np.pi))
    size = max(log_uniform(rng, ranges.size), 1.3 * frame.coarsest_pitch)
    slimness = rng.uniform(*ranges.slimness)
    outside = np.hypot(along, across / slimness) / size - 1.0
    outside += rng.uniform(*ranges.raggedness) * np.clip(lumps(frame, rng, 0.2), -1.0, 1.0)
    return soft_step(outside, rng.uniform(*ranges.softness)) * rng.uniform(*ranges.rate)


def _uneven(
    strength: Field,
    frame: WaferFrame,
    rng: np.random.Generator,
    weak_side: Range,
    raggedness: Range,
) -> Field:
    """Share of a ring's rate that is there: all of it on the strong side, less on the weak one."""
    remaining = 1.0 - rng.uniform(*weak_side) * (1.0 - strength)
    ragged = np.exp(rng.uniform(*raggedness) * lumps(frame, rng, 0.25))
    return np.clip(1.5 * remaining * ragged, 0.0, 1.0)


def _turned(x: Field, y: Field, angle: float) -> tuple[Field, Field]:
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _difference(angle: Field, other: float) -> Field:
    """Angle between two directions, from -pi to pi."""
    return (angle - other + np.pi) % (2.0 * np.pi) - np.pi
