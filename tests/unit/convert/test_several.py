"""A network that names several patterns a wafer, as a model file with its proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from convert.several.fit import fit_output, threshold
from convert.several.parity import SeveralParity, lost
from edge.classification.classifier import Classifier
from edge.classification.selftest import largest_difference
from edge.dataset.reading import load as load_set
from edge.errors import GateError, UsageError
from edge.evaluation.evaluate_several import evaluate_several
from edge.evaluation.metrics import sigmoid
from edge.evaluation.several import score
from edge.model.model_file import load
from edge.wafer.patterns import PatternSet, SetKind

NAMES = ("A", "B")


def test_two_numbers_make_probabilities_of_logits() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, 4000)
    true = rng.random(4000) < sigmoid(0.5 * logits - 1)
    scale, bias = fit_output(logits, true)
    assert scale == pytest.approx(0.5, abs=0.06)
    assert bias == pytest.approx(-1, abs=0.15)
    # A pattern that nobody saw stays where it was, within what its absence says.
    scale, bias = fit_output(logits, np.zeros(4000, bool))
    assert -6 <= bias < 0


def test_a_threshold_keeps_its_promise_of_yes_and_of_what_escapes() -> None:
    rng = np.random.default_rng(1)
    share = rng.random(3000)
    true = rng.random(3000) < share
    found = threshold(share, true, 0.9)
    assert 0.5 < found < 1
    accepted, named = np.maximum(share, 1 - share) >= found, share >= 0.5
    assert true[accepted & named].mean() >= 0.9
    assert named[accepted & true].mean() >= 0.9
    assert threshold(share, true, 0.6) <= found
    assert threshold(np.full(50, 0.9), np.zeros(50, bool), 0.9) == 1.0


def test_parity_counts_what_is_lost_and_what_is_named_falsely() -> None:
    true = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (100, 1)).astype(bool)
    missing, falsely = true.copy(), true.copy()
    missing[::4, 0] = False
    falsely[::4, 1] = True
    before = score(true, true, NAMES)
    assert lost(before, before) == ()
    assert "A is found on 100 of 200 wafers fewer" in lost(before, score(true, missing, NAMES))
    told = lost(before, score(true, falsely, NAMES))
    assert "B is named on 100 more of 200 wafers without it" in told
    assert "exactly named are 100 of 400 wafers fewer" in told
    assert lost(score(true, missing, NAMES), before) == ()
    parity = SeveralParity(before, score(true, falsely, NAMES), 0.75, 0.9, 1.0, told)
    assert not parity.green
    assert parity.summary().startswith("# Parity: RED")
    assert json.loads(json.dumps(parity.as_dict()))["lost"] == list(told)


@pytest.fixture(scope="module")
def converted(several_run: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tensorflow")
    from convert.cli.convert import command

    out = tmp_path_factory.mktemp("converted") / "two.tflite"
    data, run = several_run
    done = CliRunner().invoke(command, [str(run), "--data", str(data), "--out", str(out)])
    assert done.exit_code == 0, (done.output[-2000:], done.exception)
    assert "# Parity: green" in done.output
    return out


def test_the_file_names_two_patterns_at_once(
    converted: Path, several_run: tuple[Path, Path]
) -> None:
    model = load(converted)
    assert model.patterns == PatternSet(("Center", "Edge-Ring"), kind=SetKind.SEVERAL)
    classifier = Classifier(model)
    assert largest_difference(classifier) == 0
    test = load_set(several_run[0]).part("test")
    found = evaluate_several(test, classifier)
    both = test.labels == "Center+Edge-Ring"
    assert found.named[both].all(axis=1).mean() > 0.5
    recorded = json.loads(converted.with_name("two.parity.json").read_text())
    assert recorded["green"]
    assert recorded["int8"]["exact"]["right"] == found.scores.exact.right
    assert recorded["model_sha256"] == model.sha256
    accuracy = model.metadata.accuracy
    assert accuracy is not None
    assert accuracy.int8.exact is not None
    assert accuracy.int8.exact.right == found.scores.exact.right
    assert len(model.metadata.review.unfamiliar.means) == 4  # none, each alone, both


def test_verbs_take_it_or_say_why_not(
    converted: Path, several_run: tuple[Path, Path], tmp_path: Path
) -> None:
    from convert.cli.convert import command as convert_command
    from convert.cli.report import command as report_command
    from edge.cli.classify import command as classify_command
    from edge.cli.info import command as info_command

    def said(verb: Any, *arguments: object) -> tuple[str, BaseException | None]:
        done = CliRunner().invoke(verb, list(map(str, arguments)))
        return done.output, done.exception

    data, run = several_run
    card, _ = said(info_command, converted)
    assert "several a wafer of Center, Edge-Ring" in card
    assert "exactly" in card
    records, table = tmp_path / "r.jsonl", tmp_path / "r.txt"
    for place, form in ((records, "jsonl"), (table, "table")):
        _, error = said(
            classify_command, data, "--model", converted, "--format", form, "--output", place
        )
        assert error is None
    assert all("patterns" in json.loads(line) for line in records.read_text().splitlines())
    assert "Center+Edge-Ring" in table.read_text()
    for option in ("--remedy", f"--folds={run}"):
        _, error = said(
            convert_command, run, "--data", data, "--out", tmp_path / "x.tflite", option
        )
        assert isinstance(error, UsageError)
        assert "those of this one show several" in str(error)
    _, error = said(report_command, converted, "--data", data, "--out", tmp_path / "r.html")
    assert isinstance(error, UsageError)
    assert "the report is for files that name one" in str(error)


def test_a_network_that_names_all_alike_is_red(
    several_run: tuple[Path, Path], tmp_path: Path
) -> None:
    keras = pytest.importorskip("keras")
    from convert.metadata import Source
    from convert.several.session import convert_several

    data, run = several_run
    broken = tmp_path / "run"
    broken.mkdir()
    for name in ("config.json", "metrics.json"):
        (broken / name).write_text((run / name).read_text())
    network = keras.models.load_model(run / "model.keras", compile=False)
    last = next(each for each in reversed(network.layers) if len(each.get_weights()) == 2)
    kernel, bias = last.get_weights()
    last.set_weights([kernel * 0.01, bias * 0 - 9])
    network.save(broken / "model.keras")
    source = Source(broken, "broken", "drawn", [])
    with pytest.raises(GateError, match="every wafer is called none"):
        convert_several(source, load_set(data), tmp_path / "m.tflite")
    assert not (tmp_path / "m.tflite").exists()
    assert "RED" in (tmp_path / "m.parity.md").read_text()
