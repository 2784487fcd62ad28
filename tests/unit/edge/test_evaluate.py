"""Measuring a model, and the gate against an earlier measurement."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge import encoding
from edge.classifier import Classifier
from edge.dataset import LabelledSet, build
from edge.errors import DataError, UsageError
from edge.evaluate import Evaluation, drops, evaluate, read_baseline
from edge.model import ModelFile
from edge.patterns import PATTERNS
from tests.support.model_files import put, with_metadata


@pytest.fixture(scope="module")
def result(generated: LabelledSet, classifier: Classifier) -> Evaluation:
    return evaluate(generated, classifier)


def test_figures_rest_on_the_classifiers_own_answers(
    result: Evaluation, generated: LabelledSet, classifier: Classifier
) -> None:
    patterns = [
        classifier.classify(generated.wafer_map(index)).pattern for index in range(len(generated))
    ]
    confusion = result.scores.confusion
    for row, true in enumerate(PATTERNS):
        given = [p for p, label in zip(patterns, generated.labels, strict=True) if label == true]
        assert confusion[row].tolist() == [given.count(name) for name in PATTERNS]
    assert result.wafers == len(generated) == confusion.sum()
    assert result.probabilities.sum(axis=1) == pytest.approx(1)


def test_model_with_labels_in_another_order_is_judged_by_its_own_names(
    result: Evaluation, shipped: ModelFile, generated: LabelledSet
) -> None:
    turned = with_metadata(shipped, put("labels", value=list(reversed(shipped.labels))))
    found = evaluate(generated, Classifier(turned)).probabilities
    assert np.array_equal(found, result.probabilities[:, ::-1])


def test_json_form_names_model_and_data(result: Evaluation, generated: LabelledSet) -> None:
    figures = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert figures["data_sha256"] == generated.sha256()
    assert figures["model"].endswith(figures["model_sha256"][:12])
    assert figures["wafers"] == len(generated)
    assert figures["symmetries"] == 1


def test_progress_counts_up(generated: LabelledSet, classifier: Classifier) -> None:
    seen: list[int] = []
    evaluate(generated.select(np.arange(4)), classifier, seen.append)
    assert seen == [1, 2, 3, 4]


def test_nothing_to_judge_and_a_map_without_dies(classifier: Classifier) -> None:
    with pytest.raises(DataError, match="no wafer to evaluate"):
        evaluate(build([], []), classifier)
    bad = build([np.ones((2, 2), np.uint8), np.zeros((2, 2), np.uint8)], ["Loc"] * 2)
    with pytest.raises(DataError, match=r"wafer 1: .* leave it out"):
        evaluate(bad, classifier)


def figures(**recalls: float | None) -> dict[str, Any]:
    per_class = {name: {"recall": recall} for name, recall in recalls.items()}
    return {"per_class": per_class, "data_sha256": "ab" * 32, "symmetries": 1}


def test_a_fall_within_the_limit_is_green_and_beyond_is_named() -> None:
    before = figures(Loc=0.90, Donut=0.80, none=1.0)
    assert drops(figures(Loc=0.90, Donut=0.80, none=1.0), before, 0.0) == []
    assert drops(figures(Loc=0.89, Donut=0.79, none=0.99), before, 1.0) == []
    assert drops(figures(Loc=0.8898, Donut=0.95, none=0.99), before, 1.0) == [("Loc", 0.90, 0.8898)]


def test_a_class_that_the_data_now_lacks_has_fallen_to_0() -> None:
    before = figures(Loc=0.9, Donut=0.8)
    assert drops(figures(Loc=0.9), before, 1.0) == [("Donut", 0.8, 0.0)]
    assert drops(figures(Loc=0.9, Donut=None), before, 1.0) == [("Donut", 0.8, 0.0)]


def test_a_class_that_only_the_baseline_lacks_cannot_be_judged() -> None:
    for before in (figures(Loc=0.9, Donut=None), figures(Loc=0.9)):
        with pytest.raises(DataError, match="no recall of Donut"):
            drops(figures(Loc=0.9, Donut=0.1), before, 1.0)
        assert drops(figures(Loc=0.9, Donut=None), before, 1.0) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_sha256": "cd" * 32}, "other wafers or another part"),
        ({"data_sha256": None}, "other wafers or another part"),
        ({"symmetries": 8}, "--average-symmetries"),
        ({"symmetries": None}, "--average-symmetries"),
    ],
)
def test_baseline_of_something_else_is_refused(change: dict[str, Any], words: str) -> None:
    now = figures(Loc=0.9)
    before = {key: value for key, value in {**now, **change}.items() if value is not None}
    with pytest.raises(DataError, match=words):
        drops(now, before, 1.0)


@pytest.mark.parametrize("max_drop", [math.nan, math.inf, -1.0])
def test_limit_that_is_no_number_is_refused(max_drop: float) -> None:
    with pytest.raises(UsageError, match="from 0 up"):
        drops(figures(Loc=0.1), figures(Loc=0.9), max_drop)


@pytest.mark.parametrize(
    "baseline",
    [
        {},
        {"per_class": None},
        {"per_class": ["Loc"]},
        {"per_class": {"Loc": 0.9}},
        {"per_class": {"Loc": {}}},
        {"per_class": {"Loc": {"recall": "high"}}},
        {"per_class": {}},  # would be green whatever the model does
        figures(Loc=None),
        figures(Loc=math.nan),
        figures(Loc=95.0),
        figures(Loc=True),
    ],
)
def test_malformed_baseline_is_refused(baseline: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="the baseline"):
        drops(figures(Loc=0.9), baseline, 1.0)


def test_evaluation_is_its_own_baseline(result: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(json.dumps(result.as_dict()))
    before = read_baseline(path)
    assert drops(result.as_dict(), before, 0.0) == []
    worse = deepcopy(result.as_dict())
    name = max(PATTERNS, key=lambda name: worse["per_class"][name]["recall"])
    worse["per_class"][name]["recall"] -= 0.02
    assert [fallen[0] for fallen in drops(worse, before, 1.0)] == [name]


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff\xfe"])
def test_unreadable_baseline_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "base.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"base\.json: "):
        read_baseline(path)


def test_averaging_is_recorded(generated: LabelledSet, shipped: ModelFile) -> None:
    few = generated.select(np.arange(2))
    found = evaluate(few, Classifier(shipped, average_symmetries=True))
    assert found.symmetries == encoding.SYMMETRIES
