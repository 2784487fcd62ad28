"""Recipe files: what they may say, and how a mistake in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.formats.picture.palette import Scale
from edge.screen.recipe import Recipe, load

FULL = """\
# Tool 7
pass = ["#00c800", "#008000"]
fail = "#D62728"
no_die = ["#000000"]
max_distance = 70
rows = 50
columns = 47
region = [80, 0, 480, 480]
min_sharpness = 0.1
min_pixels = 5
min_dies = 200
flat = 0
max_gap = 50
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tool.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, FULL))
    (palette,) = recipe.palettes
    assert palette.good == ((0, 200, 0), (0, 128, 0))
    assert palette.bad == ((214, 39, 40),)
    assert palette.no_die == ((0, 0, 0),)
    assert palette.scale is Scale.FIXED
    assert recipe == Recipe(
        good=("#00c800", "#008000"),
        fail="#D62728",
        no_die=("#000000",),
        max_distance=70.0,
        rows=50,
        columns=47,
        region=(80, 0, 480, 480),
        min_sharpness=0.1,
        min_pixels=5.0,
        min_dies=200,
        flat=0.0,
        max_gap=50,
    )


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == Recipe()


def test_the_window_may_be_any_grey_where_no_die_is_left_out(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, 'pass = ["#00ff00"]\nfail = ["#ff0000"]\n'))
    assert {(0, 0, 0), (255, 255, 255)} <= set(recipe.palettes[0].no_die)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("row = 3", 1, "row"),
        ("# no\n\nrows = 'x'", 3, "rows"),
        ("rows = true", 1, "rows"),
        ("rows = 3.0", 1, "rows"),
        ("rows = 1", 1, "rows"),
        ("columns = 100000", 1, "columns"),
        ("\nmin_sharpness = 2", 2, "min_sharpness"),
        ("min_sharpness = nan", 1, "min_sharpness"),
        ("min_pixels = 'four'", 1, "min_pixels"),
        ("min_dies = -1", 1, "min_dies"),
        ("max_distance = inf", 1, "max_distance"),
        ("region = [0, 0, 640]", 1, "region"),
        ("region = [0, 0, 640, 'x']", 1, "region"),
        ("region = [-1, 0, 640, 480]", 1, "region"),
        ("pass = ['green']\nfail = ['#ff0000']", 1, "pass"),
        ("pass = ['#00ff00']\nfail = ['#ff00']", 2, "fail"),
        ("pass = [7]\nfail = ['#ff0000']", 1, "pass"),
        ("pass = []\nfail = ['#ff0000']", 1, "pass"),
        ("pass = '#00ff00\\n'\nfail = ['#ff0000']", 1, "pass"),
        ("[camera]\nfps = 3", 1, "camera"),
        ("pass = ['#00ff00']", 1, "fail"),
        ("pass = '#00ff00'\nfail = '#00FF00'", 2, "fail"),
        ("pass = '#00ff00'\nfail = '#ff0000'\nno_die = '#ff0000'", 3, "no_die"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, line: int, key: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: line {line}: {key} ")


def test_no_toml(tmp_path: Path) -> None:
    path = write(tmp_path, "rows = = 3")
    with pytest.raises(UsageError, match=r"not TOML.*line 1"):
        load(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "absent.toml")


def test_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tool.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        load(path)
