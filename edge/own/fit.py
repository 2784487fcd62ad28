"""A few examples of a pattern and ordinary wafers in, a rule that tells them apart out.

Two judges are added up. A Gaussian of the examples in the embedding, whose variances are shrunk to
those of the known classes, against the nearest class: it knows how far a wafer may be from the
examples. And a logistic discriminant of embedding and map numbers against ordinary wafers: it knows
which of these tell the pattern. Where up matters, the fails must lie where those of the examples do
as well. Both are measured in the spread of ordinary wafers, of which half train and the other half
set the margin.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.own.numbers import SHAPE
from edge.own.ordinary import Ordinary
from edge.own.pattern_file import ANYWHERE, Rule

_Plane = npt.NDArray[np.float64]

#: Examples that the variances of the known classes, 1, count for.
_PSEUDO: Final = 5

#: Weight decay of the discriminant, and what all examples together weigh against ordinary wafers.
_DECAY, _WEIGHT = 3.0, 0.1
_ROUNDS, _DONE = 20, 1e-3

#: Farther than so many standard deviations from ordinary wafers says no more.
FAR: Final = 6.0

#: Share of ordinary wafers that may be claimed, and that may pass the first look at the embedding.
CLAIMED: Final = 0.0027
LOOKED_AT: Final = 0.5

#: Where up matters, fails may lie a little farther round than those of any example.
_SLACK: Final = 0.05

#: What a fault of direction counts: more than any likeness.
UPRIGHT: Final = 20.0


class Coordinates(NamedTuple):
    """How the int8 embedding of a network is read: ``(value - zero_point) * scale``; class means.

    Attributes:
        scale: Of the embedding.
        zero_point: Of the embedding.
        means: Of the known classes, (classes, size).
    """

    scale: float
    zero_point: int
    means: _Plane

    def real(self, embeddings: npt.NDArray[np.int8]) -> _Plane:
        """The real numbers that the bytes stand for."""
        return (embeddings.astype(np.float64) - self.zero_point) * self.scale

    def nearest(self, real: _Plane) -> _Plane:
        """Squared distance to the nearest class."""
        squares: _Plane = self._squares(real).min(axis=-1)
        return squares

    def nearest_class(self, embeddings: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
        """Which class that is, of each embedding."""
        classes: npt.NDArray[np.intp] = self._squares(self.real(embeddings)).argmin(axis=-1)
        return classes

    def _squares(self, real: _Plane) -> _Plane:
        squares: _Plane = ((real[..., None, :] - self.means) ** 2).sum(axis=-1)
        return squares


class Views(NamedTuple):
    """Examples under the eight flips and quarter turns, the first as they are.

    Attributes:
        embeddings: int8 (examples, 8, size).
        numbers: float (examples, 8, ``edge.own.numbers.COUNT``).
    """

    embeddings: npt.NDArray[np.int8]
    numbers: _Plane

    def without(self, which: int) -> Views:
        """All but one of the examples."""
        kept = np.arange(len(self.numbers)) != which
        return Views(self.embeddings[kept], self.numbers[kept])


class Fit:
    """Fits rules against the same ordinary wafers.

    Args:
        ordinary: At least some hundred.
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
        self._start = np.zeros(self._seen.shape[1])

    def rule(self, views: Views) -> Rule:
        """What recognises the pattern of these examples."""
        real = self.coordinates.real(views.embeddings)
        count, each = real.shape[:2]
        mean = real.mean(axis=(0, 1))
        spread = ((real - mean) ** 2).sum(axis=(0, 1)) / each
        variance = (spread + _PSEUDO) / (count + _PSEUDO - 1)
        margins = _margins(self._real, mean, variance, self._nearest)
        own = _margins(real[:, 0], mean, variance, self.coordinates.nearest(real[:, 0]))
        weights = self._discriminant(views, real)
        logits = self._seen @ weights
        unit, gain = (1 / _tail(each_one) for each_one in (logits, margins))
        scores = unit * logits + gain * margins
        # The wafers that trained the discriminant would flatter the margin.
        bias = -float(np.quantile(scores[1::2], 1 - CLAIMED))
        return Rule(
            _short(mean),
            _short(variance),
            _short(self._centre),
            _short(self._scale),
            _short(unit * weights[:-1]),
            gain,
            bias + unit * float(weights[-1]),
            min(float(np.quantile(margins, 1 - LOOKED_AT)), float(own.min())),
            *(_towards(views.numbers[:, 0, SHAPE:]) if self.direction else ANYWHERE),
        )

    def recalls(self, views: Views) -> npt.NDArray[np.bool_]:
        """Which examples (examples,) a rule of all the others recognises."""
        found = []
        for which in range(len(views.numbers)):
            rule = self.rule(views.without(which))
            embeddings, seen = views.embeddings[which, :1], views.numbers[which, :1]
            found.append(scores(rule, self.coordinates, embeddings, seen)[0] > 0)
        return np.asarray(found)

    def standard(self, views: Views) -> _Plane:
        """Examples as they are, (examples, size + SHAPE), in spreads of ordinary wafers."""
        real = self.coordinates.real(views.embeddings[:, 0])
        seen: _Plane = self._standard(np.hstack([real, views.numbers[:, 0, :SHAPE]]))[:, :-1]
        return seen

    def _standard(self, joint: _Plane) -> _Plane:
        """In standard deviations of ordinary wafers, and a one for the bias."""
        seen = np.clip((joint - self._centre) / self._scale, -FAR, FAR)
        return np.concatenate([seen, np.ones((*seen.shape[:-1], 1))], axis=-1)

    def _discriminant(self, views: Views, real: _Plane) -> _Plane:
        """Weights (size + SHAPE + 1,) of a logistic regression, the bias last."""
        ordinary = self._seen[::2]
        seen = self._standard(np.concatenate([real, views.numbers[..., :SHAPE]], axis=-1))
        seen = seen.reshape(-1, seen.shape[-1])
        rows = np.vstack([ordinary, seen])
        truth = np.repeat([0.0, 1.0], [len(ordinary), len(seen)])
        each = _WEIGHT * len(ordinary) / len(seen)
        weight = np.repeat([1.0, each], [len(ordinary), len(seen)])
        self._start = _logistic(rows, truth, weight, self._start)
        return self._start


