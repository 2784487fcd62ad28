"""What an embedding does not say of a wafer map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.report.out_of_distribution import UnknownPattern
from edge.own.numbers import COUNT, SHAPE, numbers
from edge.synth import round_grid
from edge.wafer.encoding import SYMMETRIES, symmetry
from edge.wafer.wafermap import DieGrid
from tests.support.own import drawn


def turned(dies: DieGrid, which: int) -> DieGrid:
    return np.ascontiguousarray(symmetry(dies[np.newaxis], which)[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(3, 40))
def test_the_shape_of_a_turned_map_is_the_same(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    dies = rng.integers(0, 3, (rows, columns)).astype(np.uint8)
    dies[1, 1] = 2
    found = [numbers(turned(dies, which)) for which in range(SYMMETRIES)]
    for one in found:
        assert one.shape == (COUNT,)
        assert np.isfinite(one).all()
    # The largest of several shapes is any of them where two are of one size.
    steady = [n for n in range(SHAPE) if n not in range(21, 31)]
    np.testing.assert_allclose([one[steady] for one in found], [found[0][steady]] * 8, atol=1e-4)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_a_map_of_a_few_dies_has_numbers(side: int) -> None:
    assert np.isfinite(numbers(np.full((side, side), 2, np.uint8))).all()


def test_empty_rows_around_a_wafer_change_nothing() -> None:
    dies = drawn(UnknownPattern.STRIPES, 1)[0]
    np.testing.assert_array_equal(numbers(np.pad(dies, ((3, 0), (1, 9)))), numbers(dies))


def test_a_period_shows_and_where_the_fails_lie() -> None:
    wafer = round_grid(33, 33)
    plain, every_third, above = wafer.copy(), wafer.copy(), wafer.copy()
    plain[np.random.default_rng(0).random(wafer.shape) < 0.33] *= 2
    every_third[::3] *= 2
    above[:10] *= 2
    found, scattered = (numbers(one)[1:4].tolist() for one in (every_third, plain))
    assert found[1:] == [1.0, 1.0]
    assert found[0] > 3
    assert scattered[0] < 2
    assert scattered[2] < 0.3
    down, across = numbers(above)[SHAPE:]
    assert down < -0.5
    assert abs(across) < 0.01
