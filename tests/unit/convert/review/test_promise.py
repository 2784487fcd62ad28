"""A promise is kept on lots that nobody has seen, and is not given where there are too few."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convert.review.promise import Called, at_least, evidence, likely, promised

TARGET, DELTA = 0.9, 0.1


def lots(seed: int, count: int, wrong: float = 0.02) -> Called:
    """Lots of 1 to 6 wafers that are called so; a lot is wrong at low confidence, or as a whole."""
    rng = np.random.default_rng(seed)
    lot = np.repeat(np.arange(count), rng.integers(1, 7, count))
    confidence = rng.random(len(lot))
    spoiled = rng.random(count)[lot] < wrong
    right = ~spoiled & (rng.random(len(lot)) < 0.6 + 0.5 * confidence)
    return Called(confidence, right, lot, np.ones(len(lot)))


def test_a_threshold_that_is_promised_holds_on_other_lots() -> None:
    """Of 60 promises by 300 lots each at most a tenth may be broken."""
    others = lots(999, 20_000)
    broken = given = 0
    for seed in range(60):
        level = promised(lots(seed, 300), TARGET, DELTA)
        if level is not None:
            given += 1
            broken += others.right[others.confidence >= level].mean() < TARGET
    assert given >= 35
    assert broken <= 8


def test_what_holds_is_seldom_more_than_the_truth() -> None:
    truth = lots(999, 20_000).right.mean()
    bounds = [at_least(*lots(seed, 200).at(0), DELTA) for seed in range(60)]
    assert sum(bound > truth for bound in bounds) <= 10
    assert np.median(bounds) > truth - 0.1


def test_more_lots_allow_a_looser_threshold_and_promise_more() -> None:
    few, many = lots(1, 200), lots(1, 2000)
    levels = [promised(one, TARGET, DELTA) for one in (few, many)]
    assert levels[0] is not None
    assert levels[1] is not None
    assert levels[1] <= levels[0]
    assert at_least(*few.at(0), DELTA) < at_least(*many.at(0), DELTA)


def test_wafers_of_one_lot_are_one_observation() -> None:
    """Sixty right wafers: of sixty lots they show much, of one lot next to nothing."""
    apart = Called(np.ones(60), np.ones(60, bool), np.arange(60), np.ones(60))
    together = Called(np.ones(60), np.ones(60, bool), np.zeros(60, np.intp), np.ones(60))
    assert promised(apart, TARGET, DELTA) == 0
    assert promised(together, TARGET, DELTA) is None
    assert likely(together, TARGET, DELTA) is None
    assert at_least(*apart.at(0), DELTA) > 0.9
    assert at_least(*together.at(0), DELTA) < 0.6


def test_too_few_lots_promise_nothing_but_may_be_likely_enough() -> None:
    few = Called(np.ones(8), np.ones(8, bool), np.arange(8), np.ones(8))
    assert promised(few, TARGET, DELTA) is None
    assert likely(few, TARGET, DELTA) == 0


def test_wrong_wafers_count_by_their_weight() -> None:
    """One of forty is wrong; where such wafers are ten times as common, a fifth is."""
    right = np.arange(40) > 0
    plain = Called(np.ones(40), right, np.arange(40), np.ones(40))
    common = Called(np.ones(40), right, np.arange(40), np.where(right, 1.0, 10.0))
    assert at_least(*plain.at(0), DELTA) > at_least(*common.at(0), DELTA)
    assert likely(common, TARGET, DELTA) is None


def test_no_lot_can_ruin_the_bet() -> None:
    accepted = np.asarray([25.0, 1.0])
    assert math.isfinite(evidence(accepted, accepted, 0.05))
    assert evidence(accepted, 0 * accepted, 0.05) > 0
    assert evidence(accepted, 0 * accepted, 0.5) == pytest.approx(
        math.log1p(0.9) + math.log1p(0.9 / 25)
    )
