"""The beta-binomial distribution, and limits that allow for how little some lots say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.lots.beta_binomial import CountModel, log_gamma, log_pmf


@given(st.floats(1e-6, 1e6))
def test_log_gamma_is_that_of_the_standard_library(x: float) -> None:
    assert log_gamma(np.array([x]))[0] == pytest.approx(math.lgamma(x), rel=1e-11, abs=1e-11)


@given(st.floats(0.01, 50), st.floats(0.01, 50), st.integers(1, 60))
def test_chances_of_all_counts_are_one_and_have_the_known_moments(
    a: float, b: float, wafers: int
) -> None:
    counts = np.arange(wafers + 1.0)
    chances = np.exp(log_pmf(counts, np.float64(wafers), np.float64(a), np.float64(b)))
    assert chances.sum() == pytest.approx(1)
    mean = wafers * a / (a + b)
    assert chances @ counts == pytest.approx(mean)
    dispersion = 1 + (wafers - 1) / (a + b + 1)
    varies = mean * b / (a + b) * dispersion
    assert chances @ (counts - mean) ** 2 == pytest.approx(varies)


def test_a_limit_keeps_its_chance_and_tightens_with_more_lots() -> None:
    """Three of a hundred wafers, independent ones: the limit comes near the binomial's."""
    counts = np.random.default_rng(1).binomial(25, 0.03, 400).tolist()
    limits = []
    for lots in (20, 400):
        limit = CountModel((count, 25) for count in counts[:lots]).limit(25, 1e-4)
        assert limit is not None
        assert 0 < limit[1] <= 1e-4
        limits.append(limit[0])
    assert limits[0] > limits[1]
    assert 5 <= limits[1] <= 7  # 6 of 25 come in 1 of 14,000 lots there


def test_whole_lots_that_are_normal_have_no_limit() -> None:
    model = CountModel([(0, 25)] * 90 + [(25, 25)] * 10)
    assert model.limit(25, 1e-4) is None
    assert model.dispersion(25) > 15
    assert model.rate == pytest.approx(0.1, abs=0.04)


def test_large_lots_have_limits_as_their_share() -> None:
    model = CountModel([(30, 3000), (45, 3100), (20, 2900)] * 10)
    limit = model.limit(6000, 1e-3)
    assert limit is not None
    assert 90 < limit[0] < 1500
