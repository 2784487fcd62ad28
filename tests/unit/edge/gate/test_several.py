"""The gate of model files that name several patterns a wafer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.classification.classifier import Classifier
from edge.cli.evaluate import command
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, GateError
from edge.evaluation.evaluate_several import SeveralEvaluation, evaluate_several
from edge.evaluation.several import score
from edge.gate import baseline, several
from edge.model.model_file import ModelFile
from tests.support.model_files import with_metadata
from tests.unit.edge.classification.test_several import several as named_for_itself


@pytest.fixture(scope="module")
def model(shipped: ModelFile) -> ModelFile:
    return with_metadata(shipped, named_for_itself())


@pytest.fixture(scope="module")
def found(model: ModelFile, generated: LabelledSet) -> SeveralEvaluation:
    thrice = generated.select(np.tile(np.arange(len(generated)), 3))
    return evaluate_several(thrice, Classifier(model))


def worse(found: SeveralEvaluation, pattern: str, *, falsely: bool) -> SeveralEvaluation:
    """The same where a pattern is never named, or always."""
    place = found.scores.labels.index(pattern)
    shares = found.probabilities.copy()
    shares[:, place] = float(falsely)
    scores = score(found.true, shares >= 0.5, found.scores.labels)
    return replace(found, probabilities=shares, scores=scores)


def failed(now: SeveralEvaluation, before: several.SeveralBaseline) -> set[str]:
    several.require_same(before, now)
    return {check.name for check in several.judge(now, before, 1.0) if check.failed}


def test_what_is_worse_is_named(found: SeveralEvaluation) -> None:
    before = several.baseline_of(found)
    assert failed(found, before) == set()
    assert "class-Center" in failed(worse(found, "Center", falsely=False), before)
    alarmed = failed(worse(found, "Donut", falsely=True), before)
    assert {"class-Donut", "mean"} <= alarmed
    better = several.baseline_of(worse(found, "Donut", falsely=True))
    assert failed(found, better) == set()


def test_verbs_write_and_hold_against(
    model: ModelFile, generated: LabelledSet, tmp_path: Path
) -> None:
    path, data, good = tmp_path / "m.tflite", tmp_path / "set.npz", tmp_path / "good.json"
    path.write_bytes(model.content)
    generated.save(data)

    def run(*options: object) -> BaseException | None:
        arguments = [data, "--model", path, *options]
        return CliRunner().invoke(command, list(map(str, arguments))).exception

    assert run("--write-baseline", good) is None
    assert run("--baseline", good, "--junit", tmp_path / "report.xml") is None
    assert "class-Donut" in (tmp_path / "report.xml").read_text()
    assert run("--baseline", path) is None
    other = run("--baseline", "wm811k")
    assert isinstance(other, DataError)
    assert "compare files of one kind" in str(other)
    content = json.loads(good.read_text())
    good.write_text(json.dumps({**content, "named": ["Donut+none" for _ in content["named"]]}))
    assert "beside a pattern" in str(run("--baseline", good))
    with pytest.raises(DataError, match="several patterns a wafer, this names one"):
        baseline.read(good)


def test_a_network_that_lost_a_pattern_is_red(
    model: ModelFile, generated: LabelledSet, tmp_path: Path
) -> None:
    data, good, path = tmp_path / "set.npz", tmp_path / "good.json", tmp_path / "m.tflite"
    generated.save(data)
    path.write_bytes(model.content)
    arguments = [str(data), "--model", str(path)]
    written = CliRunner().invoke(command, [*arguments, "--write-baseline", str(good)])
    assert written.exit_code == 0, written.output
    lame = with_metadata(model, lambda metadata: metadata["outputs"].update(bias=[-900.0] * 9))
    path.write_bytes(lame.content)
    found = CliRunner().invoke(command, [*arguments, "--baseline", str(good)])
    assert isinstance(found.exception, GateError)
    assert "dead-classes" in str(found.exception)


def test_of_other_wafers(found: SeveralEvaluation) -> None:
    before = several.baseline_of(found)
    with pytest.raises(DataError, match="other wafers"):
        several.require_same(before, replace(found, data_sha256="0"))
    with pytest.raises(DataError, match="average-symmetries"):
        several.require_same(before, replace(found, symmetries=8))
    assert np.array_equal(found.named, found.probabilities >= 0.5)
