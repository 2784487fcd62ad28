"""The encoding against a plain reading of its definition, and what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wafer import encoding
from edge.wafer.encoding import (
    MIN_SIZE,
    SIZE,
    SYMMETRIES,
    bounds,
    crop,
    encode,
    symmetry,
    to_int8,
)
from edge.wafer.wafermap import FAIL, MAX_SIDE, PASS, DieGrid

side = st.integers(1, 300)
chance = st.integers(0, 2**32 - 1)


def random_map(rows: int, columns: int, seed: int) -> DieGrid:
    """Die states at random, in shares that are random too; at least one die."""
    rng = np.random.default_rng([rows, columns, seed])
    dies = rng.choice(3, (rows, columns), p=rng.dirichlet([1, 1, 1])).astype(np.uint8)
    dies[rng.integers(rows), rng.integers(columns)] = rng.integers(1, 3)
    return dies


def reference(dies: DieGrid, size: int) -> list[list[list[int]]]:
    """The three steps of the module's docstring in Python's own integers, cell by cell."""
    rows = [row for row in dies.tolist() if any(row)]
    first = next(i for i, row in enumerate(dies.tolist()) if any(row))
    last = first + max(i for i, row in enumerate(dies.tolist()[first:]) if any(row))
    left = min(next(i for i, state in enumerate(row) if state) for row in rows)
    right = max(max(i for i, state in enumerate(row) if state) for row in rows)
    cropped = [row[left : right + 1] for row in dies.tolist()[first : last + 1]]
    height, width = len(cropped), len(cropped[0])
    spans = [
        [(i * length // size, -((-(i + 1) * length) // size)) for i in range(size)]
        for length in (height, width)
    ]
    encoded = []
    for top, bottom in spans[0]:
        line = []
        for begin, end in spans[1]:
            cell = [state for row in cropped[top:bottom] for state in row[begin:end]]
            area, fails, present = len(cell), cell.count(2), len(cell) - cell.count(0)
            line.append([(510 * count + area) // (2 * area) for count in (fails, present)])
        encoded.append(line)
    return encoded


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1, 1), (1, 300), (300, 1), (2, 3), (51, 53), (52, 52), (104, 26), (25, 27), (300, 202)],
)
def test_equals_the_definition(rows: int, columns: int) -> None:
    dies = random_map(rows, columns, 0)
    assert encode(dies).tolist() == reference(dies, SIZE)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(rows=side, columns=side, seed=chance, size=st.sampled_from([SIZE, MIN_SIZE, 33]))
def test_equals_the_definition_for_any_map(rows: int, columns: int, seed: int, size: int) -> None:
    dies = random_map(rows, columns, seed)
    assert encode(dies, size).tolist() == reference(dies, size)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(rows=side, columns=side, seed=chance)
def test_commutes_with_the_eight_symmetries(rows: int, columns: int, seed: int) -> None:
    dies = random_map(rows, columns, seed)
    encoded = encode(dies)[np.newaxis]
    for which in range(SYMMETRIES):
        turned = np.ascontiguousarray(symmetry(dies[np.newaxis], which)[0])
        assert np.array_equal(encode(turned), symmetry(encoded, which)[0])


def test_symmetries_are_the_eight_of_the_square() -> None:
    """All differ, and undoing any of them is one of them."""
    probe = np.arange(9).reshape(1, 3, 3)
    views = [symmetry(probe, which).tobytes() for which in range(SYMMETRIES)]
    assert len(set(views)) == SYMMETRIES
    for which in range(SYMMETRIES):
        again = [symmetry(symmetry(probe, which), back) for back in range(SYMMETRIES)]
        assert sum(np.array_equal(view, probe) for view in again) == 1


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 60),
    seed=chance,
    margins=st.tuples(*[st.integers(0, 5)] * 4),
)
def test_empty_rows_and_columns_around_the_wafer_change_nothing(
    rows: int, columns: int, seed: int, margins: tuple[int, int, int, int]
) -> None:
    dies = random_map(rows, columns, seed)
    padded = np.pad(dies, (margins[:2], margins[2:]))
    assert np.array_equal(crop(padded), crop(dies))
    assert np.array_equal(encode(padded), encode(dies))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(rows=side, columns=side, seed=chance)
def test_failing_share_never_exceeds_the_die_share(rows: int, columns: int, seed: int) -> None:
    encoded = encode(random_map(rows, columns, seed))
    assert encoded.shape == (SIZE, SIZE, 2)
    assert encoded.dtype == np.uint8
    assert np.all(encoded[..., 0] <= encoded[..., 1])


def test_all_pass_and_all_fail_span_the_whole_range() -> None:
    full = np.full((30, 40), PASS, np.uint8)
    assert np.unique(encode(full)[..., 0]).tolist() == [0]
    assert np.unique(encode(full)[..., 1]).tolist() == [255]
    assert np.unique(encode(np.full_like(full, FAIL))).tolist() == [255]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(length=st.integers(1, MAX_SIDE), size=st.integers(MIN_SIZE, 512))
def test_cells_cover_every_row_without_a_gap(length: int, size: int) -> None:
    first, last = bounds(length, size)
    assert (first[0], last[-1]) == (0, length)
    assert np.all(first < last)
    assert np.all(first[1:] <= last[:-1])


@pytest.mark.parametrize(("size", "longest"), [(SIZE, 80), (MIN_SIZE, 172)])
def test_rounding_is_exact_in_the_largest_cells(size: int, longest: int) -> None:
    """Float32 serves for integer arithmetic: try the counts on both sides of every boundary.

    One cell of the largest possible area stands for the whole map (``size=1``), so that its count
    can be chosen freely.
    """
    lengths = [np.subtract(*bounds(length, size)[::-1]).max() for length in range(4000, 4097)]
    assert max(lengths) <= longest
    for height, width in ((longest, longest), (longest, longest - 1), (longest - 1, longest - 3)):
        area = height * width
        dies = np.full(area, PASS, np.uint8)
        for step in range(1, 256):
            boundary = (2 * step - 1) * area // 510
            for count in range(boundary, min(boundary + 2, area) + 1):
                dies[:] = PASS
                dies[:count] = FAIL
                found = int(encode(dies.reshape(height, width), 1)[0, 0, 0])
                assert found == (510 * count + area) // (2 * area), (area, count)


def test_to_int8_is_the_byte_minus_128() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert to_int8(every).dtype == np.int8
    assert to_int8(every).tolist() == list(range(-128, 128))
    real = every * encoding.INPUT_SCALE
    assert np.allclose(
        (to_int8(every).astype(float) - encoding.INPUT_ZERO_POINT) * encoding.INPUT_SCALE, real
    )


def test_a_map_without_dies_is_refused() -> None:
    with pytest.raises(ValueError, match="without dies"):
        encode(np.zeros((4, 4), np.uint8))
