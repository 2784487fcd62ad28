"""Labelled wafers from class folders (``edge.dataset.class_folders``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.load_any import load_any
from edge.errors import DataError
from edge.wafer.patterns import WM811K
from edge.wafer.wafermap import DieGrid
from train.importers import import_dataset

WritePng = Callable[[Path, DieGrid], Path]


@pytest.fixture
def folders(
    tmp_path: Path, generated: LabelledSet, write_png: Callable[[Path, DieGrid], Path]
) -> Path:
    """Two wafers each of Center (spelt otherwise), Donut and none, as pictures and as .npy."""
    for index, name in ((0, "CENTER"), (6, "Donut"), (48, "None")):
        folder = tmp_path / name
        folder.mkdir()
        write_png(folder / "w1.png", generated.grid(index))
        np.save(folder / "w2.npy", generated.grid(index + 1))
    return tmp_path


def test_folder_names_become_labels(folders: Path, generated: LabelledSet) -> None:
    found = load_any(folders)
    assert found.labels.tolist() == ["Center"] * 2 + ["Donut"] * 2 + ["none"] * 2
    for place, index in enumerate((0, 1, 6, 7, 48, 49)):
        assert np.array_equal(found.grid(place), generated.grid(index))


def test_a_labelled_set_is_loaded_as_such(tmp_path: Path, generated: LabelledSet) -> None:
    generated.save(tmp_path / "set.npz")
    assert load_any(tmp_path / "set.npz").sha256() == generated.sha256()


def test_one_unreadable_wafer_stops_it(folders: Path) -> None:
    """A figure must not silently rest on fewer wafers than were given."""
    (folders / "Donut" / "w3.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"w3\.png.*take it out of the set"):
        load_any(folders)


def test_a_folder_that_is_no_pattern_is_named(folders: Path) -> None:
    (folders / "Scratches").mkdir()
    with pytest.raises(DataError, match=r"Scratches: .*Center.*Scratch"):
        load_any(folders, WM811K)


def test_empty_folders_are_refused(folders: Path, tmp_path: Path) -> None:
    (folders / "Loc").mkdir()
    with pytest.raises(DataError, match="Loc"):
        load_any(folders)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: .*folder"):
        load_any(tmp_path / "empty")
    with pytest.raises(DataError, match="no such file"):
        load_any(tmp_path / "missing")


def test_class_folders_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none").mkdir()
    np.save(tmp_path / "none" / "w.npy", np.ones((5, 6, 7), np.uint8))
    assert len(load_any(tmp_path)) == 5
    monkeypatch.setattr("edge.dataset.reading.MAX_WAFERS", 4)
    with pytest.raises(DataError, match="divide the set"):
        load_any(tmp_path)
    with pytest.raises(DataError, match="divide the set"):
        import_dataset(tmp_path)
