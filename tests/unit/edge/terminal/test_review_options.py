"""``--review-below`` and ``--cost-table``: what they read, refuse and change."""

from __future__ import annotations

import click
import pytest

from edge.errors import UsageError
from edge.model.model_file import ModelFile
from edge.terminal.review_options import costs_of, thresholds_of
from edge.verdict.rule import Costs
from edge.wafer.patterns import WM811K


def test_costs_are_three_numbers() -> None:
    assert costs_of("20:5:1") == Costs(20, 5, 1)
    assert costs_of("0:0.5:1e3") == Costs(0, 0.5, 1000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20:5", "not ESCAPE:FALSE_ALARM:REVIEW, for instance 20:5:1"),
        ("20:5:1:1", "not ESCAPE:FALSE_ALARM:REVIEW"),
        ("a:b:c", "not ESCAPE:FALSE_ALARM:REVIEW"),
        ("", "not ESCAPE:FALSE_ALARM:REVIEW"),
        ("20:-5:1", "costs are numbers from 0 up"),
        ("nan:5:1", "costs are numbers from 0 up"),
        ("inf:5:1", "costs are numbers from 0 up"),
    ],
)
def test_other_costs_are_refused(text: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        costs_of(text)


def test_threshold_for_one_or_for_all() -> None:
    assert thresholds_of("0.9") == {"all": 0.9}
    assert thresholds_of("Scratch=1") == {"Scratch": 1.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.1", "a confidence lies in 0..1"),
        ("-0.1", "a confidence lies in 0..1"),
        ("Loc=nan", "a confidence lies in 0..1"),
        ("", "lacks its confidence"),
        ("Loc=", "a confidence lies in 0..1"),
        ("Loc", "'Loc' lacks its confidence; write Loc=0.97"),
        (" =0.5", "lacks its pattern"),
    ],
)
def test_other_thresholds_are_refused(text: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        thresholds_of(text)


@pytest.mark.parametrize("name", ["Ring", "ring", "Loc=0.5"])
def test_a_threshold_is_for_a_pattern_of_the_model_file(shipped: ModelFile, name: str) -> None:
    with pytest.raises(UsageError, match=f"unknown pattern '{name}'; .* knows Center, Donut"):
        shipped.review.with_overrides([thresholds_of(f"{name}=0.5")])
    assert shipped.review.with_overrides([thresholds_of("edge_local=0.5")]).below["Edge-Loc"] == 0.5


def test_thresholds_over_costs_over_the_model_file(shipped: ModelFile) -> None:
    assert shipped.review.with_overrides() == shipped.review
    costs = Costs(20, 5, 1)
    assert shipped.review.with_overrides(costs=costs).below == costs.below(WM811K)
    changed = shipped.review.with_overrides(
        ({"Loc": 0.1}, {"Loc": 0.2, "none": 0.3}), costs, None, None
    )
    assert changed.below == costs.below(WM811K) | {"Loc": 0.2, "none": 0.3}
    assert changed.unfamiliar_above == shipped.review.unfamiliar_above
    assert (changed.mixed_above, changed.min_dies) == (
        shipped.review.mixed_above,
        shipped.review.min_dies,
    )
    others = shipped.review.with_overrides((), None, 5.0, 0.5)
    assert (others.unfamiliar_above, others.mixed_above) == (5.0, 0.5)
    assert others.below == shipped.review.below
