"""Examples of a pattern in, the two groups that they fall into out, if they do."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.own.rules import Plane

_Mask = npt.NDArray[np.bool_]

#: Examples that the variances of the known classes, 1, count for.
_PSEUDO: Final = 10

#: Fewer examples make no group.
_LEAST: Final = 2

#: Examples of which any two are tried as a start, and rounds in which others may go over.
_STARTS, _ROUNDS = 16, 10

#: What the one group or the other may gain by a single example, and what all gain on average where
#: they are two: at most one set of one pattern in twenty lies above it (docs/own-patterns.md).
_GAINS, _TWO = (-10.0, 12.0), 4.0


def two_groups(real: Plane) -> tuple[list[int], list[int]] | None:
    """Two groups of examples that lie apart; None where they are one, or too few to say so.

    They are those of two means. Apart they lie where examples are likelier by the Gaussian of the
    others of their group than by that of all others.

    Args:
        real: Embeddings (examples, size), in which wafers of a known class scatter by 1.
    """
    some = range(0, len(real), -(-len(real) // _STARTS))
    found = [two for pair in combinations(some, 2) if (two := _split(real, real[list(pair)]))]
    if not found:
        return None
    group = min(found, key=lambda two: two[0])[1]
    if _gain(real, group) <= _TWO:
        return None
    return np.flatnonzero(group).tolist(), np.flatnonzero(~group).tolist()


def _split(real: Plane, means: Plane) -> tuple[float, _Mask] | None:
    """Two means from a start: sum of squares, members of the one."""
    group: _Mask = np.zeros(len(real), bool)
    for _ in range(_ROUNDS):
        squares = ((real[:, None] - means) ** 2).sum(axis=-1)
        before, group = group, squares[:, 0] < squares[:, 1]
        if min(group.sum(), (~group).sum()) < _LEAST:
            return None
        if (before == group).all():
            return float(squares.min(axis=1).sum()), group
        means = np.stack([real[group].mean(axis=0), real[~group].mean(axis=0)])
    return None


def _gain(real: Plane, group: _Mask) -> float:
    """How much likelier examples are by their own group than by all, on average."""
    gains = []
    for one, mine in enumerate(group):
        others = np.arange(len(group)) != one
        own, all_ = (
            _likelihood(real[some], real[one]) for some in (others & (group == mine), others)
        )
        gains.append(own - all_)
    return float(np.clip(gains, *_GAINS).mean())


def _likelihood(examples: Plane, one: Plane) -> float:
    """Logarithm of a Gaussian of examples, its variances shrunk towards 1, up to a constant."""
    mean = examples.mean(axis=0)
    spread = ((examples - mean) ** 2).sum(axis=0)
    variance = (spread + _PSEUDO) / (len(examples) + _PSEUDO - 1)
    square: Any = (one - mean) ** 2 / variance + np.log(variance)
    return -0.5 * float(square.sum())
