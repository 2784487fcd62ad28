"""MixedWM38's file: both layouts, the stray 3, and what is not it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.dataset.mixedwm38 import PATTERN_ORDER, read
from edge.errors import DataError

MAPS = np.asarray([[[0, 1], [2, 1]], [[1, 1], [3, 2]], [[1, 0], [1, 2]]])
HOT = np.zeros((3, 8), int)
HOT[1, [0, 6]] = 1
HOT[2, 3] = 1


def written(folder: Path, **arrays: Any) -> Path:
    path = folder / "mixed.npz"
    np.savez(path, **arrays)
    return path


def test_published_layout(tmp_path: Path) -> None:
    found = read(written(tmp_path, arr_0=MAPS, arr_1=HOT))
    assert found.names == PATTERN_ORDER
    assert found.patterns.sum(axis=1).tolist() == [0, 2, 1]
    assert [found.names[k] for k in np.flatnonzero(found.patterns[1])] == ["Center", "Scratch"]


def test_named_layout_has_its_own_order(tmp_path: Path) -> None:
    path = written(tmp_path, maps=MAPS, labels=HOT[:, :2].astype(bool), label_names=["a", "b"])
    found = read(path)
    assert found.names == ("a", "b")
    assert found.patterns.tolist() == [[False, False], [True, False], [False, False]]


def test_stray_3_is_read_as_failing_and_told(tmp_path: Path) -> None:
    found = read(written(tmp_path, arr_0=MAPS, arr_1=HOT))
    assert [found.grid(index)[1] for index in range(3)] == [False, True, False]
    assert found.grid(1)[0].tolist() == [[1, 1], [2, 2]]
    assert found.maps[1, 1, 0] == 3


def test_whole_numbers_kept_as_floats(tmp_path: Path) -> None:
    found = read(written(tmp_path, arr_0=MAPS.astype(np.float32), arr_1=HOT))
    assert found.grid(1)[0].tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"arr_0": MAPS}, "its arrays are arr_0; expected are arr_0 and arr_1"),
        ({"arr_0": MAPS, "arr_1": HOT[:2]}, "labels (2, 8)"),
        ({"arr_0": MAPS, "arr_1": HOT[:, :7]}, "labels (3, 7)"),
        ({"arr_0": MAPS[0], "arr_1": HOT}, "maps are (2, 2)"),
        ({"arr_0": MAPS.astype(complex), "arr_1": HOT}, "of type complex128"),
        ({"arr_0": MAPS, "arr_1": HOT * 2}, "labels must be 0 or 1"),
        ({"arr_0": MAPS.astype(object), "arr_1": HOT}, "cannot be read"),
    ],
)
def test_other_files_are_refused_by_name(
    tmp_path: Path, arrays: dict[str, Any], words: str
) -> None:
    path = written(tmp_path, **arrays)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"\x93NUMPY\x01\0"])
def test_no_archive_at_all(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mixed.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"mixed\.npz: cannot be read"):
        read(path)
    np.save(tmp_path / "one.npy", MAPS)
    with pytest.raises(DataError, match=r"one\.npy: cannot be read"):
        read(tmp_path / "one.npy")
