"""Accept or review: the order of the reasons, and what costs make of the thresholds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import UsageError
from edge.station.settings import ReviewSettings
from edge.system.typed import MismatchError
from edge.verdict.rule import Costs, Reason, ReviewRule
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet

RULE = ReviewRule(dict.fromkeys(PATTERNS, 0.5) | {"Loc": 0.9}, 8.0, 0.7, 50)

COST = st.floats(0, 1e6, allow_subnormal=False)


@pytest.mark.parametrize(
    ("wafer", "reason"),
    [
        (("Loc", 0.9, 8.0, 0.7, 50), None),  # on every limit: all are exclusive
        (("Loc", 0.89, 8.0, 0.7, 50), Reason.LOW_CONFIDENCE),
        (("Donut", 0.89, 8.0, 0.7, 50), None),
        (("Loc", 0.1, 8.1, 0.7, 50), Reason.UNFAMILIAR),
        (("Loc", 0.1, 8.1, 0.8, 50), Reason.MIXED),
        (("Loc", 0.1, 8.1, 0.8, 49), Reason.FEW_DIES),
    ],
)
def test_the_strongest_reason_is_given(
    wafer: tuple[str, float, float, float, int], reason: Reason | None
) -> None:
    assert RULE.reason(*wafer) is reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"below": RULE.below | {"Loc": 90}}, "Loc: is 90, must be from 0 to 1"),
        ({"below": RULE.below | {"Loc": math.nan}}, "Loc: is nan, must be"),
        ({"mixed_above": -0.1}, "mixed_above: is -0.1, must be from 0 to 1"),
        ({"unfamiliar_above": math.nan}, "unfamiliar_above: is nan, must be a number"),
    ],
)
def test_a_rule_that_nothing_can_be_judged_by_is_refused(
    change: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        replace(RULE, **change)


def test_other_thresholds_change_the_patterns_named_and_nothing_else() -> None:
    changed = RULE.with_overrides([{"Loc": 0.2}])
    assert changed.below == dict.fromkeys(PATTERNS, 0.5) | {"Loc": 0.2}
    assert (changed.unfamiliar_above, changed.mixed_above, changed.min_dies) == (8.0, 0.7, 50)
    assert RULE.below["Loc"] == 0.9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(COST, COST, COST, st.floats(0, 1))
def test_a_wafer_is_accepted_where_that_costs_no_more_than_a_look(
    escape: float, false_alarm: float, review: float, probability: float
) -> None:
    below = Costs(escape, false_alarm, review).below(WM811K)
    assert set(below) == set(PATTERNS)
    for pattern, threshold in below.items():
        mistake = escape if pattern == "none" else false_alarm
        accepting = (1 - probability) * mistake
        if not math.isclose(accepting, review, rel_tol=1e-9, abs_tol=1e-9 * mistake):
            assert (probability >= threshold) == (accepting < review)
        assert 0 <= threshold <= 1


def test_all_means_all_even_where_a_pattern_is_called_so() -> None:
    patterns = PatternSet(("All", "Grid"), aliases={"net": "Grid"})
    rule = ReviewRule({"All": 0.1, "Grid": 0.2}, 8.0, 0.7, 50, patterns)
    assert rule.with_overrides([{"all": 0.9}]).below == {"All": 0.9, "Grid": 0.9}
    assert rule.with_overrides([{"ALL": 0.9}]).below == {"All": 0.9, "Grid": 0.2}
    assert rule.with_overrides([{"all": 0.9}, {" NET": 0.5}]).below == {"All": 0.9, "Grid": 0.5}
    settings = ReviewSettings(below={"Net": 0.5, "aLl": 0.3, "all": 0.9})
    assert settings.changed(rule).below == {"All": 0.3, "Grid": 0.5}
    with pytest.raises(MismatchError, match="net is Grid once more"):
        ReviewSettings(below={"Grid": 0.5, "net": 0.5}).changed(rule)


def test_costs_of_the_issue() -> None:
    assert Costs(20, 5, 1).below(WM811K) == pytest.approx(
        dict.fromkeys(PATTERNS, 0.8) | {"none": 0.95}
    )
