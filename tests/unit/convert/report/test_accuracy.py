"""Figures from probabilities, against slow and plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.parity import Variant
from convert.report.accuracy import any_defect, changes, outcome, without_temperature
from convert.report.evidence import CURVE_POINTS, Curve
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation import metrics
from edge.wafer.patterns import PATTERNS, WM811K

NONE = PATTERNS.index("none")


def answers(wafers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True classes and probabilities that follow them loosely."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, len(PATTERNS), wafers)
    logits = rng.normal(0, 1, (wafers, len(PATTERNS)))
    logits[np.arange(wafers), true] += 1.5
    return true, metrics.softmax(logits)


def test_top_k_counts_labels_among_the_most_probable() -> None:
    true, shares = answers(300)
    ranked = np.argsort(-shares, axis=1)
    found = outcome(true, shares, shares, WM811K).top
    for k in (1, 3, 5):
        expected = np.mean([label in row[:k] for label, row in zip(true, ranked, strict=True)])
        assert found[k] == pytest.approx(expected)
    assert found[1] < found[3] < found[5] < 1


def test_any_defect_counts_patterns_against_none() -> None:
    true, shares = answers(500)
    called = shares.argmax(axis=1)
    hits = sum(NONE not in {t, c} for t, c in zip(true, called, strict=True))
    found = any_defect(true, shares, WM811K)
    assert found.precision == pytest.approx(hits / sum(called != NONE))
    assert found.recall == pytest.approx(hits / sum(true != NONE))
    assert found.f1 == pytest.approx(
        2 * found.precision * found.recall / (found.precision + found.recall)
    )


def test_area_is_that_under_the_curve() -> None:
    true, shares = answers(150)  # few enough for the curve to keep every point
    found = any_defect(true, shares, WM811K)
    x, y = np.asarray(found.roc.x), np.asarray(found.roc.y)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    assert found.auc == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("label", [NONE, 0])
def test_one_kind_of_wafer_has_no_curve(label: int) -> None:
    _, shares = answers(20)
    found = any_defect(np.full(20, label), shares, WM811K)
    assert found.auc is None
    assert found.roc is None


@given(
    st.lists(st.floats(-8, 8), min_size=9, max_size=9),
    st.floats(0.2, 5),
)
def test_temperature_can_be_taken_back(logits: list[float], temperature: float) -> None:
    plain = np.asarray([logits])
    after = metrics.softmax(plain / temperature)
    assert without_temperature(after, temperature) == pytest.approx(metrics.softmax(plain))


def test_thinned_curve_keeps_both_ends() -> None:
    line = np.linspace(0, 1, 5000)
    curve = Curve.thinned(line, line**2)
    assert len(curve.x) == len(curve.y) == CURVE_POINTS
    assert (curve.x[0], curve.x[-1], curve.y[-1]) == (0, 1, 1)


def test_changed_wafers_are_counted_and_the_worst_are_shown_first(generated: LabelledSet) -> None:
    true = generated.class_indices()
    rng = np.random.default_rng(2)
    before = metrics.softmax(rng.normal(0, 1, (len(true), 9)) + 3 * np.eye(9)[true])
    after = metrics.softmax(np.log(before) + rng.normal(0, 1.5, before.shape))
    one, two = before.argmax(axis=1), after.argmax(axis=1)
    found = changes(generated, Variant.FLOAT, before, after, limit=5)
    assert found.total == sum(one != two) > 5
    assert found.now_wrong == sum((one == true) & (two != true)) > 0
    assert found.now_right == sum((one != true) & (two == true))
    assert found.agreement == pytest.approx(np.mean(one == two))
    assert found.largest_drift == pytest.approx(np.abs(before - after).max())
    assert len(found.shown) == 5
    kinds = [wafer.label == wafer.float_pattern for wafer in found.shown]
    assert kinds == sorted(kinds, reverse=True)
    for wafer in found.shown:
        old, new = (PATTERNS.index(name) for name in (wafer.float_pattern, wafer.int8_pattern))
        assert old != new
        assert (old, new) == (one[wafer.index], two[wafer.index])
        assert wafer.by_float == (before[wafer.index, old], before[wafer.index, new])
        assert wafer.by_int8 == (after[wafer.index, old], after[wafer.index, new])
        assert np.array_equal(wafer.dies, generated.grid(wafer.index))
        assert wafer.lot is not None
