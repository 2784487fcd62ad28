"""Accuracy figures against known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.evaluation.metrics import confusion_matrix, score, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (81, 263, 0.2553, 0.3662),  # R. G. Newcombe, Statistics in Medicine 17, 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_known_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=6e-5)


@settings(max_examples=50, derandomize=True)
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    successes, trials = case
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_confusion_has_the_truth_in_its_rows() -> None:
    found = confusion_matrix(np.asarray([0, 0, 1, 2]), np.asarray([0, 2, 2, 2]), 4)
    assert found.tolist() == [[1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_per_class_figures() -> None:
    scores = score(np.asarray([[3, 1, 0], [2, 4, 0], [0, 0, 0]]), ("a", "b", "c"))
    first = scores.per_class["a"]
    assert (first.n, first.recall, first.precision) == (4, 0.75, 0.6)
    assert first.f1 == pytest.approx(2 / 3)
    assert first.ci95 == wilson(3, 4)
    assert scores.accuracy == 0.7


def test_absent_class_has_no_figures_and_does_not_lower_the_mean() -> None:
    scores = score(np.asarray([[3, 1, 0], [0, 2, 0], [0, 0, 0]]), ("a", "b", "c"))
    absent = scores.per_class["c"]
    assert (absent.n, absent.recall, absent.precision, absent.f1) == (0, None, None, None)
    assert absent.ci95 == (0.0, 1.0)
    assert scores.macro_recall == pytest.approx((0.75 + 1.0) / 2)


def test_class_that_is_never_given_has_no_precision_but_a_recall_of_0() -> None:
    never = score(np.asarray([[0, 2], [0, 3]]), ("a", "b")).per_class["a"]
    assert (never.recall, never.precision, never.f1) == (0.0, None, None)


def test_class_that_is_always_wrong_has_an_f1_of_0() -> None:
    assert score(np.asarray([[0, 2], [1, 3]]), ("a", "b")).per_class["a"].f1 == 0.0


def test_nothing_at_all_scores_0() -> None:
    scores = score(np.zeros((2, 2), np.int64), ("a", "b"))
    assert (scores.macro_recall, scores.accuracy) == (0.0, 0.0)


def test_json_form_is_plain_and_keeps_the_orientation() -> None:
    figures = score(np.asarray([[1, 2], [0, 3]]), ("a", "b")).as_dict()
    assert figures["confusion"] == {"labels": ["a", "b"], "rows": [[1, 2], [0, 3]]}
    assert figures["per_class"]["a"]["recall"] == pytest.approx(1 / 3)
    assert isinstance(figures["per_class"]["a"]["ci95"], list)


def test_one_answer_for_wafers_of_several_classes_is_told() -> None:
    names = ("a", "b", "c")
    for rows, answer in (
        ([[0, 4, 0], [0, 5, 0], [0, 0, 0]], "b"),
        ([[0, 4, 0], [1, 5, 0], [0, 0, 0]], None),
        ([[0, 0, 0], [0, 5, 0], [0, 0, 0]], None),  # there was no other to tell
        ([[0, 0, 0]] * 3, None),
    ):
        assert score(np.asarray(rows), names).only_answer == answer
