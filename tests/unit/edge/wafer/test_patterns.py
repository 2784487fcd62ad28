"""The one rule of spelling, and everything that goes by it."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest

from edge.dataset.class_folders import load_any
from edge.dataset.labelled_set import build
from edge.dataset.reading import load
from edge.errors import DataError, UsageError
from edge.model.model_file import ModelFile
from edge.station.config import read
from edge.terminal.review_options import thresholds_of
from edge.wafer.patterns import PATTERNS, pattern_named
from train.importers import import_dataset
from train.recipe import from_dict

SPELLINGS = {
    "underscore": [name.replace("-", "_").replace("full", "Full") for name in PATTERNS],
    "blank": [name.replace("-", " ") for name in PATTERNS],
    "around": [f"{name} " for name in PATTERNS],
    "local": [name.replace("Loc", "Local").replace("none", "Normal") for name in PATTERNS],
    "joined": [name.replace("-", "").upper() for name in PATTERNS],
    "dashes": [name.replace("-", "\N{EN DASH}") for name in PATTERNS],
}


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_published_sets(names: list[str]) -> None:
    assert tuple(map(pattern_named, names)) == PATTERNS


@pytest.mark.parametrize("name", ["", " ", "-", "Spiral", "Loca", "Scratches", "Center1", "nan"])
def test_what_is_no_pattern(name: str) -> None:
    assert pattern_named(name) is None


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_class_folders_are_read_alike_at_any_depth(tmp_path: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        for place in ("lot1/deep", "lot2"):
            (tmp_path / name / place).mkdir(parents=True)
            np.save(tmp_path / name / place / "w.npy", np.full((3, 3 + number), 2, np.uint8))
    (tmp_path / names[0] / "notes.txt").write_text("beside")
    imported = import_dataset(tmp_path)
    assert imported.labelled.sha256() == load_any(tmp_path).sha256()
    assert imported.labelled.class_counts() == dict.fromkeys(PATTERNS, 2)
    assert "passed over: 1 file with an ending of no wafer map" in imported.report.notes


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_labels_of_a_labelled_set(tmp_path: Path, names: list[str]) -> None:
    """Whatever their width: ``Edge_Local`` has ten letters, and is none of nine cut short."""
    known = build([np.full((2, 2), 2, np.uint8)] * len(names), PATTERNS)
    arrays = {name: getattr(known, name) for name in ("dies", "offsets", "shapes")}
    for labels in (np.asarray(names), np.asarray([name.encode() for name in names])):
        np.savez(tmp_path / "set.npz", labels=labels, **arrays)
        found = load(tmp_path / "set.npz")
        assert found.labels.tolist() == list(PATTERNS)
        assert found.sha256() == known.sha256()


def test_a_label_is_not_cut_to_one_that_is_known() -> None:
    with pytest.raises(DataError, match="unknown label 'Edge-Ringed'"):
        build([np.full((2, 2), 2, np.uint8)], ["Edge-Ringed"])


def test_options_and_settings(tmp_path: Path, shipped: ModelFile) -> None:
    assert thresholds_of("edge_local=0.9") == {"Edge-Loc": 0.9}
    assert set(thresholds_of("0.9")) == set(PATTERNS)
    for text in ("Spiral=0.9", "=0.9"):
        with pytest.raises(click.UsageError, match="unknown pattern"):
            thresholds_of(text)
    settings = tmp_path / "station.toml"
    least = "[station]\nstore = 's.sqlite'\n[[folder]]\npaths = ['in']\n[review.below]\n"
    settings.write_text(f"{least}edge_loc = 0.9\nNormal = 0.8\n")
    below = read(settings).review.changed(shipped.review).below
    assert below == shipped.review.below | {"Edge-Loc": 0.9, "none": 0.8}
    settings.write_text(f"{least}Loc = 0.9\nlocal = 0.8\n")
    with pytest.raises(UsageError, match=r"line 7: .*local is Loc once more"):
        read(settings)
    recipe = from_dict({"name": "x", "synthetic": {"patterns": ["edge ring", "Local"]}})
    assert recipe.synthetic.patterns == ("Edge-Ring", "Loc")
