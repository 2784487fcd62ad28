"""Patterns that cover an area: Center, Loc, Donut, Edge-Loc and Edge-Ring.

Each function turns a frame into the probability of failing, die by die. Lengths are in wafer
radii, angles in radians, shares and probabilities from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from train.synth.draws import (
    Background,
    Range,
    either,
    how_many,
    log_uniform,
    lumps,
    soft_step,
    uniform,
)
from train.synth.frame import Field, WaferFrame


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
        background: Fails elsewhere.
    """

    offset: Range
    size: Range
    slimness: Range
    softness: Range
    raggedness: Range
    rate: Range
    blobs: tuple[float, ...]
    background: Background


@dataclass(frozen=True)
class DonutRanges:
    """A ring about the middle, seldom closed and seldom even.

    Attributes:
        offset: Distance of the ring's centre from the wafer's.
        radius: Radius of the ring's middle line.
        width: Half width of the ring.
        softness: Half width of the slope at both outlines, as a share of ``width``.
        slimness: Shorter over longer axis.
        weak_side: How much of the rate is lost where the ring is weakest.
        spill: How much wider the ring grows outwards where it is strongest, in ``width``.
        raggedness: Unevenness along the ring.
        rate: Probability of failing on the ring.
        hole_rate: Share of the ring's rate that remains in the hole.
        background: Fails elsewhere.
    """

    offset: Range = (0.0, 0.18)
    radius: Range = (0.26, 0.56)
    width: Range = (0.06, 0.19)
    softness: Range = (0.05, 0.55)
    slimness: Range = (0.85, 1.0)
    weak_side: Range = (0.0, 1.0)
    spill: Range = (0.0, 2.2)
    raggedness: Range = (0.1, 0.6)
    rate: Range = (0.6, 1.0)
    hole_rate: Range = (0.0, 0.2)
    background: Background = field(default=Background(share=(0.03, 0.18, 0.28)))


@dataclass(frozen=True)
class EdgeLocRanges:
    """A lens-shaped cluster against one stretch of the edge, sometimes two or three.

    Attributes:
        half_span: Half of the stretch of edge, in radians.
        depth: How far it reaches inwards.
        softness: Half width of the slope, as a share of ``depth``.
        raggedness: Spread of the logarithm of the depth along the stretch.
        rate: Probability of failing inside.
        stretches: Weights of one, two, three stretches.
        background: Fails elsewhere.
    """

    half_span: Range = (0.15, 1.1)
    depth: Range = (0.05, 1.0)
    softness: Range = (0.05, 0.5)
    raggedness: Range = (0.1, 0.5)
    rate: Range = (0.6, 1.0)
    stretches: tuple[float, ...] = (0.75, 0.2, 0.05)
    background: Background = field(default=Background(share=(0.02, 0.17, 0.28)))


@dataclass(frozen=True)
class EdgeRingRanges:
    """Fails along the whole rim.

    Attributes:
        depth: How far the ring reaches inwards; the outermost die always belongs to it.
        softness: Half width of the slope, as a share of ``depth``.
        weak_side: How much of the rate is lost where the ring is weakest.
        raggedness: Unevenness along the ring.
        rate: Probability of failing on the ring.
        background: Fails elsewhere.
    """

    depth: Range = (0.025, 0.1)
    softness: Range = (0.05, 0.5)
    weak_side: Range = (0.0, 0.5)
    raggedness: Range = (0.0, 0.35)
    rate: Range = (0.85, 1.0)
    background: Background = field(
        default=Background(share=(0.02, 0.15, 0.3), edge_gain=(0.0, 1.0))
    )


CENTER = BlobRanges(
    offset=(0.0, 0.1),
    size=(0.1, 0.48),
    slimness=(0.65, 1.0),
    softness=(0.1, 0.7),
    raggedness=(0.1, 0.5),
    rate=(0.7, 1.0),
    blobs=(1.0,),
    background=Background(share=(0.05, 0.23, 0.32)),
)
LOC = BlobRanges(
    offset=(0.25, 0.8),
    size=(0.08, 0.45),
    slimness=(0.35, 1.0),
    softness=(0.1, 0.7),
    raggedness=(0.2, 0.6),
    rate=(0.65, 1.0),
    blobs=(0.8, 0.15, 0.05),
    background=Background(share=(0.0, 0.19, 0.28)),
)
DONUT = DonutRanges()
EDGE_LOC = EdgeLocRanges()
EDGE_RING = EdgeRingRanges()


def blobs(frame: WaferFrame, rng: np.random.Generator, ranges: BlobRanges) -> Field:
    """Probability of failing under one or a few blobs and the background."""
    fails = ranges.background.rate(frame, rng)
    for _ in range(how_many(rng, ranges.blobs)):
        fails = either(fails, _blob(frame, rng, ranges))
    return fails


