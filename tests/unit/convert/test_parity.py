"""The gate: a class may lose one point or one wafer, whichever is more."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest

from convert.parity import Level, Parity, Variant, compare, counts, judge
from edge.errors import UsageError
from edge.evaluation import metrics
from edge.evaluation.metrics import Scores
from edge.wafer.patterns import PATTERNS


def shares(classes: npt.NDArray[np.intp], top: float = 0.92) -> npt.NDArray[np.float64]:
    """Probabilities with most of it on these classes."""
    found = np.full((len(classes), 9), (1 - top) / 8)
    found[np.arange(len(classes)), classes] = top
    return found


def losing(wafers: int, lost: int, allowed: float = 1.0, won: int = 0) -> Parity:
    """``wafers`` of class 0, of which int8 loses some and wins some that the float had wrong."""
    classes = np.asarray([0] * wafers + [8] * 10)
    before, after = classes.copy(), classes.copy()
    before[:won] = 1
    after[won : won + lost] = 1
    return compare(classes, shares(before), shares(after), PATTERNS, allowed)


@pytest.mark.parametrize(
    ("wafers", "lost", "green"),
    [
        (10, 0, True),
        (10, 1, True),  # 10 points, but one wafer
        (10, 2, False),
        (200, 2, True),  # exactly one point
        (199, 2, False),
        (1000, 10, True),
        (1000, 11, False),
    ],
)
def test_more_than_a_point_and_more_than_a_wafer(wafers: int, lost: int, green: bool) -> None:
    parity = losing(wafers, lost)
    assert parity.green == green
    assert parity.verdict.lost == ({} if green else {"Center": (wafers, wafers - lost, wafers)})


def test_what_is_won_makes_up_for_what_is_lost() -> None:
    assert losing(100, 5, won=4).green
    assert not losing(100, 5, won=3).green


def test_another_limit_in_points() -> None:
    assert losing(100, 5, allowed=5.0).green
    assert not losing(100, 6, allowed=5.0).green
    assert losing(100, 1, allowed=0.0).green  # one wafer is always allowed
    assert not losing(100, 2, allowed=0.0).green


@pytest.mark.parametrize("allowed", [math.nan, math.inf, -1.0])
def test_limit_that_is_no_number_is_refused(allowed: float) -> None:
    with pytest.raises(UsageError, match="from 0 up"):
        losing(100, 50, allowed=allowed)


def test_classes_are_judged_one_by_one() -> None:
    """A loss in a rare class hides behind no gain in a frequent one."""
    classes = np.asarray([1] * 20 + [8] * 1000)
    before, after = classes.copy(), classes.copy()
    before[20:60] = 0
    after[:2] = 0
    parity = compare(classes, shares(before), shares(after), PATTERNS)
    assert parity.verdict.lost == {"Donut": (20, 18, 20)}
    assert parity.after.accuracy > parity.before.accuracy


def test_agreement_and_drift() -> None:
    classes = np.asarray([0, 1, 2, 3])
    after = shares(classes)
    after[0] = shares(np.asarray([5]))[0]
    parity = compare(classes, shares(classes), after, PATTERNS)
    assert parity.agreement == 0.75
    assert parity.largest_drift == pytest.approx(0.92 - 0.01)


def test_summary_names_the_class_that_lost() -> None:
    text = losing(50, 3).summary()
    assert text.startswith("# Parity: RED")
    assert "| Center | 50 | 100.0 | 94.0 | -6.0 |" in text
    assert text.count("**lost**") == 1
    assert text.count("not judged") == 7
    assert "Same class for 95.00 % of the wafers" in text
    assert "may lose 1 point or one wafer" in text
    assert losing(50, 1).summary().startswith("# Parity: green, on 2 of 9 patterns")
    assert all(f"| {name} |" in text for name in PATTERNS)


def test_json_form() -> None:
    figures = json.loads(json.dumps(losing(50, 3, allowed=2.5).as_dict(), allow_nan=False))
    assert not figures["green"]
    assert figures["allowed_points"] == 2.5
    assert figures["lost"] == {"Center": {"right_float": 50, "right_int8": 47, "n": 50}}
    assert figures["int8"]["per_class"]["Center"]["recall"] == 0.94


def test_a_network_that_calls_all_wafers_alike_is_red_though_nothing_was_lost() -> None:
    classes = np.arange(80) % 8
    dead = np.full(80, 3)
    parity = compare(classes, shares(dead), shares(dead), PATTERNS)
    assert parity.verdict.lost == {}
    assert not parity.green
    text = parity.summary()
    assert text.startswith("# Parity: RED, on 8 of 9 patterns")
    assert "int8 calls every wafer Edge-Ring, and float recognises no other" in text
    assert parity.as_dict()["only_answer"] == "Edge-Ring"
    assert compare(dead, shares(dead), shares(dead), PATTERNS).green  # nothing else was to be told


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


def test_a_class_that_neither_form_ever_names_is_red() -> None:
    classes = np.arange(90) % 9
    never = np.where(classes == 1, 0, classes)
    parity = compare(classes, shares(never), shares(never), PATTERNS, 100.0)
    assert parity.verdict.level is Level.RED
    assert parity.verdict.text.startswith("RED: never named: Donut (of 10 wafers); look at what")
    few = classes[:36]  # of four wafers a class nothing is said
    assert compare(few, shares(never[:36]), shares(never[:36]), PATTERNS, 100.0).green


def test_near_chance_is_red_with_float_and_without() -> None:
    classes = np.arange(90) % 9
    guessed = np.random.default_rng(1).permutation(classes)
    parity = compare(classes, shares(guessed), shares(guessed), PATTERNS, 100.0)
    for verdict in (parity.verdict, judge(None, None, parity.after)):
        assert verdict.level is Level.RED
        assert "is near chance: who guesses among 9 patterns has 11.1 %" in verdict.text
    assert parity.verdict.lost == {}
