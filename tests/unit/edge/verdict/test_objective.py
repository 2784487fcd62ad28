"""What the review rule is to reach: the recipe's word, the caller's, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import pytest

from edge.errors import UsageError
from edge.system.typed import MismatchError, decode
from edge.verdict.objective import ReviewObjective
from edge.verdict.rule import Costs


def test_costs_decide_where_one_is_given() -> None:
    goal = decode(ReviewObjective, {"precision": 0.8, "escape": 20, "review": 1})
    assert goal == ReviewObjective(0.8, escape=20.0, review=1.0)
    assert goal.costs == Costs(20.0, 0.0, 1.0)
    assert goal.objective() == {"escape": 20.0, "false_alarm": 0.0, "review": 1.0}
    assert ReviewObjective(0.8).costs is None
    assert ReviewObjective(0.8).objective() == {"precision": 0.8}


def test_the_caller_wins_over_the_recipe_and_costs_over_precision() -> None:
    other = Costs(1, 1, 1)
    recipe = ReviewObjective(0.8, 20, 5, 1, 0.05, 0.03)
    assert recipe.with_overrides(None, None) == recipe
    assert recipe.with_overrides(0.95, None) == ReviewObjective(0.95, 0, 0, 0, 0.05, 0.03)
    assert recipe.with_overrides(None, other) == ReviewObjective(0.8, 1, 1, 1, 0.05, 0.03)
    assert recipe.with_overrides(0.95, other).costs == other


@pytest.mark.parametrize(
    ("precision", "costs"), [(1, None), (math.nan, None), (None, Costs(-1, 0, 0))]
)
def test_nonsense_of_a_caller_is_a_usage_error(
    precision: float | None, costs: Costs | None
) -> None:
    with pytest.raises(UsageError, match=r"review: .* must be a number from"):
        ReviewObjective().with_overrides(precision, costs)


@pytest.mark.parametrize(
    "section",
    [
        {"precision": 0},
        {"precision": 1},
        {"precision": 95},
        {"precision": math.nan},
        {"precision": "high"},
        {"unfamiliar": -0.1},
        {"mixed": None},
        {"escape": -1},
        {"escape": math.inf},
        {"review": math.nan},
        {"escape": 10**400},
        {"false_alarm": "five"},
        {"no-such": 1},
        [0.9],
        "strict",
    ],
)
def test_nonsense_of_a_recipe_is_refused(section: Any) -> None:
    with pytest.raises(MismatchError):
        decode(ReviewObjective, section)