def donut(frame: WaferFrame, rng: np.random.Generator, ranges: DonutRanges = DONUT) -> Field:
    """Probability of failing under a ring about the middle and the background."""
    turn, towards, strongest = rng.uniform(0.0, 2.0 * np.pi, 3)
    offset = uniform(rng, ranges.offset)
    x = frame.x - offset * np.cos(towards)
    y = frame.y - offset * np.sin(towards)
    along, across = _turned(x, y, turn)
    distance = np.hypot(along, across / uniform(rng, ranges.slimness))
    strength = 0.5 + 0.5 * np.cos(np.arctan2(y, x) - strongest)
    width = max(uniform(rng, ranges.width), 0.6 * frame.coarsest_pitch)
    radius = max(uniform(rng, ranges.radius), 1.5 * width)
    outward = distance - radius
    reach = width * (1.0 + np.where(outward > 0, uniform(rng, ranges.spill) * strength**2, 0.0))
    ring = soft_step(np.abs(outward) - reach, width * uniform(rng, ranges.softness))
    hole = uniform(rng, ranges.hole_rate) * (outward < 0)
    ring = np.maximum(ring, hole)
    ring *= _uneven(strength, frame, rng, ranges)
    return either(ranges.background.rate(frame, rng), ring * uniform(rng, ranges.rate))


def edge_loc(
    frame: WaferFrame, rng: np.random.Generator, ranges: EdgeLocRanges = EDGE_LOC
) -> Field:
    """Probability of failing under one or a few clusters at the edge and the background."""
    fails = ranges.background.rate(frame, rng)
    for _ in range(how_many(rng, ranges.stretches)):
        depth = max(log_uniform(rng, ranges.depth), 1.2 * frame.coarsest_pitch)
        turn = _difference(frame.angle, rng.uniform(-np.pi, np.pi))
        lens = 1.0 - (turn / uniform(rng, ranges.half_span)) ** 2
        lens *= np.exp(uniform(rng, ranges.raggedness) * lumps(frame, rng, 0.2))
        outside = frame.depth - depth * np.clip(lens, -1.0, None)
        cluster = soft_step(outside, depth * uniform(rng, ranges.softness))
        fails = either(fails, cluster * uniform(rng, ranges.rate))
    return fails


def edge_ring(
    frame: WaferFrame, rng: np.random.Generator, ranges: EdgeRingRanges = EDGE_RING
) -> Field:
    """Probability of failing under a ring along the rim and the background."""
    depth = max(log_uniform(rng, ranges.depth), 0.5 * frame.coarsest_pitch)
    ring = soft_step(frame.depth - depth, depth * uniform(rng, ranges.softness))
    strength = 0.5 + 0.5 * np.cos(frame.angle - rng.uniform(-np.pi, np.pi))
    ring *= _uneven(strength, frame, rng, ranges)
    return either(ranges.background.rate(frame, rng), ring * uniform(rng, ranges.rate))


def _blob(frame: WaferFrame, rng: np.random.Generator, ranges: BlobRanges) -> Field:
    offset, towards = uniform(rng, ranges.offset), rng.uniform(-np.pi, np.pi)
    x = frame.x - offset * np.cos(towards)
    y = frame.y - offset * np.sin(towards)
    along, across = _turned(x, y, rng.uniform(-np.pi, np.pi))
    size = max(log_uniform(rng, ranges.size), 1.3 * frame.coarsest_pitch)
    slimness = uniform(rng, ranges.slimness)
    outside = np.hypot(along, across / slimness) / size - 1.0
    outside += uniform(rng, ranges.raggedness) * np.clip(lumps(frame, rng, 0.2), -1.0, 1.0)
    return soft_step(outside, uniform(rng, ranges.softness)) * uniform(rng, ranges.rate)


def _uneven(
    strength: Field,
    frame: WaferFrame,
    rng: np.random.Generator,
    ranges: DonutRanges | EdgeRingRanges,
) -> Field:
    """Share of a ring's rate that is there: all of it on the strong side, less on the weak one."""
    weak_side = 1.0 - uniform(rng, ranges.weak_side) * (1.0 - strength)
    ragged = np.exp(uniform(rng, ranges.raggedness) * lumps(frame, rng, 0.25))
    return np.clip(1.5 * weak_side * ragged, 0.0, 1.0)


def _turned(x: Field, y: Field, angle: float) -> tuple[Field, Field]:
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _difference(angle: Field, other: float) -> Field:
    """Angle between two directions, from -pi to pi."""
    return (angle - other + np.pi) % (2.0 * np.pi) - np.pi
