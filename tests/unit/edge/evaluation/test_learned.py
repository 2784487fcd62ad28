"""A network that learned nothing is told from one that learned little, of any number of classes."""

from __future__ import annotations

import numpy as np
import pytest

from edge.evaluation.learned import blind, unlearned
from edge.evaluation.metrics import Scores, confusion_matrix, score


def scores(true: np.ndarray, guess: np.ndarray, classes: int) -> Scores:
    names = tuple(f"p{index}" for index in range(classes))
    return score(confusion_matrix(true, guess, classes), names)


@pytest.mark.parametrize("classes", [2, 4, 9, 40])
def test_guesses_are_near_chance_and_what_was_learned_is_not(classes: int) -> None:
    rng = np.random.default_rng(classes)
    true = np.repeat(np.arange(classes), 20)
    guessed = [
        blind(scores(true, rng.integers(classes, size=len(true)), classes)) for _ in range(50)
    ]
    assert sum(found is not None for found in guessed) >= 45
    half = np.where(rng.random(len(true)) < 0.6, true, rng.integers(classes, size=len(true)))
    assert blind(scores(true, half, classes)) is None


def test_the_figures_stand_in_the_message() -> None:
    true = np.repeat([0, 1], 10)
    found = scores(true, np.tile([0, 1], 10), 2)
    low, high = found.macro_ci95
    assert found.macro_recall == 0.5
    # Of the two halves, 5 of 10 each: Wilson's 0.237 - 0.763, and narrower by the root of two.
    assert (low, high) == pytest.approx((0.5 - 0.263 / 2**0.5, 0.5 + 0.263 / 2**0.5), abs=1e-3)
    assert blind(found) == (
        "mean per-class accuracy 50.0 % (95 % interval 31.4 - 68.6) is near chance: who guesses "
        "among 2 patterns has 50.0 %"
    )


def test_wafers_of_one_class_do_not_show_it() -> None:
    true = np.zeros(10, np.intp)
    assert blind(scores(true, np.arange(10) % 5, 5)) is None
    assert blind(scores(np.repeat([0, 1], 5), np.zeros(10, np.intp), 5)) == (
        "every wafer is called p0: the network tells no pattern from another"
    )


def test_a_class_of_five_that_is_never_named_was_not_learned() -> None:
    true = np.asarray([0] * 20 + [1] * 20 + [2] * 5)
    assert unlearned(scores(true, np.minimum(true, 1), 3)) == "never named: p2 (of 5 wafers)"
    assert unlearned(scores(true[:-1], np.minimum(true, 1)[:-1], 3)) is None
    assert unlearned(scores(true, true, 4)) is None  # of the fourth there is no wafer
    one = np.where(np.arange(45) == 0, 2, np.minimum(true, 1))
    assert unlearned(scores(true, one, 3)) is None
