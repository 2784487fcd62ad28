"""What counts as a die grid, and how every other array is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edge.errors import InputError, InputKind
from edge.wafer.wafermap import MAX_SIDE, WaferMap, as_grid, check_grid

GRID = np.asarray([[0, 1, 2], [1, 1, 0]], np.uint8)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i8", ">u4", "f2", "f8"])
def test_whole_numbers_of_any_type_become_the_same_grid(dtype: str) -> None:
    dies = check_grid(GRID.astype(dtype), "a.npy")
    assert dies.dtype == np.uint8
    assert np.array_equal(dies, GRID)


def test_a_strided_view_comes_back_contiguous() -> None:
    dies = check_grid(np.asfortranarray(GRID)[::-1], "a.npy")
    assert dies.flags.c_contiguous
    assert np.array_equal(dies, GRID[::-1])


REFUSALS: dict[str, tuple[npt.NDArray[np.generic], InputKind, str]] = {
    "single value": (np.asarray(1), InputKind.NOT_A_MAP, "a single value"),
    "one row": (np.ones(5, np.uint8), InputKind.NOT_A_MAP, "is 5"),
    "three dimensions": (np.ones((2, 3, 4), np.uint8), InputKind.NOT_A_MAP, "2 x 3 x 4"),
    "no column": (np.ones((3, 0), np.uint8), InputKind.NOT_A_MAP, "3 x 0"),
    "too high": (np.ones((MAX_SIDE + 1, 1), np.uint8), InputKind.TOO_LARGE, "4097 x 1"),
    "too wide": (np.ones((1, MAX_SIDE + 1), np.uint8), InputKind.TOO_LARGE, "at most 4096"),
    "die mask": (GRID > 0, InputKind.BAD_VALUE, "True and False do not tell"),
    "text": (np.asarray([["1", "2"]]), InputKind.BAD_VALUE, "<U1"),
    "objects": (np.asarray([[1, None]], object), InputKind.BAD_VALUE, "object"),
    "complex": (np.asarray([[1 + 0j]]), InputKind.BAD_VALUE, "complex"),
    "value 3": (
        np.asarray([[1, 1], [1, 3]], np.uint8),
        InputKind.BAD_VALUE,
        "3 at row 1, column 1",
    ),
    "minus one": (np.asarray([[1, -1]]), InputKind.BAD_VALUE, "-1 at row 0, column 1"),
    # 257 and 258 are 1 and 2 modulo 256: a careless cast would take them.
    "wraps around": (np.asarray([[1, 257], [258, 1]]), InputKind.BAD_VALUE, "257 at row 0"),
    "fraction": (np.asarray([[1, 0.5]]), InputKind.BAD_VALUE, "0.5"),
    "NaN": (np.asarray([[1, np.nan]]), InputKind.BAD_VALUE, "nan"),
    "infinity": (np.asarray([[1, np.inf]]), InputKind.BAD_VALUE, "inf"),
    "no die": (np.zeros((3, 3), np.uint8), InputKind.NO_DIES, "no die at all"),
}


@pytest.mark.parametrize(("values", "kind", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_the_file_the_kind_and_the_place(
    values: npt.NDArray[np.generic], kind: InputKind, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_grid(values, "lot1/a.npy")
    assert caught.value.kind is kind
    assert caught.value.source == "lot1/a.npy"
    assert words in caught.value.reason
    assert str(caught.value) == f"lot1/a.npy: {caught.value.reason}"


def test_largest_grid_is_accepted() -> None:
    assert check_grid(np.ones((MAX_SIDE, 1), np.uint8), "a").shape == (MAX_SIDE, 1)


def test_wafer_maps_are_compared_die_by_die() -> None:
    wafer_map = WaferMap(GRID, "a.npy", lot="A")
    same = WaferMap(GRID.copy(), "a.npy", lot="A")
    assert wafer_map == same
    assert len({wafer_map, same}) == 1
    for other in (WaferMap(GRID, "a.npy"), WaferMap(GRID.T, "a.npy", lot="A"), GRID.tolist()):
        assert wafer_map != other


def test_a_grid_is_taken_as_it_is() -> None:
    assert as_grid(GRID, "array") is GRID
    assert np.array_equal(as_grid(np.ma.masked_array(GRID), "array"), GRID)  # none is masked


def test_counts() -> None:
    wafer_map = WaferMap(GRID)
    assert (wafer_map.die_count, wafer_map.fail_count) == (4, 1)
