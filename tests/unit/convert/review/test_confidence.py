"""Confidence and thresholds by networks that had not seen the lots that they judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convert.review.confidence import (
    Judged,
    confidence_bins,
    confidence_rule,
    cross_fitted,
    mix,
)
from edge.errors import UsageError
from edge.evaluation.metrics import softmax
from edge.verdict.objective import ReviewObjective
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet

NONE = PATTERNS.index("none")


def judged(wafers: int = 3000, temperature: float = 1.7) -> Judged:
    """Labels drawn by a network's own probabilities at a temperature; five wafers a lot."""
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(wafers) < 0.6, NONE, rng.integers(0, 9, wafers))
    logits = 9 * np.eye(9)[truth] + rng.normal(0, 2, (wafers, 9))
    chances = softmax(logits / temperature)
    classes = (chances.cumsum(axis=1) > rng.random((wafers, 1))).argmax(axis=1)
    lots = np.arange(wafers) // 5
    return Judged(logits, classes, lots, (1 + lots % 4).astype(np.int16))


def test_confidence_is_calibrated_on_other_folds_and_agrees_with_the_truth() -> None:
    found = judged()
    rule = confidence_rule(found, ReviewObjective(), WM811K)
    assert rule.temperature == pytest.approx(1.7, rel=0.1)
    for one in confidence_bins(found, WM811K):
        if one["wafers"] >= 150:
            assert one["confidence"] == pytest.approx(one["right"], abs=0.08)
    assert sum(one["wafers"] for one in confidence_bins(found, WM811K)) == len(found.classes)
    spoiled = replace(found, classes=np.where(found.network == 1, 0, found.classes))
    ones = np.ones(len(found.classes))
    before, after = (cross_fitted(each, ones, WM811K) for each in (found, spoiled))
    assert np.array_equal(before[found.network == 1], after[found.network == 1])
    assert not np.allclose(before[found.network == 2], after[found.network == 2])


def test_what_is_promised_and_what_is_not_is_told_by_pattern() -> None:
    found = judged()
    rule = confidence_rule(found, ReviewObjective(precision=0.9), WM811K)
    assert rule.holds["none"].promised
    assert rule.holds["none"].at_least == 0.9
    assert not all(held.promised for held in rule.holds.values())
    confidence = cross_fitted(found, np.ones(len(found.classes)), WM811K)
    for name, held in rule.holds.items():
        index = PATTERNS.index(name)
        taken = (found.guess == index) & (confidence >= rule.below[name])
        assert held.accepted == taken.sum()
        assert held.precision == pytest.approx(found.right[taken].mean(), abs=1e-4)
        assert held.precision >= 0.9
        assert held.at_least < held.precision
        assert held.promised is (held.at_least == 0.9)
        assert found.lots is not None
        assert held.lots == len(np.unique(found.lots[taken]))
    assert all(rule.below[name] == 1 for name in PATTERNS if name not in rule.holds)
    count = found.count()
    assert count is not None
    assert (count.networks, count.wafers, count.lots) == (4, 3000, 600)


def test_a_val_part_promises_nothing() -> None:
    found = replace(judged(), lots=None, network=None)
    assert confidence_rule(found, ReviewObjective(), WM811K).holds == {}
    assert found.count() is None


def test_another_mix_of_patterns_counts_wafers_without_one_more_often() -> None:
    """Where nearly all show nothing, a pattern is believed less, and accepted later."""
    found = judged()
    weights = mix(found.classes, 0.95, WM811K)
    none = found.classes == NONE
    assert weights[none].sum() / weights.sum() == pytest.approx(0.95)
    assert set(weights[~none].tolist()) == {1.0}
    plain, common = (
        confidence_rule(found, ReviewObjective(precision=0.8, none_share=share), WM811K)
        for share in (0.0, 0.95)
    )
    gained = common.log_prior["none"] - plain.log_prior["none"]
    assert gained > 1
    assert len(common.holds) <= len(plain.holds)
    nameless = PatternSet(WM811K.names)
    with pytest.raises(UsageError, match=r"none_share is 0\.5, but none of the patterns means no"):
        mix(found.classes, 0.5, nameless)
