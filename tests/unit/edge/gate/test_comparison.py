"""Chance against change: what counts as worse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.comparison import SIGNIFICANCE, Change, mcnemar, paired, paired_mean, unpaired


def test_exact_test_by_hand() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 0) == 1 / 32
    assert mcnemar(4, 0) == 1 / 16
    assert mcnemar(2, 1) == 4 / 8
    assert mcnemar(8, 1) == pytest.approx(10 / 512)


def test_exact_test_of_many_wafers_does_not_overflow() -> None:
    assert mcnemar(5000, 5000) == pytest.approx(0.5, abs=0.01)
    assert mcnemar(3000, 2000) < 1e-40


@given(st.integers(0, 60), st.integers(0, 60))
def test_losing_and_winning_are_mirror_images(lost: int, won: int) -> None:
    tie = math.comb(lost + won, lost) / 2 ** (lost + won)
    assert mcnemar(lost, won) + mcnemar(won, lost) == pytest.approx(1 + tie)


def test_pairs_find_what_counts_cannot() -> None:
    """Ten of 400 wafers lost and none won: certain wafer by wafer, within chance by counts."""
    before = np.ones(400, bool)
    before[:40] = False
    now = before.copy()
    now[40:50] = False
    assert paired(before, now).certain
    assert not unpaired([(0.9, 400)], [(0.875, 400)]).certain
    assert unpaired([(0.9, 400)], [(0.8, 400)]).certain


def test_limit_allows_exactly_itself() -> None:
    assert not Change(0.90, 0.89, 0.0).fell(1.0)
    assert Change(0.90, 0.8898, 0.0).fell(1.0)
    assert Change(0.90, math.nan, 0.0).fell(1.0)


def test_rise_is_no_fall() -> None:
    before, now = np.zeros(50, bool), np.ones(50, bool)
    assert not paired(before, now).certain
    assert not unpaired([(0.2, 50)], [(0.9, 50)]).certain


def test_mean_over_classes_weighs_classes_alike() -> None:
    classes = np.repeat([0, 1], [900, 100])
    before = np.ones(1000, bool)
    now = before.copy()
    now[900:920] = False
    change = paired_mean(classes, before, now)
    assert change.now == pytest.approx(0.9)
    assert change.certain
    by_counts = unpaired([(1.0, 900), (1.0, 100)], [(1.0, 900), (0.8, 100)])
    assert by_counts.now == pytest.approx(0.9)
    assert by_counts.certain


def test_equally_good_models_rarely_look_worse() -> None:
    """Two models of 90 % each on the same wafers: at most one test in twenty calls one worse."""
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(3), [30, 60, 200])
    drawn = [rng.random((2, len(classes))) < 0.9 for _ in range(100)]
    means = [paired_mean(classes, before, now).certain for before, now in drawn]
    smallest = [paired(before[:30], now[:30]).certain for before, now in drawn]
    assert np.mean(means) <= 2 * SIGNIFICANCE
    assert np.mean(smallest) <= SIGNIFICANCE
