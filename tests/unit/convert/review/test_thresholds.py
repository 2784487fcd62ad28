"""The line between accept and review reaches what it is set for, on the wafers it was set on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.review.thresholds import PRIOR, above, for_precision
from edge.evaluation.metrics import softmax
from edge.wafer.patterns import PATTERNS

LOC, NONE = PATTERNS.index("Loc"), PATTERNS.index("none")


def thresholds(probabilities: np.ndarray, classes: np.ndarray, target: float) -> dict[str, float]:
    """With the probability of the predicted class as confidence."""
    guess = probabilities.argmax(axis=1)
    return for_precision(guess, probabilities.max(axis=1), guess == classes, target, PATTERNS)


def drawn(seed: int, wafers: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (W, 9) of a fair network, most wafers ``none``, and true classes."""
    rng = np.random.default_rng(seed)
    classes = np.where(rng.random(wafers) < 0.6, NONE, rng.integers(0, 9, wafers))
    return softmax(3 * np.eye(9)[classes] + rng.normal(0, 1.5, (wafers, 9))), classes


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.floats(0.5, 0.99))
def test_accepted_predictions_of_every_pattern_reach_the_target(seed: int, target: float) -> None:
    probabilities, classes = drawn(seed)
    found = thresholds(probabilities, classes, target)
    guess, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    assert tuple(found) == PATTERNS
    for index, name in enumerate(PATTERNS):
        accepted = (guess == index) & (confidence >= found[name])
        assert 0 <= found[name] <= 1
        assert not accepted.any() or (classes[accepted] == index).mean() >= target
    higher = thresholds(probabilities, classes, (1 + target) / 2)
    assert all(higher[name] >= found[name] for name in PATTERNS)


def certain(name: int, right: int, wrong: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of one pattern, all at one confidence; the wrong ones are ``none``."""
    probabilities = np.full((right + wrong, 9), (1 - confidence) / 8)
    probabilities[:, name] = confidence
    return probabilities, np.repeat([name, NONE], [right, wrong])


def test_one_where_no_threshold_reaches_it() -> None:
    probabilities, classes = certain(LOC, 50, 50, 0.9995)
    found = thresholds(probabilities, classes, 0.9)
    assert found["Loc"] == 1.0


def test_just_above_the_confidence_of_the_wrong_ones() -> None:
    parts = certain(LOC, 0, 30, 0.7), certain(LOC, 100, 0, 0.9)
    probabilities, classes = (np.concatenate(some) for some in zip(*parts, strict=True))
    assert thresholds(probabilities, classes, 0.95)["Loc"] == 0.701


def test_a_few_right_ones_do_not_open_the_gate_where_the_others_are_poor() -> None:
    """Five of five are right, but all together only every second is: too good to be believed."""
    parts = certain(LOC, 5, 0, 0.6), certain(0, 100, 105, 0.9)
    probabilities, classes = (np.concatenate(some) for some in zip(*parts, strict=True))
    everyone = 105 / 210
    assert (5 + PRIOR * everyone) / (5 + PRIOR) < 0.9
    assert thresholds(probabilities, classes, 0.9)["Loc"] > 0.6


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.floats(0.001, 0.999))
def test_above_lets_through_no_more_than_the_share(scores: list[int], share: float) -> None:
    values = np.asarray(scores, float)
    limit = above(values, share)
    assert limit in scores
    assert (values > limit).mean() <= share + 1e-12
    lower = values[values < limit]
    if len(lower):
        assert (values > lower.max()).mean() >= share - 1 / len(values)


def test_above_of_even_scores() -> None:
    assert above(np.arange(100.0), 0.02) == pytest.approx(98, abs=1)
