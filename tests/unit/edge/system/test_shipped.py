"""Model files by their names: what is dropped into the package's folder has one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from convert.cli.export_firmware import command as export_firmware
from edge.classification import doctor
from edge.cli.info import command as info
from edge.cli.model_card import card
from edge.errors import ModelError
from edge.model.model_file import load
from edge.system import shipped as ships
from edge.terminal.options import ModelPath
from tests.support.model_files import OLD, changed, put
from train.start import located


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which two ship: the second is the first with another name and known needs."""
    folder = tmp_path / "models"
    folder.mkdir()
    old = load(OLD)
    (folder / "wm811k.tflite").write_bytes(old.content)
    (folder / "wm811k.float.tflite").write_bytes(b"beside it, and no model file")
    needs = put("firmware", value={"flash": 123_456, "ram": 65_432, "arena": 32_000})
    small = changed(old, lambda document: (needs(document), document.update(name="small")))
    (folder / "wm811k-micro.tflite").write_bytes(small)
    monkeypatch.setattr(ships, "FOLDER", folder)
    return folder


def test_what_lies_in_the_folder_has_a_name_the_default_first(two: Path) -> None:
    (two / "aaa.tflite").touch()
    assert ships.names() == ("wm811k", "aaa", "wm811k-micro")
    assert ships.located("wm811k-micro") == two / "wm811k-micro.tflite"
    for path in ("./wm811k", "wm811k.tflite", "wm811k.float", "other", None, 3, Path("wm811k")):
        assert ships.located(path) is None


def test_a_name_goes_before_a_file_of_that_name_which_is_meant_as_a_path(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wm811k").write_bytes(b"mine")
    asked = ModelPath()
    assert asked("wm811k") == two / "wm811k.tflite"
    assert asked("./wm811k") == Path("wm811k")
    assert load("wm811k-micro").metadata.name == "small"
    for mine in ("./wm811k", Path("wm811k")):
        with pytest.raises(ModelError, match="wm811k: not a TFLite model"):
            load(mine)
    assert located("wm811k-micro") == two / "wm811k-micro.tflite"
    assert located("./wm811k") == Path("wm811k")


def test_an_unknown_name_lists_the_known_ones(two: Path) -> None:
    with pytest.raises(ModelError, match=r"wm811k-mikro: .*one that ships: wm811k, wm811k-micro$"):
        load("wm811k-mikro")


def test_a_microcontroller_gets_the_small_one_where_it_ships(two: Path, tmp_path: Path) -> None:
    def made_of(*arguments: str) -> str:
        place = tmp_path / "firmware"
        done = CliRunner().invoke(export_firmware, [*arguments, str(place), "--overwrite"])
        return done.stderr.partition(" files of ")[2].partition("@")[0]

    assert made_of() == "small"
    assert made_of("wm811k") == made_of("--model", "wm811k") == "wm811k"
    (two / "wm811k-micro.tflite").unlink()
    assert made_of() == "wm811k"


def test_those_that_ship_stand_side_by_side(two: Path, tmp_path: Path) -> None:
    said = CliRunner().invoke(info, ["wm811k-micro"]).stdout.splitlines()
    head = next(index for index, line in enumerate(said) if line.startswith("model file "))
    rows = {line[:34].strip(): line[34:].split() for line in said[head : head + 8]}
    assert rows["model file"] == ["wm811k", "small"]
    assert rows["flash of a microcontroller, kB"] == ["-", "123.5"]
    assert rows["RAM of a microcontroller, kB"] == ["-", "65.4"]
    assert rows["weakest of 100 wafers or more, %"] == ["Loc", "81.5", "Loc", "81.5"]
    assert len(set(rows["multiply-accumulates, million"])) == 1
    last = [*doctor.examine()][-1]
    assert (last.name, last.exit_code) == ("models that ship", 0)
    first, second = last.found.splitlines()[-1].split()[-2:]
    assert first == "1.00"
    assert 0.2 < float(second) < 5
    own = tmp_path / "own.tflite"
    own.write_bytes((two / "wm811k.tflite").read_bytes())
    assert "model file " not in card(load(own))


def test_one_that_ships_and_is_damaged_is_the_doctors_finding(two: Path) -> None:
    (two / "wm811k-micro.tflite").write_bytes(b"damaged")
    last = [*doctor.examine()][-1]
    assert (last.name, last.exit_code) == ("models that ship", 3)
    assert "not a TFLite model" in last.found


def test_one_that_ships_stands_alone(two: Path) -> None:
    (two / "wm811k-micro.tflite").unlink()
    assert "model file " not in card(load())
