"""Synthetic wafers by the set: as many as asked, repeatable, of the set's own names; pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.dataset.labelled_set import build
from edge.dataset.reading import load
from edge.errors import DataError, UsageError
from edge.synth import round_grid, typical_grids
from edge.synth.generators import drawable
from edge.wafer.patterns import PATTERNS, PatternSet
from train.cli.dataset_synth import command
from train.synth.fill import filling
from train.synth.pictures import Layout, save_pictures
from train.synth.sets import synthetic_set

GRID = round_grid(39, 37)


def test_set_has_the_counts_and_draws_on_all_grids() -> None:
    labelled = synthetic_set({"Scratch": 30, "Donut": 12}, typical_grids(), 3)
    assert {name: n for name, n in labelled.class_counts().items() if n} == {
        "Donut": 12,
        "Scratch": 30,
    }
    assert len({tuple(shape) for shape in labelled.shapes.tolist()}) > 3
    assert len(synthetic_set({}, [], 0)) == 0


def test_a_set_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(UsageError, match="zero or more"):
        synthetic_set({"Donut": -1}, [GRID], 0)
    with pytest.raises(UsageError, match="no die grid"):
        synthetic_set({"Donut": 1}, [], 0)


def test_set_depends_on_the_seed_and_each_pattern_on_itself() -> None:
    grids = typical_grids()
    one = synthetic_set({"Donut": 3, "Scratch": 4}, grids, 3)
    assert one.sha256() == synthetic_set({"Scratch": 4, "Donut": 3}, grids, 3).sha256()
    assert one.sha256() != synthetic_set({"Donut": 3, "Scratch": 4}, grids, 4).sha256()
    alone = synthetic_set({"Scratch": 4}, grids, 3)
    assert one.select(one.labels == "Scratch").sha256() == alone.sha256()


#: ``pass`` is a pattern here: which one means none is said.
OWN = PatternSet(
    ("edge ring", "Local", "ER-03", "Comet", "pass", "gut"), "gut", {"scratch": "ER-03"}
)


def test_own_names_are_drawn_by_spelling_and_alias() -> None:
    assert drawable(OWN) == {
        "edge ring": "Edge-Ring",
        "Local": "Loc",
        "ER-03": "Scratch",
        "gut": "none",
    }
    made = synthetic_set({"gut": 2, "ER-03": 3}, [GRID], 3, OWN)
    assert made.labels.tolist() == ["ER-03"] * 3 + ["gut"] * 2
    assert made.patterns == OWN
    with pytest.raises(UsageError, match="no generator for the pattern 'pass'; there is one for"):
        synthetic_set({"pass": 1}, [GRID], 3, OWN)


def test_a_recipe_fills_what_can_be_drawn_and_says_what_is_not_there() -> None:
    counts = {**dict.fromkeys(OWN, 10), "gut": 70}
    assert filling(counts, OWN, 50, ()).counts == {"edge ring": 40, "Local": 40, "ER-03": 40}
    some = filling(counts, OWN, 50, ("EDGE_RING", "Loc", "Donut", "ok"))
    assert str(some) == (
        "synthetic wafers for the train part: 40 edge ring, 40 Local (not in this set: Donut)"
    )
    assert filling(counts, OWN, 50, ("Donut",)).counts == {}
    with pytest.raises(UsageError, match="no generator for 'Comet'; of this set can be drawn: ed"):
        filling(counts, OWN, 50, ("comet",))
    with pytest.raises(UsageError, match="'Rign' is no pattern of this set; its patterns are edge"):
        filling(counts, OWN, 50, ("Rign",))


def test_pictures_hold_one_pixel_a_die(tmp_path: Path) -> None:
    labelled = synthetic_set({"Donut": 2, "Near-full": 1}, [GRID], 0)
    save_pictures(labelled, tmp_path / "set", layout=Layout.CLASS_FOLDERS)
    picture = cv2.imread(str(tmp_path / "set/Donut/Donut-00002.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert np.array_equal(picture, np.array([0, 127, 255], np.uint8)[labelled.grid(1)])
    assert (tmp_path / "set/Near-full/Near-full-00001.png").exists()


def test_pictures_replace_only_their_own(tmp_path: Path) -> None:
    labelled = synthetic_set({"Donut": 2}, [GRID], 0)
    (tmp_path / "notes.png").write_bytes(b"mine")
    with pytest.raises(DataError, match="--overwrite"):
        save_pictures(labelled, tmp_path, layout=Layout.FLAT)
    save_pictures(labelled, tmp_path, layout=Layout.FLAT, overwrite=True)
    save_pictures(
        synthetic_set({"Loc": 1}, [GRID], 0), tmp_path, layout=Layout.FLAT, overwrite=True
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Loc-00001.png", "notes.png"]


def test_command_writes_a_labelled_set(tmp_path: Path) -> None:
    out = tmp_path / "synthetic.npz"
    arguments = ["--out", str(out), "--count", "donut=3", "--count", "none=2", "--size", "20x30"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    labelled = load(out)
    assert labelled.labels.tolist() == ["Donut"] * 3 + ["none"] * 2
    assert (labelled.shapes == (20, 30)).all()
    with pytest.raises(UsageError, match="--overwrite"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
    again = CliRunner().invoke(command, [*arguments, "--overwrite"], catch_exceptions=False)
    assert again.exit_code == 0


def test_command_takes_grids_from_the_train_part(tmp_path: Path) -> None:
    data, out = tmp_path / "data.npz", tmp_path / "pictures"
    real = synthetic_set({"none": 2}, [round_grid(11, 12)], 0)
    other = synthetic_set({"none": 2}, [round_grid(30, 31)], 0)
    maps = [part.grid(index) for part in (real, other) for index in range(2)]
    build(maps, ["none"] * 4, part=np.array(["train", "train", "test", "test"])).save(data)
    arguments = ["--out", str(out), "--like", str(data), "--per-class", "2"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    pictures = list(out.glob("*/*.png"))
    assert len(pictures) == 2 * len(PATTERNS)
    for picture in pictures:
        pixels = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert pixels.shape == (11, 12)


def test_command_draws_a_set_s_own_names(tmp_path: Path) -> None:
    data, out = tmp_path / "own.npz", tmp_path / "out"
    names = ["edge ring", "a=b", "x/y", "ok"]
    patterns = PatternSet(tuple(names), "ok", {"Loc": "a=b", "Donut": "x/y"})
    build([GRID] * 4, names, patterns).save(data)
    arguments = ["--out", str(out), "--like", str(data), "--count"]

    def run(*counts: str) -> str:
        wanted = [*arguments, *counts, "--overwrite"]
        return CliRunner().invoke(command, wanted, catch_exceptions=False).output

    run("A=B=2", "--count", "edge_ring=1")
    run("a=b=1")
    assert sorted(path.name for path in out.glob("*/*.png")) == ["a=b-00001.png"]
    with pytest.raises(UsageError, match="'x/y' cannot be the name of a class folder; give --out"):
        run("x/y=1")
    build([GRID] * 2, ["Comet", "Grid"]).save(data, overwrite=True)
    with pytest.raises(UsageError, match="no generator for any pattern of this set: Comet, Grid"):
        run("Comet=1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--count", "Doughnut=3"],
        ["--count", "Donut"],
        ["--count", "Donut=-3"],
        ["--count", "Donut=3", "--per-class", "2"],
        ["--size", "20"],
        ["--size", "0x3"],
        ["--size", "3x3"],
        ["--size", "3x3", "--like", "some.npz"],
        ["--format", "png"],
    ],
)
def test_command_refuses_contradictions(tmp_path: Path, arguments: list[str]) -> None:
    out = tmp_path / "out.npz"
    with pytest.raises(UsageError):
        CliRunner().invoke(command, ["--out", str(out), *arguments], catch_exceptions=False)
    assert not out.exists()


@pytest.mark.parametrize("name", ["mistyped/out.npz", "mistyped/pictures"])
def test_command_makes_no_folder_above_its_output(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*mistyped; make it"):
        CliRunner().invoke(command, ["--out", str(tmp_path / name)], catch_exceptions=False)
    assert not (tmp_path / "mistyped").exists()
