"""A few examples of a pattern and ordinary wafers in, a rule that tells them apart out.

Two judges are added up. A Gaussian of the examples in the embedding, whose variances are shrunk to
those of the known classes, against the nearest class: it knows how far a wafer may be from the
examples. And a logistic discriminant of embedding and map numbers against ordinary wafers: it knows
which of these tell the pattern. Where up matters, the fails must lie where those of the examples do
as well. Both are measured in the spread of ordinary wafers. What a wafer would score had neither it
nor its lot trained the discriminant sets the margin.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.own.numbers import EARLY, SHAPE
from edge.own.ordinary import Ordinary
from edge.own.pattern_file import ANYWHERE, Rule
from edge.own.rules import FAR, Coordinates, Plane, Rules

#: Examples that the variances of the known classes, 1, count for.
_PSEUDO: Final = 5

#: Weight decay of the discriminant, and what all examples together weigh against ordinary wafers.
_DECAY, _WEIGHT = 30.0, 0.1
_ROUNDS, _DONE = 20, 1e-2

#: Rows that bend the loss less than this do not steer a step.
_STRAIGHT: Final = 1e-3

#: What the Gaussian counts for beside the discriminant.
_GAUSSIAN: Final = 0.5

#: Share of ordinary wafers that may be claimed; that may pass the first look, at the embedding, and
#: more where the examples would not; and the second, at the numbers that cost the least as well.
CLAIMED: Final = 0.0025
LOOKED_AT: Final = 0.01
LOOKED_AT_TWICE: Final = 0.03

#: Neighbouring ordinary wafers, mostly of one lot, that are left out together: a part of so many.
_BLOCKS: Final = 10

#: Where up matters, fails may lie a little farther round than those of any example.
_SLACK: Final = 0.05


class Views(NamedTuple):
    """Examples under the eight flips and quarter turns, the first as they are.

    Attributes:
        embeddings: int8 (examples, 8, size).
        numbers: float (examples, 8, ``edge.own.numbers.COUNT``).
    """

    embeddings: npt.NDArray[np.int8]
    numbers: Plane

    def without(self, which: int) -> Views:
        """All but one of the examples."""
        kept = np.arange(len(self.numbers)) != which
        return Views(self.embeddings[kept], self.numbers[kept])


class _Gaussian(NamedTuple):
    """Of examples in the embedding: mean and variance (size,)."""

    mean: Plane
    variance: Plane

    @classmethod
    def of(cls, real: Plane) -> _Gaussian:
        """Of examples (examples, views, size), each of which counts once."""
        count, each = real.shape[:2]
        mean = real.mean(axis=(0, 1))
        spread = ((real - mean) ** 2).sum(axis=(0, 1)) / each
        return cls(mean, (spread + _PSEUDO) / (count + _PSEUDO - 1))

    def margins(self, real: Plane, nearest: Plane) -> Plane:
        """Logarithm of how much likelier this is than the nearest class, so far away (squared)."""
        square: Any = ((real - self.mean) ** 2 / self.variance).sum(axis=-1)
        found: Plane = 0.5 * (nearest - square - float(np.log(self.variance).sum()))
        return found


class Fit:
    """Fits rules against the same ordinary wafers.

    Args:
        ordinary: At least some hundred, those of a lot together.
        coordinates: Of the network that made the embeddings.
        direction: Whether up matters.
    """

    def __init__(self, ordinary: Ordinary, coordinates: Coordinates, *, direction: bool) -> None:
        self.coordinates = coordinates
        self.direction = direction
        self._real = coordinates.real(ordinary.embeddings)
        self._nearest = coordinates.nearest(self._real)
        joint = np.hstack([self._real, ordinary.numbers[:, :SHAPE]])
        self._centre = joint.mean(axis=0)
        self._scale = joint.std(axis=0) + 1e-6
        self._seen = self._standard(joint)
        size = self._real.shape[1] + EARLY
        self._early = np.append(np.arange(size), self._seen.shape[1] - 1)
        self._start, self._early_start = np.zeros(self._seen.shape[1]), np.zeros(size + 1)

    def rule(self, views: Views) -> Rule:
        """What recognises the pattern of these examples."""
        real = self.coordinates.real(views.embeddings)
        own = _Gaussian.of(real)
        margins = own.margins(self._real, self._nearest)
        weights, logits = self._discriminant(views, real)
        early, early_logits = self._early_start, self._seen[:, self._early] @ self._early_start
        unit, gain = 1 / _tail(logits), _GAUSSIAN / _tail(margins)
        early_unit = 1 / _tail(early_logits)
        by_others = self._by_others(real)
        shown = self._standard(np.concatenate([real, views.numbers[..., :SHAPE]], axis=-1))[:, 0]
        least = _least(
            early_unit * early_logits + gain * margins,
            early_unit * (shown[:, self._early] @ early) + gain * by_others,
            LOOKED_AT_TWICE,
        )
        bias = -float(np.quantile(unit * logits + gain * margins, 1 - CLAIMED))
        return Rule(
            _short(own.mean),
            _short(own.variance),
            _short(self._centre),
            _short(self._scale),
            _short(unit * weights[:-1]),
            gain,
            bias + unit * float(weights[-1]),
            _least(margins, by_others, LOOKED_AT),
            *(_towards(views.numbers[:, 0, SHAPE:]) if self.direction else ANYWHERE),
            _short(early_unit * early[:-1]),
            early_unit * float(early[-1]) - least,
        )

    def recalls(self, views: Views) -> npt.NDArray[np.bool_]:
        """Which examples (examples,) a rule of all the others recognises."""
        found = []
        for which in range(len(views.numbers)):
            rules = Rules([self.rule(views.without(which))], self.coordinates)
            embeddings, seen = views.embeddings[which, :1], views.numbers[which, :1]
            found.append(rules.scores(embeddings, seen)[0, 0] > 0)
        return np.asarray(found)

    def _standard(self, joint: Plane) -> Plane:
        """In standard deviations of ordinary wafers, and a one for the bias."""
        seen = np.clip((joint - self._centre) / self._scale, -FAR, FAR)
        return np.concatenate([seen, np.ones((*seen.shape[:-1], 1))], axis=-1)

    def _by_others(self, real: Plane) -> Plane:
        """Margin (examples,) of each example by the Gaussian of the others."""
        nearest = self.coordinates.nearest(real[:, 0])
        each = np.arange(len(real))
        return np.asarray(
            [_Gaussian.of(real[each != one]).margins(real[one, 0], nearest[one]) for one in each]
        )

    def _discriminant(self, views: Views, real: Plane) -> tuple[Plane, Plane]:
        """A logistic regression against ordinary wafers.

        Returns:
            Weights (size + SHAPE + 1,), the bias last; and what it says of each ordinary wafer, had
            its block of them not trained it.
        """
        ordinary = self._seen
        seen = self._standard(np.concatenate([real, views.numbers[..., :SHAPE]], axis=-1))
        seen = seen.reshape(-1, seen.shape[-1])
        rows = np.vstack([ordinary, seen])
        truth = np.repeat([0.0, 1.0], [len(ordinary), len(seen)])
        each = _WEIGHT * len(ordinary) / len(seen)
        weight = np.repeat([1.0, each], [len(ordinary), len(seen)])
        self._start = _logistic(rows, truth, weight, self._start)
        early = np.ascontiguousarray(rows[:, self._early])
        self._early_start = _logistic(early, truth, weight, self._early_start)
        return self._start, _left_out(rows, weight, self._start, len(ordinary))


def scores(
    rule: Rule, coordinates: Coordinates, embeddings: npt.NDArray[np.int8], numbers: Plane
) -> Plane:
    """Scores (wafers,) of one rule; see ``Rules.scores``."""
    return Rules([rule], coordinates).scores(embeddings, numbers)[:, 0]


def _towards(place: Plane) -> tuple[tuple[float, float], float]:
    """Direction (2,) in which the fails of examples (examples, 2) lie, and the least cosine."""
    lengths = np.linalg.norm(place, axis=1, keepdims=True)
    units = place / np.maximum(lengths, 1e-9)
    mean = units.mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    down, across = _short(mean)
    return (down, across), float((units @ mean).min()) - _SLACK


def _tail(values: Plane) -> float:
    """How far the farthest of ordinary wafers lie above their middle."""
    middle, high = np.quantile(values, (0.5, 1 - CLAIMED))
    return max(float(high - middle), 1e-6)


def _least(ordinary: Plane, examples: Plane, share: float) -> float:
    """What that share of ordinary wafers passes, and few other wafers of the pattern fall below."""
    passed = float(np.quantile(ordinary, 1 - share))
    return min(passed, float(examples.min() - examples.std() / 2))


def _decay(size: int) -> Plane:
    """Of each weight; the bias does not decay."""
    found = np.full(size, _DECAY)
    found[-1] = 1e-3
    return found


def _chances(logits: Plane) -> Plane:
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))


def _logistic(rows: Plane, truth: Plane, weight: Plane, start: Plane) -> Plane:
    """Newton's method from a start, each step halved until it helps."""
    decay = _decay(rows.shape[1])

    def loss(at: Plane) -> float:
        logits = rows @ at
        misfit = weight @ (np.logaddexp(0, logits) - truth * logits)
        return float(misfit + 0.5 * decay @ at**2)

    found = start if loss(start) < loss(0 * start) else 0 * start
    now = loss(found)
    for _ in range(_ROUNDS):
        chance = _chances(rows @ found)
        slope = rows.T @ (weight * (chance - truth)) + decay * found
        step = np.linalg.solve(np.diag(decay) + _bend(rows, weight * chance * (1 - chance)), slope)
        while (then := loss(found - step)) > now and np.abs(step).max() > _DONE:
            step /= 2
        found, gained, now = found - step, now - then, then
        if gained < _DONE:
            break
    return found


def _bend(rows: Plane, curvature: Plane) -> Plane:
    """Second derivatives of the loss, of the rows that have any to speak of."""
    some = curvature > _STRAIGHT
    found: Plane = (rows[some] * curvature[some, None]).T @ rows[some]
    return found


def _left_out(rows: Plane, weight: Plane, weights: Plane, count: int) -> Plane:
    """Logits (count,) of the first rows, each by weights that its block of them did not train.

    One step of Newton's method from the weights that all rows trained, for each block.
    """
    chance = _chances(rows @ weights)
    curvature = weight * chance * (1 - chance)
    whole = np.diag(_decay(rows.shape[1])) + _bend(rows, curvature)
    logits = []
    for block in np.array_split(np.arange(count), min(_BLOCKS, count)):
        own = rows[block]
        others = whole - _bend(own, curvature[block])
        logits.append(own @ (weights + np.linalg.solve(others, own.T @ chance[block])))
    return np.concatenate(logits)


def _short(values: Plane) -> list[float]:
    """Six digits are enough, and keep the file small."""
    return [float(f"{value:.6g}") for value in values]
