"""Rules of some patterns and wafers in, how much each rule is for each wafer out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.own.numbers import SHAPE
from edge.own.pattern_file import Rule

Plane = npt.NDArray[np.float64]

#: Farther than so many standard deviations from ordinary wafers says no more.
FAR: Final = 6.0

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
    means: Plane

    def real(self, embeddings: npt.NDArray[np.int8]) -> Plane:
        """The real numbers that the bytes stand for."""
        return (embeddings.astype(np.float64) - self.zero_point) * self.scale

    def nearest(self, real: Plane) -> Plane:
        """Squared distance to the nearest class."""
        squares: Plane = self._squares(real).min(axis=-1)
        return squares

    def nearest_class(self, embeddings: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
        """Which class that is, of each embedding."""
        classes: npt.NDArray[np.intp] = self._squares(self.real(embeddings)).argmin(axis=-1)
        return classes

    def _squares(self, real: Plane) -> Plane:
        squares: Plane = ((real[..., None, :] - self.means) ** 2).sum(axis=-1)
        return squares


class Rules:
    """Rules at work, all at once.

    Args:
        rules: At least one.
        coordinates: Of the network that makes the embeddings.
    """

    def __init__(self, rules: Sequence[Rule], coordinates: Coordinates) -> None:
        self._coordinates = coordinates
        self._classes = len(coordinates.means)
        mean, variance, self._centre, scale, self._weights = (
            np.asarray([getattr(rule, key) for rule in rules])
            for key in ("mean", "variance", "centre", "scale", "weights")
        )
        self._inverse = 1 / scale
        self._early = np.asarray([rule.early for rule in rules])
        self._early_bias = np.asarray([rule.early_bias for rule in rules])
        self._towards = np.asarray([rule.towards for rule in rules])
        self._loose, self._gain, self._bias, self._cosine = np.asarray(
            [(rule.loose, rule.gain, rule.bias, rule.cosine) for rule in rules]
        ).T
        # A margin is half of what the nearest class is farther than the pattern, and all of these
        # are one product of a matrix with the bytes and their squares:
        # |(m - e) / s|^2 = e^2 / s^2 - 2 m e / s^2 + |m / s|^2, all in steps of the int8 output.
        means = np.vstack([coordinates.means, mean]) / coordinates.scale + coordinates.zero_point
        squares = np.vstack([np.ones_like(coordinates.means), 1 / variance]) * coordinates.scale**2
        self._rows = np.hstack([-2 * means * squares, squares])
        self._base = (means**2 * squares).sum(axis=1)
        self._base[self._classes :] += np.log(variance).sum(axis=1) + 2 * self._loose

    def may_claim(self, embedding: npt.NDArray[np.int8]) -> bool:
        """Whether any rule wants to see the numbers of a wafer's map.

        Args:
            embedding: int8 (size,), the network's second output.
        """
        values = embedding.astype(np.float64)
        found = self._rows.dot(np.concatenate((values, values * values)))
        found += self._base
        squares: list[float] = found.tolist()
        return min(squares[self._classes :]) <= min(squares[: self._classes])

    def may_still(self, embedding: npt.NDArray[np.int8], early: Plane) -> bool:
        """Whether any rule wants to see the other numbers.

        Args:
            embedding: int8 (size,).
            early: The first (``edge.own.numbers.EARLY``,) of the numbers.
        """
        embeddings = embedding[np.newaxis]
        seen = self._seen(embeddings, early[np.newaxis])
        return bool((self._so_far(seen, self._beyond(embeddings)) >= 0).any())

    def scores(self, embeddings: npt.NDArray[np.int8], numbers: Plane) -> Plane:
        """Scores (wafers, rules): above 0 a rule claims a wafer.

        Args:
            embeddings: int8 (wafers, size).
            numbers: float (wafers, ``edge.own.numbers.COUNT``) of their maps.
        """
        beyond = self._beyond(embeddings)
        seen = self._seen(embeddings, numbers[:, :SHAPE])
        found = (seen * self._weights).sum(axis=-1)
        found += self._gain * (beyond + self._loose) + self._bias
        place = numbers[:, SHAPE:]
        length = np.maximum(np.linalg.norm(place, axis=1), 1e-9)
        cosines = place @ self._towards.T / length[:, None]
        found = np.minimum(found, UPRIGHT * (cosines - self._cosine))
        return np.where(self._so_far(seen, beyond) < 0, -np.inf, found)

    def _seen(self, embeddings: npt.NDArray[np.int8], numbers: Plane) -> Plane:
        """Embeddings and first numbers, (wafers, rules, both), as each rule sees them."""
        joint = np.hstack([self._coordinates.real(embeddings), numbers])[:, None]
        size = joint.shape[-1]
        seen = (joint - self._centre[:, :size]) * self._inverse[:, :size]
        return np.clip(seen, -FAR, FAR)

    def _so_far(self, seen: Plane, beyond: Plane) -> Plane:
        """Scores (wafers, rules) by the early numbers: below 0 the others are not looked at."""
        early = seen[..., : self._early.shape[1]]
        found = (early * self._early).sum(axis=-1)
        found += self._gain * (beyond + self._loose) + self._early_bias
        return np.where(beyond < 0, -np.inf, found)

    def _beyond(self, embeddings: npt.NDArray[np.int8]) -> Plane:
        """By how much margins (wafers, rules) lie above the least at which a map is looked at."""
        values = embeddings.astype(np.float64)
        squares = np.hstack([values, values**2]) @ self._rows.T + self._base
        nearest = squares[:, : self._classes].min(axis=1, keepdims=True)
        beyond: Plane = 0.5 * (nearest - squares[:, self._classes :])
        return beyond
