"""Training on wafers that show several patterns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.dataset.reading import load
from edge.errors import DataError, UsageError
from edge.evaluation.learned import unlearned
from edge.evaluation.several import score
from edge.wafer.patterns import PATTERNS as NINE
from tests.support import several
from train.batches import encode_all, make_sequence
from train.cli.train import command
from train.recipe import from_dict
from train.recipe import load as load_recipe
from train.run import Run
from train.session import Settings, start
from train.synth.sets import synthetic_set

keras = pytest.importorskip("keras")


def test_a_network_learns_to_name_two_at_once(several_run: tuple[Path, Path]) -> None:
    run = several_run[1]
    figures = json.loads((run / "metrics.json").read_text())
    assert figures["accuracy"] > 0.7
    assert figures["by_number"]["2"]["right"] >= 0.6 * figures["by_number"]["2"]["n"]
    assert (run / "recalls.png").exists()
    config = json.loads((run / "config.json").read_text())
    assert config["patterns"]["kind"] == config["recipe"]["patterns"] == "several"
    network = Run(run).load_model()
    assert network.output_shape == (None, 2)


def test_an_epoch_shows_targets_of_each_pattern_and_rare_combinations_more(
    several_run: tuple[Path, Path],
) -> None:
    labelled = load(several_run[0])
    pairs = np.flatnonzero(labelled.labels == "Center+Edge-Ring")
    rare = labelled.select(np.setdiff1d(np.arange(len(labelled)), pairs[4:]))
    recipe = from_dict({**load_recipe("several").as_dict(), "balance": {"power": 1.0}})
    sequence = make_sequence(encode_all(rare), recipe, 0)
    targets = np.concatenate([sequence[index][1] for index in range(len(sequence))])
    sure = recipe.optimise.label_smoothing / 2
    assert np.unique(targets) == pytest.approx([sure, 1 - sure])
    both = (targets[:, :2] > 0.5).all(axis=1)
    assert both.mean() > 0.1  # 4 of 184 wafers are so, of four combinations one


def test_recipe_and_set_must_be_of_one_kind(tmp_path: Path, several_run: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="take --recipe several"):
        start(Settings(several_run[0], "default", tmp_path / "a"), lambda _: None)
    single = synthetic_set(dict.fromkeys(NINE, 6), [several.round_grid(15, 15)], 0)
    lots = single.with_columns(lot=np.arange(len(single), dtype=np.int32))
    lots.save(tmp_path / "one.npz")
    with pytest.raises(UsageError, match="those of the set show one each"):
        start(Settings(tmp_path / "one.npz", "several", tmp_path / "b"), lambda _: None)
    assert not (tmp_path / "a").exists()
    for section in (
        {"balance": {"adjust": 0.5}},
        {"encoding": "seed"},
        {"suspects": {"weight": 0}},
    ):
        with pytest.raises(UsageError, match="of several leave it out"):
            from_dict({"name": "x", "patterns": "several", **section})


@pytest.mark.parametrize("option", [("--folds", "3"), ("--search", "search-seed")])
def test_what_takes_one_pattern_says_so(
    option: tuple[str, str], tmp_path: Path, several_run: tuple[Path, Path]
) -> None:
    pytest.importorskip("optuna")
    found = CliRunner().invoke(
        command, [str(several_run[0]), *option, "--out", str(tmp_path / "x")]
    )
    assert isinstance(found.exception, (UsageError, DataError))
    assert "those of this one show several" in str(found.exception)


def test_a_teacher_says_each_pattern_for_itself(
    tmp_path: Path, several_run: tuple[Path, Path]
) -> None:
    data, run = several_run
    recipe = tmp_path / "taught.toml"
    recipe.write_text(several.RECIPE.replace("epochs = 20", "epochs = 1"))
    taught = start(Settings(data, str(recipe), tmp_path / "t", teacher=run), lambda _: None)
    assert taught.epochs == 1


def test_figures_of_several_patterns() -> None:
    true = np.asarray([[1, 1], [1, 0], [0, 0], [0, 1]], bool)
    named = np.asarray([[1, 1], [1, 1], [0, 0], [0, 0]], bool)
    found = score(true, named, ("A", "B"))
    assert (found.accuracy, found.exact.right) == (0.5, 2)
    assert [(number, each.right) for number, each in found.by_number.items()] == [
        (0, 1),
        (1, 0),
        (2, 1),
    ]
    b = found.per_class["B"]
    assert (b.n, b.recall, b.false_alarms, b.false_alarm_rate, b.precision) == (2, 0.5, 1, 0.5, 0.5)
    alike = score(true, np.ones_like(true), ("A", "B"))
    assert alike.only_answer == "A+B"
    assert "every wafer is called A+B" in (unlearned(alike) or "")
