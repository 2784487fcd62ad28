"""Labelled sets, streamed."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.dataset.labelled_set import build
from edge.errors import InputError, InputKind
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap

MAPS = [np.array([[0, 1], [2, 1]], np.uint8), np.array([[1, 1, 2]], np.uint8)]


def arrays(**changed: Any) -> dict[str, Any]:
    """The arrays of a set of two wafers, some of them changed or, with None, left out."""
    whole = {
        "dies": np.concatenate([grid.ravel() for grid in MAPS]),
        "offsets": np.array([0, 4, 7]),
        "shapes": np.array([[2, 2], [1, 3]], np.int16),
        "labels": np.array(["none", "Loc"]),
        "lot": np.array([47, -1], np.int32),
        "wafer": np.array([3, -1], np.int16),
        **changed,
    }
    return {name: values for name, values in whole.items() if values is not None}


def save(path: Path, **changed: Any) -> Path:
    """Write such a set."""
    np.savez_compressed(path, **arrays(**changed))
    return path


def refusal(path: Path) -> InputError:
    """The error that a file gives."""
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert str(path) in str(caught.value)
    return caught.value


def test_wafers_with_their_names(tmp_path: Path) -> None:
    first, second = read(save(tmp_path / "set.npz"))
    assert isinstance(first, WaferMap)
    assert isinstance(second, WaferMap)
    assert np.array_equal(first.dies, MAPS[0])
    assert np.array_equal(second.dies, MAPS[1])
    assert (first.index, first.lot, first.wafer) == (0, "47", "3")
    assert (second.index, second.lot, second.wafer) == (1, None, None)


def test_what_dataset_writes(tmp_path: Path) -> None:
    build(MAPS, ["none", "Loc"]).save(tmp_path / "set.npz")
    assert [item.dies.tolist() for item in read(tmp_path / "set.npz")] == [  # type: ignore[union-attr]
        grid.tolist() for grid in MAPS
    ]


def test_optional_arrays_and_plain_zip(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", **arrays(labels=None, lot=None, wafer=np.array(["A1", ""])))
    names = [(item.lot, item.wafer) for item in read(tmp_path / "set.npz")]  # type: ignore[union-attr]
    assert names == [(None, "A1"), (None, None)]


def test_shapes_stored_by_columns(tmp_path: Path) -> None:
    wafers = 10_000  # more than are unpacked at a time
    sides = 1 + np.random.default_rng(1).integers(0, 4, (2, wafers))
    ends = np.cumsum(sides.prod(axis=0))
    shapes = np.array([sides[0], sides[1]]).T
    assert not shapes.flags.c_contiguous
    path = tmp_path / "set.npz"
    np.savez(path, dies=np.ones(ends[-1], np.uint8), offsets=[0, *ends], shapes=shapes)
    found = [item.dies.shape for item in read(path) if isinstance(item, WaferMap)]
    assert found == [tuple(row) for row in shapes.tolist()]


def test_shapes_by_columns_reserve_no_memory_for_a_hostile_header(tmp_path: Path) -> None:
    wafers = 9_000_000
    path = save(tmp_path / "set.npz")
    content = {}
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    for name, order, shape in (
        ("offsets.npy", False, (wafers + 1,)),
        ("shapes.npy", True, (wafers, 2)),
    ):
        header = io.BytesIO()
        described = {"descr": "<i8", "fortran_order": order, "shape": shape}
        np.lib.format.write_array_header_1_0(header, described)
        content[name] = header.getvalue() + bytes(8 * 5000)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    error = refusal(path)
    assert error.kind is InputKind.UNREADABLE
    assert "too large to be stored by columns" in error.reason


@pytest.mark.parametrize(
    ("lot", "names"),
    [
        (np.array([b"L7", b""]), ["L7", None]),
        (np.array(["Lös".encode(), b"\xff"]), ["Lös", "\N{REPLACEMENT CHARACTER}"]),
        (np.array([47.0, np.nan]), ["47", None]),
        (np.array([46.5, -1.0]), ["46.5", None]),
    ],
)
def test_lots_of_any_type(tmp_path: Path, lot: Any, names: list[str | None]) -> None:
    items = read(save(tmp_path / "set.npz", lot=lot))
    assert [item.lot for item in items if isinstance(item, WaferMap)] == names


@pytest.mark.parametrize(
    "lot",
    [
        np.array([1, 2, 3]),
        np.array(3),
        np.array([[1], [2]]),
        np.array(["a" * 5000, "b"]),
        np.array([1, None]),
        np.array([True, False]),
        np.array([(1, 2.0), (3, 4.0)], "i4,f4"),
    ],
    ids=str,
)
def test_an_unusable_lot_is_no_lot(tmp_path: Path, lot: Any) -> None:
    items = list(read(save(tmp_path / "set.npz", lot=lot)))
    found = [(item.lot, item.wafer) for item in items if isinstance(item, WaferMap)]
    assert found == [(None, "3"), (None, None)]


def test_a_bad_wafer_does_not_stop_the_others(tmp_path: Path) -> None:
    dies = arrays()["dies"].copy()
    dies[1] = 7
    path = save(tmp_path / "set.npz", dies=dies)
    bad, good = read(path)
    assert isinstance(bad, InputError)
    assert bad.source == f"{path}[0]"
    assert bad.kind is InputKind.BAD_VALUE
    assert isinstance(good, WaferMap)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"dies": None}, InputKind.NOT_A_MAP),
        ({"dies": np.zeros((7, 1), np.uint8)}, InputKind.UNREADABLE),
        ({"dies": np.zeros(6, np.uint8)}, InputKind.UNREADABLE),
        ({"dies": np.zeros(8, np.uint8)}, InputKind.UNREADABLE),
        ({"dies": np.array([None] * 7)}, InputKind.BAD_VALUE),
        ({"offsets": np.array([0, 4])}, InputKind.UNREADABLE),
        ({"offsets": np.array([0, 5, 7])}, InputKind.UNREADABLE),
        ({"offsets": np.array([1, 4, 7])}, InputKind.UNREADABLE),
        ({"shapes": np.array([[2, 2], [-1, -3]])}, InputKind.UNREADABLE),
        ({"shapes": np.array([[2, 2], [3, 2]])}, InputKind.UNREADABLE),
        ({"dies": np.ones(7, bool)}, InputKind.BAD_VALUE),
        ({"dies": np.ones(7)}, InputKind.UNREADABLE),
        ({"offsets": np.array([0]), "shapes": np.zeros((0, 2), int), "lot": None, "wafer": None},
         InputKind.EMPTY),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(tmp_path: Path, changed: dict[str, Any], kind: InputKind) -> None:
    assert refusal(save(tmp_path / "set.npz", **changed)).kind is kind


def test_damaged_archives(tmp_path: Path) -> None:
    path = save(tmp_path / "set.npz")
    whole = path.read_bytes()
    for cut in (4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert refusal(path).kind is InputKind.UNREADABLE
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    assert refusal(path).kind is InputKind.NOT_A_MAP


def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    wafers = 20_000
    grid = np.ones((20, 20), np.uint8)
    np.savez_compressed(
        tmp_path / "set.npz",
        dies=np.tile(grid.ravel(), wafers),
        offsets=np.arange(wafers + 1) * grid.size,
        shapes=np.full((wafers, 2), 20, np.int16),
        labels=np.full(wafers, "none"),
    )
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(tmp_path / "set.npz")) == wafers
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()
