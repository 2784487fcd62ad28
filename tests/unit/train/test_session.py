"""A tiny training from end to end; interrupted and resumed, it is the same training."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError
from edge.model.model_file import ModelFile
from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS, PatternSet
from tests.support.model_files import changed, put
from train.cli.dataset_show import command as show_command
from train.cli.dataset_split import command as split_command
from train.synth.sets import synthetic_set

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
#: What a set without lots and parts is refused for.
PARTED = {split_command: (), show_command: ("--part", "val")}

keras = pytest.importorskip("keras")

#: Batch norm, a strong weight decay and a schedule: what a resumed run could lose.
RECIPE = """
about = "as small as can be"
[network]
name = "seed-final"
[augment]
turn = 0.5
[synthetic]
up_to = 18
patterns = ["Donut"]
[optimise]
epochs = 2
batch = 32
learning_rate = 1e-2
weight_decay = 1.0
average = 0.5
"""


class Stop(BaseException):
    """Stands for Ctrl-C or a power cut after an epoch."""


@pytest.fixture(scope="module")
def wafers() -> LabelledSet:
    made = synthetic_set(dict.fromkeys(PATTERNS, 22), [round_grid(15, 15)], seed=5)
    return made.with_columns(lot=np.arange(len(made), dtype=np.int32) % 66)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, wafers: LabelledSet) -> Path:
    """Holds the data, the recipe, one run that went through and one that was interrupted."""
    import tensorflow as tf

    from train.session import Settings, start

    # Sums in an order that threads decide could tip a wafer from one class to another.
    tf.config.experimental.enable_op_determinism()
    folder = tmp_path_factory.mktemp("session")
    wafers.save(folder / "wafers.npz")
    (folder / "tiny.toml").write_text(RECIPE)

    def interrupt(text: str) -> None:
        if text.startswith("epoch 1/"):
            raise Stop

    settings = (folder / "wafers.npz", str(folder / "tiny.toml"))
    start(Settings(*settings, folder / "whole"), lambda _: None)
    with pytest.raises(Stop):
        start(Settings(*settings, folder / "resumed"), interrupt)
    return folder


def test_other_data_is_refused_on_resume(folder: Path, wafers: LabelledSet) -> None:
    from train.session import Settings, start

    fewer = wafers.select(np.arange(len(wafers) - 1))
    fewer.save(folder / "fewer.npz", overwrite=True)
    parts = np.where(np.arange(len(wafers)) % 2, "train", "val")
    wafers.with_columns(part=parts).save(folder / "other-split.npz", overwrite=True)
    for name in ("fewer.npz", "other-split.npz"):
        settings = Settings(folder / name, None, folder / "resumed", resume=True)
        with pytest.raises(DataError, match=r"started on wafers\.npz with other wafers or another"):
            start(settings, lambda _: None)


def test_what_is_wrong_with_a_set_is_told_with_its_file(tmp_path: Path) -> None:
    from train.session import Settings, start

    data = tmp_path / "bare.npz"
    synthetic_set({"Donut": 3, "none": 3}, [round_grid(15, 15)], seed=5).save(data)
    with pytest.raises(DataError, match=r"bare\.npz: no lot is known in this labelled set"):
        start(Settings(data, None, tmp_path / "run"), print)
    for verb in (split_command, show_command):
        arguments = [str(data), "--out", str(tmp_path / "out.npz"), *PARTED[verb]]
        refused = CliRunner().invoke(verb, arguments).exception
        assert isinstance(refused, DataError)
        assert str(refused).startswith(f"{data}: ")


def test_other_settings_are_refused_on_resume(folder: Path) -> None:
    from train.session import Settings, start

    data, resumed = folder / "wafers.npz", folder / "resumed"
    for changes in ({"recipe": "seed-final"}, {"seed": 5}, {"epochs": 3}):
        settings = replace(Settings(data, None, resume=True, out=resumed), **changes)
        with pytest.raises(UsageError, match="started with recipe tiny, seed 0, 2 epochs; resume"):
            start(settings, lambda _: None)


def test_settings_of_the_run_may_be_repeated_on_resume(folder: Path) -> None:
    from train.run import Run
    from train.session import Settings, check_same_recipe

    run = Run.open(folder / "resumed")
    tiny = str(folder / "tiny.toml")
    for settings in (
        Settings(folder / "wafers.npz", tiny, run.path),
        Settings(folder / "wafers.npz", None, run.path, seed=0, epochs=2),
    ):
        check_same_recipe(run.path, run.recipe, settings, started=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": "qick"}, "no recipe 'qick'"),
        ({"start": "nowhere"}, "no network 'nowhere' to start from"),
        ({"out": "whole"}, "holds a run already"),
        ({"out": "whole", "resume": True}, "this run is finished"),
        ({"data": "none.npz"}, "no such file"),
    ],
)
def test_what_needs_no_tensorflow_is_refused_before_it_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    from train import session

    monkeypatch.setattr(session.backend, "load", lambda: pytest.fail("loaded"))
    paths = {key: folder / changes[key] for key in ("data", "out") if key in changes}
    asked = session.Settings(folder / "wafers.npz", None, folder / "new")
    with pytest.raises((UsageError, DataError), match=words):
        session.start(replace(asked, **{**changes, **paths}), print)


@pytest.mark.parametrize("changes", [{"seed": -1}, {"epochs": 0}, {"epochs": 10**6}])
def test_settings_out_of_range_start_no_run(folder: Path, changes: dict[str, int]) -> None:
    from train.session import Settings, start

    settings = Settings(folder / "wafers.npz", str(folder / "tiny.toml"), folder / "never")
    with pytest.raises(UsageError, match="must be a whole number from"):
        start(replace(settings, **changes), lambda _: None)
    assert not (folder / "never").exists()


def test_synthetic_wafers_are_told_and_a_name_that_is_none_starts_no_run(
    folder: Path, tmp_path: Path
) -> None:
    from train.session import Settings, start

    def tell(text: str) -> None:
        if text.startswith("synthetic"):
            raise Stop(text)

    recipe = tmp_path / "mine.toml"
    settings = Settings(folder / "wafers.npz", str(recipe), tmp_path / "run")
    recipe.write_text(RECIPE)
    with pytest.raises(Stop, match=r"synthetic wafers for the train part: \d Donut$"):
        start(settings, tell)
    recipe.write_text(RECIPE.replace("Donut", "Comet"))
    with pytest.raises(UsageError, match=r"recipe mine: .*'Comet' is no pattern of this set"):
        start(settings, tell)
    assert not settings.out.exists()


def test_resumed_run_has_the_history_of_one_that_went_through(folder: Path) -> None:
    from train.run import Run
    from train.session import Settings, start

    told: list[str] = []
    settings = Settings(folder / "wafers.npz", None, folder / "resumed", resume=True)
    stages: list[tuple[str, int, int]] = []
    result = start(settings, told.append, lambda *stage: stages.append(stage))
    for label in ("drawing synthetic wafers", "encoding the train part", "encoding the val part"):
        assert [done for one, done, _ in stages if one == label][-1] > 0
    batches = [(done, total) for label, done, total in stages if label == "epoch 2/2"]
    assert batches == [(done, len(batches) - 1) for done in range(len(batches))]
    assert any(line.startswith("warning: the val part holds fewer than 20") for line in told)
    assert next(line for line in told if line.startswith("epoch")).startswith("epoch 2/2")
    one, two = (Run.open(folder / name) for name in ("whole", "resumed"))
    histories = [run.read_json("history.json") for run in (one, two)]
    assert [entry["epoch"] for entry in histories[1]] == [1, 2]
    for before, after in zip(*histories, strict=True):
        for key in before.keys() - {"seconds"}:
            assert after[key] == pytest.approx(before[key], rel=1e-3), key
    for a, b in zip(one.load_model().weights, two.load_model().weights, strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), abs=1e-3), a.path
    assert result.epochs == 2


def test_a_run_from_a_network_keeps_where_it_came_from_and_is_resumed_without_it(
    folder: Path, wafers: LabelledSet, shipped: ModelFile
) -> None:
    from train.run import Run
    from train.session import Settings, start
    from train.start import read

    few = wafers.select(np.flatnonzero(wafers.labels != "Donut"))
    names = PatternSet(tuple(name for name in PATTERNS if name != "Donut"), none="none")
    replace(few, patterns=names).save(folder / "few.npz")
    other = folder / "other.tflite"
    other.write_bytes(changed(shipped, put("name", value="other")))
    told: list[str] = []

    def interrupt(text: str) -> None:
        told.append(text)
        if text.startswith("recipe "):
            raise Stop

    settings = Settings(folder / "few.npz", None, folder / "own", epochs=1, start="wm811k")
    with pytest.raises(Stop):
        start(settings, interrupt)
    assert told[-1].startswith("recipe fine-tune")
    again = replace(settings, resume=True)
    with pytest.raises(UsageError, match=r"say with --from what it starts from: wm811k@"):
        start(replace(again, start=None), lambda _: None)
    with pytest.raises(UsageError, match=r"was started from wm811k@\w+; resume without --from"):
        start(replace(again, start=str(other)), lambda _: None)
    start(again, lambda _: None)
    run = Run.open(folder / "own")
    origin = run.config["from"]
    assert (origin["name"], origin["sha256"]) == (shipped.name, shipped.sha256)
    assert tuple(origin["notice"]) == shipped.metadata.notice
    second = read(str(run.path))  # it can be started from in its turn
    assert second.labels == names.names
    assert second.origin.notice == shipped.metadata.notice
    assert second.origin.sketches == (run.config["sketch"], shipped.metadata.training.sketch)


def test_stops_when_nothing_gets_better_and_keeps_the_best(
    folder: Path, wafers: LabelledSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.dataset.split import ensure_parts
    from edge.evaluation import metrics
    from train import trainer
    from train.recipe import load
    from train.run import Run

    recipe = load(str(folder / "tiny.toml"))
    optimise = structs.replace(recipe.optimise, epochs=9, patience=2)
    recipe = structs.replace(recipe, optimise=optimise)
    told: list[int] = []
    kept: list[list[np.ndarray]] = []
    right = iter([5, 6, 4, 3, 6])  # after each epoch, and of the model that was kept

    def score(*_: object) -> metrics.Scores:
        confusion = np.full((9, 9), 1) + np.diag(np.full(9, 10 * next(right)))
        return metrics.score(confusion.astype(np.int64), PATTERNS)

    def save(run: Run, model: object) -> None:
        kept.append([np.asarray(weight) for weight in model.weights])  # type: ignore[attr-defined]
        whole(run, model)

    whole = Run.save_model
    monkeypatch.setattr(trainer, "_score", score)
    monkeypatch.setattr(Run, "save_model", save)
    run = Run.create(folder / "stopped", {})
    divided = ensure_parts(wafers, lambda _: None)
    result = trainer.train(divided, recipe, run, progress=lambda e, _: told.append(int(e["epoch"])))
    assert told == [1, 2, 3, 4]
    assert (result.best_epoch, result.epochs) == (2, 4)
    for a, b in zip(run.load_model().weights, kept[1], strict=True):
        assert np.array_equal(np.asarray(a), b)
    assert len(kept) == 2


def test_finished_run_holds_what_it_should_and_is_not_started_again(folder: Path) -> None:
    from train.session import Settings, start

    whole = folder / "whole"
    assert sorted(entry.name for entry in whole.iterdir()) == [
        "config.json",
        "confusion.png",
        "curves.png",
        "history.json",
        "metrics.json",
        "model.keras",
    ]
    config = json.loads((whole / "config.json").read_text())
    assert config["split_by_lot"]
    assert sum(config["parts"].values()) == 9 * 22
    metrics = json.loads((whole / "metrics.json").read_text())
    assert (metrics["part"], metrics["confusion"]["labels"]) == ("val", list(PATTERNS))
    recipe, data = str(folder / "tiny.toml"), folder / "wafers.npz"
    with pytest.raises(UsageError, match="finished; nothing to resume"):
        start(Settings(data, recipe, whole, resume=True), lambda _: None)
    with pytest.raises(UsageError, match="holds a run already"):
        start(Settings(data, recipe, whole), lambda _: None)
