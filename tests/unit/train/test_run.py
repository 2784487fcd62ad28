"""The run folder: nothing overwritten, and after a kill at any moment something to resume from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import DataError, UsageError
from train.recipe import Recipe
from train.run import Run

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

CONFIG = {"recipe": Recipe("test").as_dict()}


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it and tidy up."""


def checkpoint(run: Run, number: int) -> None:
    """Keep a network whose one weight is ``number``, after so many epochs."""
    from train.average import WeightAverage

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.full((1, 1), number, np.float32)])
    average = WeightAverage(0.9)
    average.values, average.steps = [np.full((1, 1), -number, np.float32)], 10 * number
    history = [{"epoch": epoch + 1.0, "loss": 1.0} for epoch in range(number)]
    run.save_checkpoint(model, average, history)


def resumed(run: Run) -> int | None:
    """Epochs after which the run would go on; checks that all parts are of that epoch."""
    from train.average import WeightAverage

    average = WeightAverage(0.9)
    found = run.load_checkpoint(average)
    if found is None:
        return None
    model, history = found
    number = len(history)
    assert float(model.get_weights()[0][0, 0]) == number
    assert (float(average.values[0][0, 0]), average.steps) == (-number, 10 * number)
    return number


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with pytest.raises(UsageError, match="holds a run already; pass --resume"):
        Run.create(tmp_path / "run", {})
    assert run.config == json.loads(json.dumps(CONFIG))
    assert run.recipe == Recipe("test")
    assert not run.finished


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no config\.json"):
        Run.open(tmp_path)
    run = Run.create(tmp_path / "run", CONFIG)
    with pytest.raises(DataError, match=r"no model\.keras yet"):
        run.load_model()


def test_newest_checkpoint_is_the_only_one_kept(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    assert resumed(run) is None
    for number in (9, 10):  # 10 is newer than 9, whatever their names' order
        checkpoint(run, number)
        assert resumed(run) == number
    assert [entry.name for entry in (run.path / "checkpoint").iterdir()] == ["10"]


def kill(*_: Any, **__: Any) -> None:
    raise Killed


kill.rmtree = kill  # type: ignore[attr-defined]  # to stand for shutil in train.run alone

KILLS = {
    "before the network": ("keras.Model.save", 1),
    "before the average": ("numpy.savez", 1),
    "before the history": ("pathlib.Path.write_text", 1),
    "before the new one counts": ("pathlib.Path.rename", 1),
    "before the old one goes": ("train.run.shutil", 2),
}


@pytest.mark.parametrize(("place", "expected"), KILLS.values(), ids=KILLS)
def test_a_kill_between_files_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, expected: int
) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    checkpoint(run, 1)
    with monkeypatch.context() as patch:
        patch.setattr(place, kill)
        with pytest.raises(Killed):
            checkpoint(run, 2)
    assert resumed(run) == expected
    checkpoint(run, expected + 1)  # and the leftovers do not disturb the next one
    assert resumed(run) == expected + 1
    assert len(list((run.path / "checkpoint").iterdir())) == 1


def test_json_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG)
    with pytest.raises(TypeError):
        run.write_json("config.json", {"bad": object()})
    assert run.config["recipe"]["name"] == "test"
