"""Wafers with several patterns, from whatever says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.dataset.load_any import load_any
from edge.dataset.mixedwm38 import PATTERN_ORDER
from edge.errors import DataError, UsageError
from edge.synth import round_grid
from edge.wafer.patterns import WM811K, WM811K_SEVERAL, SetKind
from train.cli.dataset_show import table
from train.importers import import_dataset
from train.synth.pictures import Layout, save_pictures
from train.synth.sets import synthetic_set

GRID = round_grid(20, 20)


def test_class_folders_of_combinations(tmp_path: Path) -> None:
    drawn = synthetic_set({"Scratch": 2, "Loc+Donut": 1, "none": 1}, [GRID], 0, WM811K_SEVERAL)
    save_pictures(drawn, tmp_path, layout=Layout.CLASS_FOLDERS)
    (tmp_path / "Donut+Loc").rename(tmp_path / "loc+donut")
    found = import_dataset(tmp_path, kind=SetKind.SEVERAL).labelled
    assert found.patterns == WM811K_SEVERAL
    assert sorted(found.labels.tolist()) == ["Donut+Loc", "Scratch", "Scratch", "none"]
    assert sorted(load_any(tmp_path, WM811K_SEVERAL).labels.tolist()) == sorted(found.labels)
    assert [line.split()[:2] for line in table(found) if "+" in line] == [["Donut+Loc", "1"]]
    with pytest.raises(DataError, match=r"loc\+donut.*is none of.*rename it"):
        load_any(tmp_path, WM811K)


@pytest.mark.parametrize(
    ("folder", "why"), [("Loc+none", "beside a pattern"), ("Loc+LOC", "stands twice")]
)
def test_class_folders_that_cannot_be(tmp_path: Path, folder: str, why: str) -> None:
    for name in ("Donut", folder):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", GRID)
    with pytest.raises(DataError, match=why):
        import_dataset(tmp_path, kind=SetKind.SEVERAL)


def test_rows_of_0_and_1_and_texts(tmp_path: Path) -> None:
    maps = np.stack([GRID] * 3)
    hot = np.asarray([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    np.savez(tmp_path / "hot.npz", maps=maps, labels=hot, label_names=["Grid", "Tail", "Arc"])
    found = import_dataset(tmp_path / "hot.npz", kind=SetKind.SEVERAL).labelled
    assert found.patterns.names == ("Arc", "Grid", "Tail")
    assert found.labels.tolist() == ["Arc+Grid", "none", "Tail"]
    np.savez(tmp_path / "text.npz", maps=maps, labels=["Loc+Center", "ok", "Loc"])
    found = import_dataset(tmp_path / "text.npz", kind=SetKind.SEVERAL).labelled
    assert found.labels.tolist() == ["Center+Loc", "none", "Loc"]


def test_mixedwm38_whole(tmp_path: Path) -> None:
    hot = np.zeros((3, 8), int)
    hot[1, [PATTERN_ORDER.index("Scratch"), PATTERN_ORDER.index("Center")]] = 1
    hot[2, PATTERN_ORDER.index("Loc")] = 1
    np.savez(tmp_path / "m.npz", arr_0=np.stack([GRID] * 3), arr_1=hot)
    several = import_dataset(tmp_path / "m.npz", kind=SetKind.SEVERAL).labelled
    assert several.labels.tolist() == ["none", "Center+Scratch", "Loc"]
    assert import_dataset(tmp_path / "m.npz").labelled.labels.tolist() == ["none", "Loc"]
    with pytest.raises(UsageError, match="of several it is `none`"):
        import_dataset(tmp_path / "m.npz", kind=SetKind.SEVERAL, none="none")
