"""Odd wafers: drawn on wafers without a pattern, and taught as anybody's guess."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import UsageError
from edge.wafer.encoding import PLANES, SIZE
from edge.wafer.patterns import PATTERNS, PatternSet
from edge.wafer.wafermap import FAIL, NO_DIE
from train.batches import encode_all, make_sequence
from train.recipe import Augment, Dihedral, Odd, Recipe, from_dict
from train.synth.odd import odd_grids

RECIPE = Recipe("odd", augment=Augment(Dihedral.NONE), odd=Odd(share=0.25))


def test_each_adds_fails_to_a_wafer_without_a_pattern(generated: LabelledSet) -> None:
    plain = generated.select(generated.labels == "none")
    outlines = {plain.grid(index).shape for index in range(len(plain))}
    found = odd_grids(generated, 60, 0)
    assert len(found) == 60
    assert {dies.shape for dies in found} <= outlines
    background = (plain.fail_counts() / (plain.grid(0) != NO_DIE).sum()).mean()
    share = [np.mean(dies[dies != NO_DIE] == FAIL) for dies in found]
    assert np.mean(share) > background + 0.1


def test_the_same_seed_draws_the_same(generated: LabelledSet) -> None:
    first, same, other = (odd_grids(generated, 12, seed) for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, same))
    assert not all(map(np.array_equal, first, other))


def test_a_set_that_knows_no_none_has_them_drawn_on_any_wafer_and_one_too_small_shows_none() -> (
    None
):
    own = PatternSet(("Grid", "Comet"))
    large, small = np.ones((20, 20), np.uint8), np.ones((2, 2), np.uint8)
    assert len(odd_grids(build([large], ["Grid"], own), 6, 0)) == 6
    assert not odd_grids(build([small], ["Grid"], own), 6, 0)


def test_they_stand_in_the_place_of_others_and_prefer_no_class(generated: LabelledSet) -> None:
    samples = encode_all(generated)
    odd = np.full((1, SIZE, SIZE, PLANES), 77, np.uint8)
    epoch = make_sequence(samples, RECIPE, 0, odd=odd)
    planes, targets = (
        np.concatenate(rows)
        for rows in zip(*map(epoch.__getitem__, range(len(epoch))), strict=True)
    )
    there = np.isclose(planes, 77 / 255).all(axis=(1, 2, 3))
    assert 0.05 < there.mean() < 0.5
    assert targets[there] == pytest.approx(1 / len(PATTERNS))
    assert (targets[~there].max(axis=1) > 0.9).all()
    assert samples.planes.max() > 77  # the samples themselves stay
    without = make_sequence(samples, replace(RECIPE, odd=Odd()), 0, odd=odd)[0][0]
    assert not np.isclose(without, 77 / 255).all(axis=(1, 2, 3)).any()


def test_they_need_the_encoding_of_the_station() -> None:
    with pytest.raises(UsageError, match=r"odd.share.*station"):
        from_dict({"name": "x", "encoding": "seed", "odd": {"share": 0.1}})
