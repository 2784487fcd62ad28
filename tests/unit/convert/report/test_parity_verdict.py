"""The verdict: what a class may lose, and how it is said."""

from __future__ import annotations

import numpy as np
import pytest

from convert.report.evidence import Level, Variant
from convert.report.parity_verdict import counts, judge
from edge.errors import UsageError
from edge.evaluation import metrics
from edge.evaluation.metrics import Scores
from edge.wafer.patterns import PATTERNS


def scores(right: dict[str, int], wafers: dict[str, int]) -> Scores:
    """Scores of so many right answers a class; the wrong ones are called ``none`` or Loc."""
    confusion = np.zeros((len(PATTERNS), len(PATTERNS)), np.int64)
    for place, name in enumerate(PATTERNS):
        confusion[place, place] = right[name]
        confusion[place, PATTERNS.index("Loc" if name == "none" else "none")] += (
            wafers[name] - right[name]
        )
    return metrics.score(confusion, PATTERNS)


def all_right(n: int, **others: int) -> dict[str, int]:
    return {**dict.fromkeys(PATTERNS, n), **others}


WAFERS = all_right(400)


@pytest.mark.parametrize(
    ("kept", "allowed", "level"),
    [
        (400, 1.0, Level.GREEN),
        (399, 0.0, Level.GREEN),  # one wafer is always allowed
        (396, 1.0, Level.GREEN),  # exactly one point
        (395, 1.0, Level.RED),
        (398, 0.0, Level.RED),
        (395, 1.25, Level.GREEN),
    ],
)
def test_a_class_may_lose_so_many_points_or_one_wafer(
    kept: int, allowed: float, level: Level
) -> None:
    after = scores(all_right(400, Loc=kept), WAFERS)
    verdict = judge(Variant.KERAS, counts(scores(WAFERS, WAFERS)), after, allowed)
    assert verdict.level is level
    assert (verdict.lost == {"Loc": (400, kept, 400)}) is (level is Level.RED)


def test_red_names_every_class_that_lost_and_how_much_the_worst_did() -> None:
    after = scores(all_right(400, Loc=380, Donut=390, Center=399), WAFERS)
    verdict = judge(Variant.FLOAT, counts(scores(WAFERS, WAFERS)), after)
    assert verdict.text == (
        "RED: int8 lost 5 points of Loc (20 of 400 wafers), and too much of Donut"
    )
    assert verdict.lost == {"Donut": (400, 390, 400), "Loc": (400, 380, 400)}


def test_green_names_the_largest_loss_by_share_not_by_number() -> None:
    wafers = all_right(400, Donut=50, none=4000)
    after = scores({**wafers, "Donut": 49, "none": 3990}, wafers)
    verdict = judge(Variant.KERAS, counts(scores(wafers, wafers)), after)
    assert verdict.text == (
        "int8 is as good as float: none of nine classes lost more than 2 points "
        "(Donut, 1 of 50 wafers)"
    )


def test_gains_are_no_losses() -> None:
    before = counts(scores(all_right(300), WAFERS))
    verdict = judge(Variant.KERAS, before, scores(WAFERS, WAFERS))
    assert verdict.level is Level.GREEN
    assert "none of nine classes lost a wafer" in verdict.text


def test_absent_classes_are_said_to_be_not_judged() -> None:
    wafers = all_right(400, Donut=0, Random=0)
    right = scores(wafers, wafers)
    verdict = judge(Variant.KERAS, counts(right), right)
    assert "the seven classes present (2 not judged)" in verdict.text


def test_without_float_nothing_is_judged() -> None:
    verdict = judge(None, None, scores(all_right(300), WAFERS))
    assert verdict.level is Level.UNKNOWN
    assert verdict.text.startswith("Not judged against float")
    assert "75.0 %" in verdict.text


@pytest.mark.parametrize("allowed", [-1.0, float("nan"), float("inf")])
def test_senseless_limits_are_refused(allowed: float) -> None:
    with pytest.raises(UsageError, match="allowed drop"):
        judge(None, None, scores(WAFERS, WAFERS), allowed)


def test_one_answer_for_all_is_red_though_float_gives_it_as_well() -> None:
    confusion = np.zeros((len(PATTERNS), len(PATTERNS)), np.int64)
    confusion[:, 0] = 20
    dead = metrics.score(confusion, PATTERNS)
    verdict = judge(Variant.KERAS, counts(dead), dead)
    assert verdict.level is Level.RED
    assert "int8 calls every wafer Center" in verdict.text
