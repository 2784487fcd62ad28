"""The gate: a class may lose one point or one wafer, whichever is more."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest

from convert.parity import Parity, compare
from edge.errors import UsageError
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
    return compare(classes, shares(before), shares(after), allowed)


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
    assert parity.lost == ({} if green else {"Center": (wafers, wafers - lost, wafers)})


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
    parity = compare(classes, shares(before), shares(after), 1.0)
    assert parity.lost == {"Donut": (20, 18, 20)}
    assert parity.after.accuracy > parity.before.accuracy


def test_agreement_and_drift() -> None:
    classes = np.asarray([0, 1, 2, 3])
    after = shares(classes)
    after[0] = shares(np.asarray([5]))[0]
    parity = compare(classes, shares(classes), after, 1.0)
    assert parity.agreement == 0.75
    assert parity.largest_drift == pytest.approx(0.92 - 0.01)


def test_summary_names_the_class_that_lost() -> None:
    text = losing(50, 3).summary()
    assert text.startswith("# Parity: RED")
    assert "| Center | 50 | 100.0 | 94.0 | -6.0 |" in text
    assert text.count("**lost**") == 1
    assert text.count("not judged") == 7
    assert "Same class for 95.00 % of the wafers" in text
    assert "may lose 1 points or one wafer" in text
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
    parity = compare(classes, shares(dead), shares(dead), 1.0)
    assert parity.lost == {}
    assert not parity.green
    text = parity.summary()
    assert text.startswith("# Parity: RED, on 8 of 9 patterns")
    assert "int8 calls every wafer Edge-Ring as the float network does" in text
    assert parity.as_dict()["only_answer"] == "Edge-Ring"
    assert compare(dead, shares(dead), shares(dead), 1.0).green  # nothing else was to be told
