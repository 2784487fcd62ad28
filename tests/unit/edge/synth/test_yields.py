"""Copies that yield more: what is the pattern's stays, and of the rest no more than was said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.synth import round_grid, synthesise
from edge.synth.yields import cleared, thinned, with_fails
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid

#: Twelve dies in a block, four in a diagonal line that touches nothing, three others, one alone.
ROWS = """
11111111111111
12222111111121
12222111111211
12222111112111
11111111121111
11111111111111
12221111111111
11111111111211
"""
WAFER = np.asarray([list(map(int, row)) for row in ROWS.split()], np.uint8)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_small_groups_pass_and_diagonal_neighbours_are_of_one(rng: np.random.Generator) -> None:
    copy = cleared(WAFER, rng)
    assert copy is not None
    wanted = WAFER.copy()
    wanted[6:] = PASS
    assert np.array_equal(copy, wanted)


def test_a_group_is_small_beside_a_large_one(rng: np.random.Generator) -> None:
    wafer = np.full((40, 40), PASS, np.uint8)
    wafer[:10, :5] = wafer[20, 20:24] = wafer[30, 20:25] = FAIL
    copy = cleared(wafer, rng)
    assert copy is not None
    assert np.count_nonzero(copy == FAIL) == 50 + 5


def test_stray_groups_stay_as_likely_as_said(rng: np.random.Generator) -> None:
    every = cleared(WAFER, rng, stray=1.0)
    assert every is not None
    assert np.array_equal(every, WAFER)
    stayed = [
        np.count_nonzero(c[7] == FAIL) for c in (cleared(WAFER, rng, 0.3) for _ in range(300))
    ]
    assert np.mean(stayed) == pytest.approx(0.3, abs=0.08)


@pytest.mark.parametrize(
    ("groups", "serves"),
    [((), False), ((4,), False), ((5,), True), ((5, *[1] * 15), True), ((5, *[1] * 16), False)],
)
def test_a_wafer_serves_where_enough_of_its_fails_remain(
    groups: tuple[int, ...], serves: bool, rng: np.random.Generator
) -> None:
    wafer = np.full((2 * len(groups) + 1, 8), PASS, np.uint8)
    for row, size in enumerate(groups):
        wafer[2 * row, :size] = FAIL
    assert (cleared(wafer, rng) is not None) == serves


def test_thinned_keeps_a_share_and_refuses_a_wafer_of_fewer_fails(rng: np.random.Generator) -> None:
    wafer = synthesise("none", round_grid(60, 60), rng, 0.2)
    dies = np.count_nonzero(wafer)
    shares = [np.count_nonzero(thinned(wafer, 0.05, rng) == FAIL) / dies for _ in range(20)]
    assert np.mean(shares) == pytest.approx(0.05, abs=0.005)
    assert not (thinned(wafer, 0.0, rng) == FAIL).any()
    assert thinned(wafer, 0.25, rng) is None


def test_some_dies_may_fail_more_often_than_others(rng: np.random.Generator) -> None:
    left = np.zeros(WAFER.shape)
    left[:, :7] = 1
    copy = with_fails(WAFER, left, rng)
    assert np.array_equal(copy == FAIL, (WAFER == FAIL) | (left > 0))


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_no_die_comes_or_goes_and_fails_only_the_way_that_is_meant(
    dies: DieGrid, share: float, seed: int
) -> None:
    before = dies.copy()
    rng = np.random.default_rng(seed)
    fewer = [cleared(dies, rng, share), thinned(dies, share, rng)]
    for copy in (*(one for one in fewer if one is not None), with_fails(dies, share, rng)):
        assert copy.dtype == np.uint8
        assert np.array_equal(copy == NO_DIE, dies == NO_DIE)
    assert all(((one == FAIL) <= (dies == FAIL)).all() for one in fewer if one is not None)
    assert ((dies == FAIL) <= (with_fails(dies, share, rng) == FAIL)).all()
    assert np.array_equal(with_fails(dies, 0.0, rng), dies)
    assert not (with_fails(dies, 1.0, rng) == PASS).any()
    assert np.array_equal(dies, before)
