"""Pictures in colours of their own are read by a recipe that is for them, and by no other."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge.errors import InputError, InputKind, UsageError
from edge.formats.fab.rules import Rules, rules_of
from edge.formats.paths import expand, read_items
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap
from tests.support.cli import wm_edge

RECIPE = """
[match]
name = "*_bin.*"

[palette]
pass = ["#8000ff", "#ff8000"]
fail = [16]
no_die = "#fefefe"
"""
COLOURS = np.array([(254, 254, 254), (128, 0, 255), (16, 16, 16), (255, 128, 0)], np.uint8)


def wafer() -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[:24, :24] - 11.5
    dies = np.where(np.hypot(rows, columns) > 12, 0, 1)
    dies[4:9, 6:8] = 2
    return dies.astype(np.uint8)


def rules(folder: Path, text: str = RECIPE) -> Rules:
    folder.mkdir(exist_ok=True)
    (folder / "p8.toml").write_text(text)
    return rules_of(recipes=folder)


def save(path: Path, pixels: npt.NDArray[np.generic], times: int = 1) -> Path:
    large = pixels.repeat(times, 0).repeat(times, 1)
    if large.ndim == 3:
        large = large[..., ::-1]
    path.write_bytes(cv2.imencode(path.suffix, large, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".jpg"])
def test_colours_that_a_recipe_says(tmp_path: Path, suffix: str) -> None:
    shades = np.where((wafer() == 1) & (np.arange(24) % 2 == 0), 3, wafer())
    path = save(tmp_path / f"w1_bin{suffix}", COLOURS[shades], 8)
    (found,) = read(path, rules(tmp_path / "recipes"))
    assert isinstance(found, WaferMap)
    assert found.dies.tolist() == wafer().tolist()
    assert found.legend == "recipe p8"
    with pytest.raises(InputError, match=r"fit no known palette|without clean dies") as refused:
        next(iter(read(path)))
    assert "have a recipe say what its colours mean (--recipes, [palette])" in str(refused.value)


@pytest.mark.parametrize(
    "levels", [np.array([1, 2, 0], np.uint8), np.array([0, 700, 900], np.uint16)]
)
def test_grey_levels_that_mean_something_else(tmp_path: Path, levels: npt.NDArray) -> None:
    path = save(tmp_path / "w.png", levels[wafer()])
    said = dict(zip(("no_die", "pass", "fail"), levels.tolist(), strict=True))
    text = "\n".join(["[match]", "[palette]", *(f"{key} = {level}" for key, level in said.items())])
    (found,) = read(path, rules(tmp_path / "recipes", text))
    assert isinstance(found, WaferMap)
    assert found.dies.tolist() == wafer().tolist()


def test_a_colour_that_the_recipe_has_not_is_refused(tmp_path: Path) -> None:
    pixels = COLOURS[wafer()]
    pixels[5, 6] = 200, 0, 0
    said = rules(tmp_path / "recipes")
    with pytest.raises(InputError, match="p8 does not say what #c80000 means; add it to"):
        next(iter(read(save(tmp_path / "w_bin.png", pixels), said)))
    half_way = rules(tmp_path / "close", "[match]\n[palette]\npass = 1\nfail = 3\nno_die = 0\n")
    with pytest.raises(InputError, match="recipe p8 does not say what #020202"):
        next(iter(read(save(tmp_path / "w.png", np.array([0, 1, 2], np.uint8)[wafer()]), half_way)))


def test_a_wafer_that_fails_everywhere_is_one(tmp_path: Path) -> None:
    dead = np.where(wafer() > 0, 2, 0)
    said = rules(tmp_path / "recipes")
    (found,) = read(save(tmp_path / "w_bin.png", COLOURS[dead]), said)
    assert isinstance(found, WaferMap)
    assert found.fail_count == found.die_count
    with pytest.raises(InputError, match="failing dies fills all four corners"):
        next(iter(read(save(tmp_path / "v_bin.png", COLOURS[2 - wafer()]), said)))


def test_two_palettes_for_a_picture(tmp_path: Path) -> None:
    rules(tmp_path / "recipes")
    (tmp_path / "recipes" / "p9.toml").write_text(RECIPE.replace('"*_bin.*"', '"w*"'))
    both = rules_of(recipes=tmp_path / "recipes")
    path = save(tmp_path / "w_bin.png", COLOURS[wafer()])
    (error,) = read_items(expand([path]), rules=both)
    assert isinstance(error, InputError)
    assert error.kind is InputKind.AMBIGUOUS
    assert "two recipes are for it, p8 and p9; narrow the [match]" in error.reason


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('pass_bins = ["1"]\n' + RECIPE, "pass_bins is for files of fabs, and"),
        (RECIPE.replace("name", "device"), "device is not known of pictures"),
        (RECIPE.replace('name = "*_bin.*"', 'format = "SINF"'), "is for pictures"),
        (RECIPE.replace("*_bin.*", "a/*"), "a file's own name has no folders"),
        ('[match]\nformat = "picture"\n', r"no \[palette\] says what their colours mean"),
        (RECIPE.replace("fail = [16]", 'fail = "#8000FF"'), "fail has #8000ff, a shade of pass"),
        (RECIPE.replace("fail = [16]\n", ""), "fail"),
        (RECIPE.replace("[16]", "[70000]"), "fail"),
    ],
)
def test_recipes_that_make_no_sense(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        rules(tmp_path / "recipes", text)


def test_verbs_take_them(tmp_path: Path) -> None:
    for folder in ("Edge-Ring", "none"):
        (tmp_path / "maps" / folder).mkdir(parents=True)
        save(tmp_path / "maps" / folder / "w1_bin.png", COLOURS[wafer()])
    rules(tmp_path / "recipes")
    own = "--recipes", tmp_path / "recipes"
    path = tmp_path / "maps" / "none" / "w1_bin.png"
    assert (
        json.loads(wm_edge("classify", path, "-f", "jsonl", *own).stdout)["legend"] == "recipe p8"
    )
    assert "passes by    recipe p8" in wm_edge("show", path, *own).stdout.decode()
    assert wm_edge("evaluate", tmp_path / "maps", *own).code == 0
    assert wm_edge("convert-map", path, tmp_path / "w.npy", *own).code == 0
    assert np.load(tmp_path / "w.npy").tolist() == wafer().tolist()
