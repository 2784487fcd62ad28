"""Calibration error, risk against coverage and AUROC against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.evaluation.calibration import (
    BINS,
    auroc,
    calibration_error,
    caught,
    reliability_bins,
    risk_coverage,
)

SCORES = st.lists(st.integers(0, 5), min_size=1, max_size=30)
JUDGED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40)


def test_calibration_error_of_a_case_done_by_hand() -> None:
    """Bins of 1/15: two at 0.9 of which one is right, two at 0.52 of which both are."""
    confidence = np.asarray([0.9, 0.9, 0.52, 0.52])
    right = np.asarray([True, False, True, True])
    assert calibration_error(confidence, right) == pytest.approx((0.4 + 0.48) / 2)
    filled = [one for one in reliability_bins(confidence, right) if one.n]
    assert [(one.n, one.confidence, one.accuracy) for one in filled] == [
        (2, pytest.approx(0.52), 1.0),
        (2, pytest.approx(0.9), 0.5),
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.randoms())
def test_calibration_error_is_a_share_and_knows_no_order(
    pairs: list[tuple[float, bool]], random: object
) -> None:
    shuffled = sorted(pairs, key=lambda _: random.random())  # type: ignore[attr-defined]
    first, second = (
        calibration_error(np.asarray([c for c, _ in some]), np.asarray([r for _, r in some]))
        for some in (pairs, shuffled + shuffled)
    )
    assert first == pytest.approx(second, abs=1e-12)
    assert 0 <= first <= 1 + 1e-12
    bins = reliability_bins(np.asarray([c for c, _ in pairs]), np.asarray([r for _, r in pairs]))
    assert len(bins) == BINS
    assert sum(one.n for one in bins) == len(pairs)
    assert all(one.low - 1e-12 <= one.confidence <= one.high + 1e-12 for one in bins if one.n)


def test_confidence_that_is_as_often_right_as_it_says_has_no_error() -> None:
    assert calibration_error(np.full(4, 0.75), np.asarray([True, True, True, False])) == 0
    assert calibration_error(np.ones(3), np.ones(3, bool)) == 0
    assert calibration_error(np.ones(3), np.zeros(3, bool)) == 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SCORES, SCORES)
def test_auroc_is_the_share_of_pairs_in_order(ordinary: list[int], strange: list[int]) -> None:
    pairs = [(s > o) + (s == o) / 2 for s in strange for o in ordinary]
    found = auroc(np.asarray(ordinary, float), np.asarray(strange, float))
    assert found == pytest.approx(sum(pairs) / len(pairs))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(JUDGED)
def test_risk_and_coverage_end_with_everything_accepted(judged: list[tuple[int, bool]]) -> None:
    doubt = np.asarray([d for d, _ in judged], float)
    wrong = np.asarray([w for _, w in judged])
    coverage, risk = risk_coverage(doubt, wrong)
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(wrong.mean())
    assert risk[0] == wrong[np.argmin(doubt)]
    assert (np.diff(coverage) > 0).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(JUDGED)
def test_caught_grows_from_nothing_to_all(judged: list[tuple[int, bool]]) -> None:
    doubt = np.asarray([d for d, _ in judged], float)
    wrong = np.asarray([w for _, w in judged])
    shares = [caught(doubt, wrong, review) for review in (0.0, 0.1, 0.3, 0.7, 1.0)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert shares[0] == (0 if wrong.any() else 1)


def test_the_most_doubtful_are_looked_at_first() -> None:
    wrong = np.asarray([True, False, False, True, False])
    assert caught(np.asarray([5.0, 1, 2, 4, 3]), wrong, 0.4) == 1
    assert caught(np.asarray([5.0, 1, 2, 0, 3]), wrong, 0.4) == 0.5
