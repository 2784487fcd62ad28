"""Ranges from histograms: exact on values that can be counted by hand."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("keras")

from convert.remedy.ranges import (
    Histogram,
    histograms,
    least_error,
    percentile,
)
from convert.report.activation_recorder import extremes

Values = npt.NDArray[np.float32]


def histogram(values: Values) -> Histogram:
    batches = [{"x": part} for part in np.array_split(values.astype(np.float32), 3)]
    return histograms(batches, extremes(batches))["x"]


def squared_error(values: Values, low: float, high: float) -> float:
    """What int8 with this range makes of the values, computed one by one."""
    step = (high - low) / 255
    zero = round(-low / step)
    levels = np.clip(np.round(values / step) + zero, 0, 255) - zero
    return float(((levels * step - values) ** 2).mean())


def test_extremes_always_hold_zero() -> None:
    found = extremes([{"a": np.asarray([2.0, 3.0]), "b": np.asarray([-4.0, -1.0])}])
    assert found == {"a": (0.0, 3.0), "b": (-4.0, 0.0)}


def test_an_activation_that_is_always_zero_has_no_histogram() -> None:
    batches = [{"a": np.zeros(4, np.float32)}]
    assert histograms(batches, extremes(batches)) == {}


def test_histogram_counts_every_value_once_and_zeros_apart() -> None:
    found = histogram(np.asarray([-1.0, 0.0, 0.0, 0.5, 3.0]))
    assert (found.lowest, found.highest, found.zeros) == (-1.0, 3.0, 2)
    assert int(found.counts.sum()) == 3


def test_percentile_of_one_side_cuts_there_alone() -> None:
    values = np.arange(1.0, 1001.0)
    low, high = percentile(histogram(values), 0.99)
    assert low == 0
    assert high == pytest.approx(990, abs=1)


def test_percentile_of_two_sides_cuts_half_off_either() -> None:
    values = np.concatenate([np.arange(-500.0, 0.0), np.arange(1.0, 501.0)])
    low, high = percentile(histogram(values), 0.9)
    assert (low, high) == pytest.approx((-450, 450), abs=1.2)


def test_percentile_counts_zeros() -> None:
    """999 of 1,000 values are 0: what 99 % of them reach is hardly more."""
    values = np.concatenate([np.zeros(999), [100.0]])
    assert percentile(histogram(values), 0.99)[1] < 0.1
    assert percentile(histogram(values), 1.0) == pytest.approx((0, 100))


@pytest.mark.parametrize("tail", [6.0, 30.0])
def test_least_error_beats_the_full_range_and_is_near_the_best(tail: float) -> None:
    rng = np.random.default_rng(0)
    values = np.append(rng.normal(0, 1, 400_000), tail)
    found = histogram(values)
    low, high = least_error(found)
    best = min(
        squared_error(values, found.lowest * share, found.highest * share)
        for share in np.geomspace(1, 1 / 20, 60)
    )
    assert high < tail
    assert squared_error(values, low, high) <= 1.02 * best
    assert best < squared_error(values, found.lowest, found.highest)
