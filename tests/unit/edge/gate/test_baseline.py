"""Figures kept to compare later ones with: written, read, refused where they mean nothing."""

from __future__ import annotations

import dataclasses
import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.gate import baseline
from tests.support.evaluations import as_baseline, evaluation

BEFORE = Path(__file__).parents[3] / "data" / "before" / "baseline.json"


@pytest.fixture
def result() -> Evaluation:
    return evaluation({"Loc": (18, 20), "Donut": (5, 5), "none": (29, 30)}, reviewed=4)


def test_what_was_written_is_read(result: Evaluation, tmp_path: Path) -> None:
    found = as_baseline(result, tmp_path)
    assert found.recalls == {"Loc": (0.9, 20), "Donut": (1.0, 5), "none": (29 / 30, 30)}
    assert np.array_equal(found.predicted, result.predicted)
    assert found.reviewed is not None
    assert found.reviewed.tolist() == [True] * 4 + [False] * 51
    assert found.calibration_error == pytest.approx(result.calibration_error)
    found.require_same(result)


def test_answers_cost_two_characters_a_wafer(result: Evaluation) -> None:
    written = baseline.as_dict(result)
    assert len(written["predicted"]) == len(written["reviewed"]) == result.wafers


def test_plain_figures_of_an_earlier_version_are_read(result: Evaluation, tmp_path: Path) -> None:
    old = {"per_class": {"Loc": {"recall": 0.5, "n": 4}}, "data_sha256": "ab", "symmetries": 1}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old))
    found = baseline.read(path)
    assert found.recalls == {"Loc": (0.5, 4)}
    assert found.predicted is None
    assert found.calibration_error is None
    assert as_baseline(result, tmp_path, answers=False).predicted is None


def test_baseline_written_before_it_was_a_struct_is_read(
    generated: LabelledSet, first: Classifier
) -> None:
    now = evaluate(generated, first)
    before = baseline.read(BEFORE)
    before.require_same(now)
    assert np.array_equal(before.predicted, now.predicted)
    assert before.review.by_reason == now.review()["by_reason"]
    assert before.calibration_error == pytest.approx(now.calibration_error)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_sha256": "cd" * 32}, "other wafers or another part"),
        ({"symmetries": 8}, "--average-symmetries"),
    ],
)
def test_measured_on_something_else_is_refused(
    result: Evaluation, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    before = as_baseline(dataclasses.replace(result, **change), tmp_path)
    with pytest.raises(DataError, match=words):
        before.require_same(result)


def test_class_that_the_baseline_lacks_cannot_be_judged(result: Evaluation, tmp_path: Path) -> None:
    before = as_baseline(evaluation({"Loc": (18, 20), "none": (29, 30)}), tmp_path)
    with pytest.raises(DataError, match="no recall of Donut"):
        before.require_same(result)


def test_answers_to_another_number_of_wafers_are_refused(
    result: Evaluation, tmp_path: Path
) -> None:
    before = as_baseline(evaluation({"Loc": (18, 20), "Donut": (5, 5), "none": (1, 1)}), tmp_path)
    with pytest.raises(DataError, match="other numbers of wafers"):
        before.require_same(result)
    right = as_baseline(result, tmp_path)
    assert right.predicted is not None
    fewer = {"answers": right.answers[:-1], "verdicts": right.verdicts[:-1]}
    with pytest.raises(DataError, match="54 answers to 55 wafers"):
        msgspec.structs.replace(right, **fewer).require_same(result)
    turned = msgspec.structs.replace(right, patterns=right.patterns[::-1])
    with pytest.raises(DataError, match="in another order"):
        turned.require_same(result)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"per_class": None}, "no output of"),
        ({"per_class": ["Loc"]}, "no output of"),
        ({"per_class": {"Loc": 0.9}}, "malformed"),
        ({"per_class": {"Loc": {}}}, "malformed"),
        ({"per_class": {}}, "no per-class recall"),  # would be green whatever the model does
        ({"per_class": {"Loc": {"recall": None, "n": 0}}}, "no per-class recall"),
        ({"per_class": {"Loc": {"recall": "high", "n": 1}}}, r"per_class\.Loc\.recall is 'high'"),
        ({"per_class": {"Loc": {"recall": math.nan, "n": 1}}}, "Loc.recall is nan"),
        ({"per_class": {"Loc": {"recall": 95.0, "n": 1}}}, "Loc.recall is 95"),
        ({"per_class": {"Loc": {"recall": True, "n": 1}}}, "Loc.recall is True"),
        ({"per_class": {"Loc": {"recall": 0.5, "n": 0}}}, "Loc is no pattern, or of no wafers"),
        ({"per_class": {"Lok": {"recall": 0.5, "n": 2}}}, "Lok is no pattern"),
        ({"baseline": 2}, "layout 2"),
        ({"patterns": ["none", "Loc"]}, "Donut is no pattern"),
        ({"predicted": "9" * 55}, "a digit of a pattern each"),
        ({"predicted": "ä" * 55}, "malformed"),
        ({"predicted": 7}, "malformed"),
        ({"reviewed": "." * 54}, "reviewed does not fit"),
        ({"reviewed": "?" * 55}, "must be '.' or 'r' each"),
        ({"calibration_error": 7}, "calibration_error is 7"),
        ({"symmetries": "many"}, "malformed"),
    ],
)
def test_malformed_baseline_is_refused(
    result: Evaluation, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**deepcopy(baseline.as_dict(result)), **change}))
    with pytest.raises(DataError, match=words) as caught:
        baseline.read(path)
    assert "bad.json" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_unreadable_baseline_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "base.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"base\.json: "):
        baseline.read(path)
