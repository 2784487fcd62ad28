"""Recipes that come, go and change while a station runs."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.classification.classifier import Classifier
from edge.formats.fab.rules import MOST_RECIPES, rules_of
from edge.station.folder.intake import Entry, FileIntake, IntakeState, WriterCheck
from edge.station.folder.live_rules import LiveRules
from edge.wafer.wafermap import WaferMap

RECIPE = '[match]\ndevice = "A*"\n'


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.system.looked_at.EVERY", 0.0)


def test_what_is_in_the_folder_now_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'pass_bins = ["1"]\n{RECIPE}')
    rules = LiveRules(rules_of(none_bins=["X"], recipes=tmp_path), tmp_path)
    rules = pickle.loads(pickle.dumps(rules))  # as workers get them

    def now() -> dict[str, tuple[str, ...]]:
        assert rules.now().none_bins == ("X",)
        return {name: recipe.pass_bins for name, recipe in rules.now().recipes}

    assert now() == {"one": ("1",)}
    assert not caplog.messages
    two.write_text(f'pass_bins = ["02"]\n{RECIPE}')
    assert now() == {"one": ("1",), "two": ("02",)}
    one.write_text("pass_bins = 1")
    assert now() == now() == {"two": ("02",)}
    assert sum("passed over until it is mended" in each for each in caplog.messages) == 1
    one.write_text(f'pass_bins = ["1", "3"]\n{RECIPE}')
    two.unlink()
    assert now() == {"one": ("1", "3")}
    for number in range(MOST_RECIPES):
        (tmp_path / f"{number}.toml").touch()
    assert now() == {"one": ("1", "3")}
    assert f"{MOST_RECIPES + 1} recipes" in caplog.messages[-1]
    tmp_path.rename(tmp_path.with_name("away"))
    assert now() == now() == {"one": ("1", "3")}
    assert sum("cannot be read" in each for each in caplog.messages) == 1


def test_without_a_folder_nothing_changes() -> None:
    rules = rules_of(["1"])
    assert LiveRules(rules).now() is rules


class Legend:
    """A classifier that tells who says what passes."""

    def classify(self, wafer_map: WaferMap) -> Any:
        return SimpleNamespace(as_record=lambda: {"legend": wafer_map.legend}, embedding=None)


def test_the_next_file_is_read_by_the_recipe_that_came(tmp_path: Path) -> None:
    path = tmp_path / "w.map"
    path.write_text("DEVICE:A1\nROWCT:2\nCOLCT:2\nRowData: 01 02\nRowData: 01 01\n")
    intake = FileIntake(cast(Classifier, Legend()), rules=LiveRules(folder=tmp_path))
    entry = Entry(str(path), WriterCheck.PROBE, str(tmp_path))
    [refused] = intake.take(entry)
    assert refused.state is IntakeState.BAD
    (tmp_path / "new.toml").write_text(f'pass_bins = ["01"]\n{RECIPE}')
    [taken] = intake.take(entry)
    assert taken.state is IntakeState.TAKEN
    assert taken.records[0]["legend"] == "recipe new"


def test_no_recipe_is_told_at_the_start_and_when_the_last_one_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = LiveRules(folder=tmp_path)
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    (tmp_path / "one.toml").write_text(f'pass_bins = ["1"]\n{RECIPE}')
    assert [name for name, _ in rules.now().recipes] == ["one"]
    (tmp_path / "one.toml").unlink()
    assert rules.now().recipes == rules.now().recipes == ()
    assert [f"{tmp_path}: no recipe (*.toml)" in each for each in caplog.messages] == [True] * 2
