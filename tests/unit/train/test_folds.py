"""A cross-validation from end to end: resumed, and without a look at the test part."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.dataset import out_of_fold
from edge.dataset.folds import fold_path
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.split import split
from edge.errors import DataError, UsageError
from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from train import session
from train.cli.train import command
from train.folds import cross_validate
from train.run import Run
from train.session import Settings
from train.suspects import NAME as SUSPECTS
from train.synth.sets import synthetic_set

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

RECIPE = """
[network]
name = "seed-final"
[optimise]
epochs = 1
batch = 32
average = 0.5
"""


class Stop(BaseException):
    """Stands for Ctrl-C or a power cut."""


@pytest.fixture(scope="module")
def wafers() -> LabelledSet:
    made = synthetic_set(dict.fromkeys(PATTERNS, 9), [round_grid(15, 15)], seed=5)
    return split(made.with_columns(lot=np.arange(len(made), dtype=np.int32) % 27))[0]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, wafers: LabelledSet) -> Settings:
    folder = tmp_path_factory.mktemp("folds")
    wafers.save(folder / "wafers.npz")
    (folder / "tiny.toml").write_text(RECIPE)
    return Settings(folder / "wafers.npz", str(folder / "tiny.toml"), folder / "f")


@pytest.fixture(scope="module")
def trained(settings: Settings, wafers: LabelledSet) -> list[LabelledSet]:
    """Every set that a network was trained on: before the kill, after it, and at a third start.

    After the kill the test part holds other wafers.
    """
    given: list[LabelledSet] = []
    whole: Callable[..., object] = session.trained

    def seen(labelled: LabelledSet, *rest: object) -> object:
        given.append(labelled)
        return whole(labelled, *rest)

    def interrupt(text: str) -> None:
        if text.startswith("fold 2 of 2: recipe"):
            raise Stop

    parts = wafers.columns["part"]
    other = wafers.dies.copy()
    for place in np.flatnonzero(parts == "test"):
        other[wafers.offsets[place] : wafers.offsets[place + 1]] = 1
    changed = settings.data.with_name("changed.npz")
    replace(wafers, dies=other).save(changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "trained", seen)
        with pytest.raises(Stop):
            cross_validate(settings, 2, interrupt)
        first = (fold_path(settings.out, 1) / "model.keras").read_bytes()
        again = replace(settings, resume=True, data=changed, recipe=None)
        cross_validate(again, 2, lambda _: None)
        assert (fold_path(settings.out, 1) / "model.keras").read_bytes() == first
    return given


def test_a_finished_fold_is_left_and_the_test_part_is_not_looked_at(
    trained: list[LabelledSet], wafers: LabelledSet, settings: Settings
) -> None:
    test = wafers.part("test").fingerprints()
    assert len(trained) == 3  # fold 1, fold 2 until it was interrupted, fold 2
    for given in trained:
        assert not np.isin(given.fingerprints(), test).any()
        assert "test" not in given.columns["part"]
    found = out_of_fold.load(settings.out)
    assert np.array_equal(np.sort(found.row), np.flatnonzero(wafers.columns["part"] != "test"))
    assert np.array_equal(found.fingerprint, wafers.fingerprints()[found.row])


def test_each_wafer_is_judged_by_the_network_that_did_not_see_its_lot(
    trained: list[LabelledSet], wafers: LabelledSet, settings: Settings
) -> None:
    from edge.dataset.encoded_set import encoded
    from train.trainer import logits_of

    found = out_of_fold.load(settings.out)
    lots = wafers.columns["lot"][found.row]
    assert not set(lots[found.fold == 1].tolist()) & set(lots[found.fold == 2].tolist())
    for number, given in ((1, trained[0]), (2, trained[2])):
        held = given.part("val")
        mine = found.fold == number
        assert np.array_equal(held.fingerprints(), found.fingerprint[mine])
        network = Run(fold_path(settings.out, number)).load_model()
        logits = logits_of(network, encoded(held), lambda *_: None)
        assert found.logits[mine] == pytest.approx(logits, abs=1e-5)
    assert (settings.out / SUSPECTS).read_text().startswith("lot,wafer,row,fold,label,")


def test_the_command_shows_figures_and_suspects_of_finished_folds(
    trained: list[LabelledSet], settings: Settings
) -> None:
    arguments = [str(settings.data), "--folds", "2", "--out", str(settings.out), "--resume"]
    shown = CliRunner().invoke(command, arguments)
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    found = out_of_fold.load(settings.out)
    right = (found.logits.argmax(axis=1) == found.classes).mean()
    [means] = [line for line in lines if line.startswith("each wafer by the network that did not")]
    assert means.endswith(f"accuracy {100 * right:.2f} %")
    count = len((settings.out / SUSPECTS).read_text().splitlines()) - 1
    assert f"{count:,} wafers are likely mislabelled: {settings.out / SUSPECTS}" in lines
    assert len(trained) == 3  # nothing was trained again


def test_what_does_not_go_with_the_folder_is_refused_before_any_work(
    trained: list[LabelledSet], settings: Settings, wafers: LabelledSet, tmp_path: Path
) -> None:
    again = replace(settings, resume=True, recipe=None)
    fewer = tmp_path / "fewer.npz"
    wafers.select(np.arange(len(wafers) - 9)).save(fewer)
    for asked, count, words in (
        (settings, 2, "holds folds already; --resume goes on"),
        (again, 3, "was started with --folds 2; resume it so"),
        (replace(again, seed=4), 2, "was started with recipe tiny, seed 0, 1 epochs"),
        (replace(again, out=tmp_path), 2, r"no folder of folds \(no folds.json\) to resume"),
        (replace(settings, out=fold_path(settings.out, 1)), 2, "holds a run already"),
        (replace(again, data=fewer), 2, "was started on other wafers of train and val part"),
    ):
        with pytest.raises((UsageError, DataError), match=words):
            cross_validate(asked, count, lambda _: None)


def test_a_run_is_taught_by_folds_and_resumed_with_them(
    trained: list[LabelledSet], settings: Settings, tmp_path: Path
) -> None:
    recipe = tmp_path / "taught.toml"
    recipe.write_text(f"{RECIPE}[suspects]\nweight = 0.5\n")
    told: list[str] = []

    def interrupt(text: str) -> None:
        told.append(text)
        if text.startswith("recipe "):
            raise Stop

    asked = replace(
        settings,
        recipe=str(recipe),
        out=tmp_path / "run",
        teacher=settings.out,
        from_folds=settings.out,
    )
    with pytest.raises(Stop):
        session.start(asked, interrupt)
    with pytest.raises(UsageError, match="was started with --teacher f; resume it so"):
        session.start(replace(asked, resume=True, teacher=None), interrupt)
    session.start(replace(asked, resume=True), told.append)
    assert any(line.startswith("targets: 70 % what 2 networks said") for line in told)
    config = Run.open(tmp_path / "run").config
    sha256 = out_of_fold.load(settings.out).sha256
    assert config["teacher"] == {"name": "f", "sha256": sha256, "networks": 2}
    assert config["suspects"]["sha256"] == sha256


def test_each_fold_is_taught_by_the_network_of_the_same_fold(
    trained: list[LabelledSet], settings: Settings, wafers: LabelledSet, tmp_path: Path
) -> None:
    """It saw the fold's wafers as little as its pupil; whatever saw them teaches nobody."""
    told: list[str] = []
    asked = replace(settings, out=tmp_path / "pupils", teacher=settings.out)
    cross_validate(asked, 2, told.append)
    for number in (1, 2):
        taught = Run.open(fold_path(asked.out, number)).config["teacher"]
        model = fold_path(settings.out, number) / "model.keras"
        sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        assert taught == {"name": f"fold-{number}", "sha256": sha256, "networks": 1}
    assert any(" says of each wafer as it is shown, 30 % its label" in line for line in told)
    for other in (None, asked.out):
        with pytest.raises(UsageError, match="other folds as --teacher, or with or without"):
            cross_validate(replace(asked, resume=True, recipe=None, teacher=other), 2, told.append)
    one, others = fold_path(settings.out, 1), tmp_path / "others.npz"
    wafers.select(np.arange(len(wafers) - 9)).save(others)
    for wrong, count, words in (
        (replace(asked, teacher=one, out=tmp_path / "a"), 2, "has seen the wafers of each fold"),
        (replace(asked, out=tmp_path / "b"), 3, "holds 2 folds; give --folds 2"),
        (replace(asked, teacher=tmp_path, out=tmp_path / "c"), 2, "no folder of finished folds"),
        (replace(asked, data=others, out=tmp_path / "e"), 2, "so it may know those that judge"),
    ):
        with pytest.raises((UsageError, DataError), match=words):
            cross_validate(wrong, count, lambda _: None)
        assert not wrong.out.exists()
    with pytest.raises(DataError, match="so it may know those that judge"):
        session.start(replace(settings, out=tmp_path / "d", teacher=one), told.append)
    assert not (tmp_path / "d").exists()
