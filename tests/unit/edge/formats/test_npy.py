"""NumPy arrays."""

from __future__ import annotations

import re
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from edge.errors import InputError, InputKind
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap

GRID = np.array([[0, 1, 0], [1, 2, 1]])


def single(path: Path) -> WaferMap:
    """The one wafer map of a file."""
    (item,) = read(path)
    assert isinstance(item, WaferMap)
    return item


def refused(path: Path) -> InputKind:
    """Why a file is refused."""
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert str(path) in str(caught.value)
    return caught.value.kind


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i8", ">i4", "<u2", "f2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders(tmp_path: Path, dtype: str, order: str) -> None:
    path = tmp_path / "w.npy"
    np.save(path, np.array(GRID, dtype, order=order))  # type: ignore[call-overload]
    found = single(path)
    assert np.array_equal(found.dies, GRID)
    assert found.dies.dtype == np.uint8
    assert found.source == str(path)


@pytest.mark.parametrize("mask", [GRID > 0, GRID == 2])
def test_booleans_do_not_tell_three_states_apart(tmp_path: Path, mask: np.ndarray) -> None:
    np.save(tmp_path / "w.npy", mask)
    with pytest.raises(InputError, match="True and False do not tell") as caught:
        list(read(tmp_path / "w.npy"))
    assert caught.value.kind is InputKind.BAD_VALUE


def with_header(path: Path, header: str, data: bytes, version: int = 1) -> Path:
    """A ``.npy`` file whose header says ``header``."""
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data)
    return path


def test_python_2_header(tmp_path: Path) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }\n"
    path = with_header(tmp_path / "w.npy", header, GRID.astype(np.uint8).tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(single(path).dies, GRID)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (4000, 4000), }", "unreadable"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 9), }", "too-large"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 5), }", "not-a-map"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "not-a-map"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "not-a-map"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "bad-value"),
        ("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", "bad-value"),
        ("{'descr': '<u9', 'fortran_order': False, 'shape': (2, 3), }", "unreadable"),
        ("{'descr': exit(), 'shape': ((((((((((", "unreadable"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3x), }", "unreadable"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, -3), }", "unreadable"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,, 3), }", "unreadable"),
    ],
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_hostile_headers(tmp_path: Path, header: str, kind: str, version: int) -> None:
    path = with_header(tmp_path / "w.npy", header, bytes(48), version)
    assert refused(path) is InputKind(kind)


@pytest.mark.parametrize("shape", ["1" * 60 + "x", "1" * 9000, "1," * 4000, " " * 9000, "1 " * 99])
def test_no_header_takes_long(tmp_path: Path, shape: str) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }"
    path = with_header(tmp_path / "w.npy", header, bytes(48))
    start = time.process_time()
    assert refused(path) is InputKind.UNREADABLE
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([[0, 3]]), InputKind.BAD_VALUE),
        (np.array([[1, np.nan]]), InputKind.BAD_VALUE),
        (np.array([[1, 0.5]]), InputKind.BAD_VALUE),
        (np.array([[1, -1]]), InputKind.BAD_VALUE),
        (np.array([[1, 257]]), InputKind.BAD_VALUE),
        (np.array([["1", "2"]]), InputKind.BAD_VALUE),
        (np.array([[1, {}]], dtype=object), InputKind.BAD_VALUE),
        (np.zeros((5, 5)), InputKind.NO_DIES),
        (np.ones((1, 5000), np.uint8), InputKind.TOO_LARGE),
        (np.ones(5), InputKind.NOT_A_MAP),
        (np.ones((2, 2, 2)), InputKind.NOT_A_MAP),
    ],
)
def test_bad_values(tmp_path: Path, values: np.ndarray, kind: InputKind) -> None:
    np.save(tmp_path / "w.npy", values, allow_pickle=True)
    assert refused(tmp_path / "w.npy") is kind


def test_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    np.save(path, GRID)
    whole = path.read_bytes()
    for cut in (6, 8, 9, 30, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert refused(path) is InputKind.UNREADABLE


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", ">i4", "<f4"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_stack_is_several_wafers(tmp_path: Path, suffix: str, dtype: str, order: str) -> None:
    grids = np.random.default_rng(1).integers(1, 3, (4, 5, 6))
    grids[2, 0, 0] = 7
    values = np.array(grids, dtype, order=order)  # type: ignore[call-overload]
    path = tmp_path / f"w{suffix}"
    if suffix == ".npy":
        np.save(path, values)
    else:
        np.savez_compressed(path, maps=values, labels=np.ones((4, 8)), names=np.array(["a"] * 4))
    found = list(read(path))
    for index, item in enumerate(found):
        if index == 2:
            assert isinstance(item, InputError)
            assert item.source == f"{path}[2]"
        else:
            assert isinstance(item, WaferMap)
            assert item.index == index
            assert np.array_equal(item.dies, grids[index])
    assert len(found) == 4


@pytest.mark.parametrize(
    ("arrays", "kind"),
    [
        ({"a": np.ones((4, 5, 6)), "b": np.ones((4, 5, 6))}, InputKind.AMBIGUOUS),
        ({"a": np.ones((4, 5)), "b": np.array(["x"])}, InputKind.NOT_A_MAP),
        ({"a": np.ones((40, 50, 3))}, InputKind.NOT_A_MAP),
        ({"a": np.ones((0, 5, 6))}, InputKind.EMPTY),
        ({"a": np.ones((2, 5, 6), bool)}, InputKind.BAD_VALUE),
        ({"a": np.ones((2, 5, 6), complex)}, InputKind.BAD_VALUE),
    ],
)
def test_archives_without_one_stack(
    tmp_path: Path, arrays: dict[str, np.ndarray], kind: InputKind
) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    assert refused(path) is kind


def test_a_stack_is_not_read_whole(tmp_path: Path) -> None:
    for path, save in ((tmp_path / "w.npy", np.save), (tmp_path / "w.npz", np.savez_compressed)):
        save(path, np.ones((3000, 50, 50), np.uint8))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read(path)) == 3000
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        (GRID / 2, "2 * grid"),
        (GRID - 1, "grid + 1"),
        (np.array([0, 128, 255], np.uint8)[GRID], "grid > 200"),
    ],
)
def test_other_conventions_are_refused_with_the_mend(
    tmp_path: Path, values: np.ndarray, advice: str
) -> None:
    np.save(tmp_path / "w.npy", values)
    with pytest.raises(InputError, match=re.escape(advice)):
        list(read(tmp_path / "w.npy"))
