"""Temperature scaling finds the temperature that was there."""

from __future__ import annotations

import numpy as np
import pytest

from convert.review.temperature import fit_log_prior, fit_temperature
from edge.evaluation.metrics import softmax
from edge.wafer.patterns import PATTERNS


def test_softmax_survives_large_logits() -> None:
    found = softmax(np.asarray([[1e4, 0.0], [-1e4, -1e4]], np.float32))
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert found.dtype == np.float64


@pytest.mark.parametrize("true", [0.5, 1.0, 1.6, 3.0])
def test_finds_the_temperature_that_drew_the_labels(true: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (4000, 9))
    chances = softmax(logits / true)
    classes = (chances.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    assert fit_temperature(logits, classes) == pytest.approx(true, rel=0.08)


def test_stays_in_its_bounds() -> None:
    """All right wants no doubt at all, all wrong wants nothing but doubt."""
    logits = np.eye(9) * 2
    assert fit_temperature(logits, np.arange(9)) == 0.25
    assert fit_temperature(logits, (np.arange(9) + 1) % 9) == 4.0


def test_does_not_change_with_a_shift_of_the_logits() -> None:
    rng = np.random.default_rng(1)
    logits, classes = rng.normal(0, 2, (300, 9)), rng.integers(0, 9, 300)
    assert fit_temperature(logits + 100, classes) == fit_temperature(logits, classes)


def test_finds_how_common_the_patterns_are() -> None:
    """Labels drawn where ``none`` is e^2 as common as the network takes it for, Donut e^-1."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (20_000, 9))
    true = np.zeros(9)
    true[[PATTERNS.index("none"), PATTERNS.index("Donut")]] = 2, -1
    chances = softmax(logits + true)
    classes = (chances.cumsum(axis=1) > rng.random((len(logits), 1))).argmax(axis=1)
    found = np.asarray(list(fit_log_prior(logits, classes, PATTERNS).values()))
    assert found == pytest.approx(true - true.mean(), abs=0.12)


def test_a_pattern_without_wafers_is_not_written_off() -> None:
    logits = np.random.default_rng(3).normal(0, 2, (300, 9))
    found = fit_log_prior(logits, np.zeros(300, np.intp), PATTERNS)
    assert max(found, key=found.__getitem__) == PATTERNS[0]
    assert all(-6 <= value <= 6 for value in found.values())
