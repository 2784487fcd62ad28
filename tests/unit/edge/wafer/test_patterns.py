"""The one rule of spelling, and everything that goes by it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec import to_builtins

from edge.dataset.labelled_set import build
from edge.dataset.load_any import load_any
from edge.dataset.reading import load
from edge.errors import DataError, UsageError
from edge.model.model_file import ModelFile
from edge.station.config import read
from edge.system.typed import MismatchError, decode
from edge.terminal.review_options import thresholds_of
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet, named_set
from train.importers import import_dataset
from train.recipe import from_dict
from train.synth.fill import filling

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
    assert tuple(map(WM811K.named, names)) == PATTERNS


@pytest.mark.parametrize("name", ["", " ", "-", "Spiral", "Loca", "Scratches", "Center1", "nan"])
def test_what_is_no_pattern(name: str) -> None:
    assert WM811K.named(name) is None


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
    told = "passed over: 1 file in them of no format that is read, as notes.txt"
    assert told in imported.report.notes


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
        build([np.full((2, 2), 2, np.uint8)], ["Edge-Ringed"], WM811K)


def test_options_and_settings(tmp_path: Path, shipped: ModelFile) -> None:
    for text, which in (("edge_local=0.9", ["Edge-Loc"]), ("0.9", list(PATTERNS))):
        changed = shipped.review.with_overrides([thresholds_of(text)]).below
        assert changed == shipped.review.below | dict.fromkeys(which, 0.9)
    settings = tmp_path / "station.toml"
    least = "[station]\nstore = 's.sqlite'\n[[folder]]\npaths = ['in']\n[review.below]\n"
    settings.write_text(f"{least}edge_loc = 0.9\nNormal = 0.8\n")
    below = read(settings).review.changed(shipped.review).below
    assert below == shipped.review.below | {"Edge-Loc": 0.9, "none": 0.8}
    settings.write_text(f"{least}Loc = 0.9\nlocal = 0.8\n")
    with pytest.raises(UsageError, match=r"line 7: .*local is Loc once more"):
        read(settings)
    recipe = from_dict({"name": "x", "synthetic": {"patterns": ["edge ring", "Local"]}})
    drawn = filling(dict.fromkeys(PATTERNS, 0), WM811K, 5, recipe.synthetic.patterns)
    assert drawn.counts == {"Edge-Ring": 5, "Loc": 5}


OWN = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=9)


@given(st.lists(OWN, min_size=2, max_size=64))
def test_a_set_finds_its_own_names_in_every_spelling(names: list[str]) -> None:
    try:
        known = PatternSet(tuple(names))
    except MismatchError as error:
        event(error.what)
        return
    for name in names:
        assert known.named(name) == known.named(f" {name.upper().lower()}_") or not name.isascii()
        assert known.named(name) == name
    assert decode(PatternSet, to_builtins(known)) == known


@pytest.mark.parametrize(
    ("names", "none", "words"),
    [
        (["Grid"], None, "must hold 2 to 64 patterns, it holds 1"),
        ([f"class {n}" for n in range(65)], None, "it holds 65"),
        (["Grid", "grid"], None, "'Grid' and 'grid' are spelled alike"),
        (["Grid", "ring\n"], None, r"holds a control character \(U\+000A\)"),
        (["Grid", "x" * 101], None, "has 101 characters, at most 100"),
        (["Grid", "- _"], None, "has no letter and no digit"),
        (["Grid", "Comet"], "ok", "'ok' is none of the patterns: Comet, Grid"),
        (["Grid", "ok", "good"], None, "'good' and 'ok' may both mean no pattern; say which"),
    ],
)
def test_what_is_no_pattern_set(names: list[str], none: str | None, words: str) -> None:
    with pytest.raises(MismatchError, match=words):
        named_set(names, none)


def test_a_set_of_own_names() -> None:
    own = named_set(["ring", "Grid", "Good", "Comet, left", "40 \N{MICRO SIGN}m"])
    assert own.names == ("40 \N{MICRO SIGN}m", "Comet, left", "Grid", "ring", "Good")
    assert own.none == "Good"
    assert own.named("comet,LEFT") == "Comet, left"
    assert own.named("none") == own.named("pass") == "Good"  # what people call it
    assert named_set(["Grid", "Good"], "grid").none == "Grid"
    assert named_set(["Scratch", "ok"]) is named_set(["loc", "Normal"]) is WM811K
    assert PatternSet(("1-1", "11")).named("1_1") == "1-1"  # two numbers are not one


def test_a_pattern_of_one_set_among_those_of_another() -> None:
    own = PatternSet(
        ("Net", "Spot", "local", "clean"),
        "clean",
        {"Loc": "Spot", "Center": "Spot", "dish": "Net", "Donut": "Net"},
    )
    assert own.among("local", WM811K) == "Loc"  # an alias there
    assert own.among("Net", WM811K) == "Donut"  # by one of its own
    assert own.among("Spot", WM811K) is None  # two of its own are two patterns
    assert own.among("clean", WM811K) == "none"
    assert own.among("clean", PatternSet(("Net", "Spot"))) is None


def test_aliases_and_hints_are_of_the_set() -> None:
    own = PatternSet(("Grid", "ok"), "ok", {"Mesh": "Grid"}, {"Grid": "probe card"})
    assert own.named("mesh") == "Grid"
    for change, words in (
        ({"none": "none"}, "'none' is none of the patterns"),
        ({"aliases": {"Mesh": "Net"}}, "'Net' is none"),
        ({"aliases": {"OK": "Grid"}}, "aliases.OK is 'ok' already"),
        ({"hints": {"Net": "probe card"}}, "'Net' is none"),
        ({"hints": {"Grid": "probe\ncard"}}, "must be one line"),
    ):
        with pytest.raises(MismatchError, match=words):
            msgspec.structs.replace(own, **change)