def _towards(place: _Plane) -> tuple[tuple[float, float], float]:
    """Direction (2,) in which the fails of examples (examples, 2) lie, and the least cosine."""
    lengths = np.linalg.norm(place, axis=1, keepdims=True)
    units = place / np.maximum(lengths, 1e-9)
    mean = units.mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    down, across = _short(mean)
    return (down, across), float((units @ mean).min()) - _SLACK


def scores(
    rule: Rule, coordinates: Coordinates, embeddings: npt.NDArray[np.int8], numbers: _Plane
) -> _Plane:
    """Scores (wafers,) of a rule: above 0 a wafer is claimed."""
    real = coordinates.real(embeddings)
    mean, variance = np.asarray(rule.mean), np.asarray(rule.variance)
    margins = _margins(real, mean, variance, coordinates.nearest(real))
    seen = np.hstack([real, numbers[:, :SHAPE]])
    seen = np.clip((seen - rule.centre) / rule.scale, -FAR, FAR)
    found: _Plane = seen @ np.asarray(rule.weights) + rule.gain * margins + rule.bias
    place = numbers[:, SHAPE:]
    cosines = place @ np.asarray(rule.towards) / np.maximum(np.linalg.norm(place, axis=1), 1e-9)
    found = np.minimum(found, UPRIGHT * (cosines - rule.cosine))
    return np.where(margins < rule.loose, -np.inf, found)


def _margins(real: _Plane, mean: _Plane, variance: _Plane, nearest: _Plane) -> _Plane:
    """Logarithm of how much likelier the Gaussian is than the nearest class."""
    square: Any = ((real - mean) ** 2 / variance).sum(axis=-1)
    volume = float(np.log(variance).sum())
    found: _Plane = 0.5 * (nearest - square - volume)
    return found


def _tail(values: _Plane) -> float:
    """How far the farthest of ordinary wafers lie above their middle."""
    middle, high = np.quantile(values, (0.5, 1 - CLAIMED))
    return max(float(high - middle), 1e-6)


def _logistic(rows: _Plane, truth: _Plane, weight: _Plane, start: _Plane) -> _Plane:
    """Newton's method from a start, each step halved until it helps; the bias does not decay."""
    decay = np.full(rows.shape[1], _DECAY)
    decay[-1] = 1e-3

    def loss(at: _Plane) -> float:
        logits = rows @ at
        misfit = weight @ (np.logaddexp(0, logits) - truth * logits)
        return float(misfit + 0.5 * decay @ at**2)

    found = start if loss(start) < loss(0 * start) else 0 * start
    now = loss(found)
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        slope = rows.T @ (weight * (chance - truth)) + decay * found
        bend: Any = (rows * (weight * chance * (1 - chance))[:, None]).T @ rows
        step = np.linalg.solve(bend + np.diag(decay), slope)
        while (then := loss(found - step)) > now and np.abs(step).max() > _DONE:
            step /= 2
        found, gained, now = found - step, now - then, then
        if gained < _DONE:
            break
    return found


def _short(values: _Plane) -> list[float]:
    """Six digits are enough, and keep the file small."""
    return [float(f"{value:.6g}") for value in values]
