"""Exponential moving average of a network's weights: steadier between epochs, better at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edge.formats.npz import Arrays
from train.backend import array


class WeightAverage(keras.callbacks.Callback):  # type: ignore[misc]
    """Follows all weights (the statistics of batch norm too) while a network trains.

    Args:
        momentum: Share kept of the average at each step; the average reaches back about
            1 / (1 - momentum) steps. 0 follows the weights themselves.
    """

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.values: list[npt.NDArray[np.float32]] = []
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Take one step in."""
        weights = [array(weight) for weight in self.model.weights]
        # Young averages forget faster, or the random start would linger.
        keep = min(self.momentum, (1 + self.steps) / (10 + self.steps))
        if not self.values:
            self.values = weights
        else:
            self.values = [
                keep * old + np.float32(1 - keep) * new
                for old, new in zip(self.values, weights, strict=True)
            ]
        self.steps += 1

    @contextlib.contextmanager
    def applied(self, model: keras.Model) -> Iterator[None]:
        """The average in the place of the weights, within a ``with`` block."""
        if not self.momentum or not self.values:
            yield
            return
        own = [array(weight) for weight in model.weights]
        _assign(model, self.values)
        try:
            yield
        finally:
            _assign(model, own)

    def save(self, path: Path) -> None:
        """Keep the state for a resumed run."""
        with path.open("wb") as file:
            np.savez(file, *self.values, steps=np.asarray(self.steps))

    def load(self, path: Path) -> None:
        """Take up the state of an interrupted run."""
        with Arrays(path) as file:
            self.steps = int(file.read("steps"))
            self.values = [file.read(f"arr_{index}") for index in range(len(file.names) - 1)]


def _assign(model: keras.Model, values: list[npt.NDArray[np.float32]]) -> None:
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)
