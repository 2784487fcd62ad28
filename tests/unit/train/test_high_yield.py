"""Wafers of high yield: as many as asked for, of the label they have, and off unless wanted."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import UsageError
from edge.synth import round_grid
from edge.verdict.rule import MIN_FAILS
from edge.wafer.patterns import PATTERNS, PatternSet
from edge.wafer.wafermap import FAIL
from train.preparation import prepare
from train.recipe import HighYield, Recipe, Synthetic, from_dict
from train.synth.high_yield import high_yield_set, told

OWN = PatternSet(("edge ring", "Comet", "gut"), "gut")


def shares(labelled: LabelledSet) -> np.ndarray:
    """Share of the dies that fail, (W,)."""
    dies = [np.count_nonzero(labelled.grid(index)) for index in range(len(labelled))]
    return labelled.fail_counts() / np.asarray(dies)


def test_there_are_as_many_as_asked_for_and_an_eighth_of_what_fails_everywhere(
    generated: LabelledSet,
) -> None:
    told_of: list[tuple[int, int]] = []
    made = high_yield_set(
        generated, HighYield(2, 16, 5), 0, lambda done, total: told_of.append((done, total))
    )
    counts = made.class_counts()
    assert counts.pop("none") == 10
    assert (counts.pop("Near-full"), counts.pop("Random")) == (2, 2)
    assert set(counts.values()) == {18}
    assert told_of[-1] == (len(made), len(made))
    assert high_yield_set(generated, HighYield(100, 0, 100), 0).class_counts()["none"] == 106


def test_the_same_seed_makes_the_same_and_more_drawn_ones_change_no_cleared_one(
    generated: LabelledSet,
) -> None:
    wish = HighYield(3, 2, 2)
    first = high_yield_set(generated, wish, 4)
    assert first.sha256() == high_yield_set(generated, wish, 4).sha256()
    assert first.sha256() != high_yield_set(generated, wish, 5).sha256()
    alone = high_yield_set(generated, HighYield(cleared=3), 4)
    more = high_yield_set(generated, HighYield(cleared=3, drawn=4), 4)
    assert set(alone.fingerprints().tolist()) < set(more.fingerprints().tolist())


def test_they_yield_more_and_still_show_their_pattern(generated: LabelledSet) -> None:
    made = high_yield_set(generated, HighYield(drawn=40, none=40), 1)
    none = made.labels == "none"
    found = shares(made)
    assert np.quantile(found[none], 0.9) < 0.05
    assert 0.2 < (found[none] == 0).mean() < 0.6  # a quarter, and small grids
    assert (made.fail_counts()[~none] >= MIN_FAILS).all()
    for name in ("Scratch", "Edge-Ring", "Loc"):
        before, after = (shares(each.select(each.labels == name)) for each in (generated, made))
        assert np.median(after) < np.median(before)
    sides = made.shapes.max(axis=1)
    assert sides.max() > 100  # round grids beside the set's own
    assert (sides <= generated.shapes.max()).mean() > 0.5


def test_cleared_and_thinned_ones_are_the_set_s_own_of_the_same_label(
    generated: LabelledSet,
) -> None:
    """On a grid of its own each: what a copy was made of can be told."""
    maps = [np.pad(generated.grid(i), ((0, i), (0, 0))) for i in range(len(generated))]
    real = build(maps, generated.labels.tolist())
    made = high_yield_set(real, HighYield(cleared=6), 2)
    made_of = {tuple(shape): index for index, shape in enumerate(real.shapes.tolist())}
    assert len(made)
    for index in range(len(made)):
        source = made_of[tuple(made.shapes[index].tolist())]
        assert made.labels[index] == real.labels[source]
        assert np.array_equal(made.grid(index) > 0, real.grid(source) > 0)
        kept = (made.grid(index) == FAIL) & (real.grid(source) == FAIL)
        assert kept.sum() >= 0.25 * (real.grid(source) == FAIL).sum()


def test_names_of_one_s_own_are_cleared_and_drawn_where_they_can_be() -> None:
    ring = np.where(round_grid(20, 20) > 0, 1, 0).astype(np.uint8)
    ring[8:12, 8:12] = FAIL
    labelled = build([ring] * 9, [name for name in OWN for _ in range(3)], OWN)
    wish = HighYield(2, 3, 1)
    assert high_yield_set(labelled, wish, 0).class_counts() == {
        "edge ring": 5,
        "Comet": 2,
        "gut": 2,
    }
    assert told(OWN, wish) == (
        "wafers of high yield for the train part: a pattern up to 2 cleared and 3 drawn (there is "
        "no generator for Comet), up to 1 thinned and 1 drawn gut"
    )
    without = PatternSet(("Grid", "Comet"))
    assert "thinned" not in told(without, wish)
    assert high_yield_set(build([ring], ["Grid"], without), wish, 0).class_counts()["Grid"] == 1


def test_a_recipe_has_none_unless_it_says_so_and_fills_up_as_before(
    generated: LabelledSet,
) -> None:
    fill = Recipe("x", synthetic=Synthetic(up_to=8, patterns=("Donut",)))
    before = prepare(generated, fill)
    after = prepare(generated, from_dict({**fill.as_dict(), "high_yield": {"drawn": 4}}))
    assert len(before) == len(generated) + 2
    assert after.select(np.arange(len(before))).sha256() == before.sha256()
    assert set(after.labels[len(before) :].tolist()) == set(PATTERNS) - {
        *("Near-full", "Random", "none"),
    }


@pytest.mark.parametrize(
    "section", [{"drawn": -1}, {"none": 100_001}, {"cleared": 0.5}, {"drwn": 3}]
)
def test_a_recipe_that_cannot_be_meant_is_refused(section: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="high_yield"):
        from_dict({"name": "x", "high_yield": section})
