"""Measuring a model: its figures, what went to a person, and what a reader must be told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from convert.firmware.golden import few_fails
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.errors import DataError
from edge.evaluation.evaluate import Evaluation, as_station, data_warnings, evaluate
from edge.evaluation.metrics import softmax
from edge.evaluation.overlap import Overlap
from edge.model import training
from edge.model.model_file import ModelFile
from edge.verdict.rule import MIN_FAILS
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS, PatternSet
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


@pytest.mark.parametrize(
    ("called", "aliases"),
    [
        (dict(zip(PATTERNS, map(str.upper, PATTERNS), strict=True)), {}),
        ({"Loc": "spot", "none": "clean"}, {"LOCAL": "spot", "dots": "spot"}),
        ({"Edge-Loc": "edge_local", "Edge-Ring": " edge ring"}, {}),
    ],
)
def test_a_set_of_other_names_for_the_same_is_judged_alike(
    result: Evaluation,
    generated: LabelledSet,
    classifier: Classifier,
    called: dict[str, str],
    aliases: dict[str, str],
) -> None:
    names = [called.get(name, name) for name in PATTERNS]
    labels = [called.get(label, label) for label in generated.labels.tolist()]
    patterns = PatternSet(tuple(sorted(names)), names[-1], aliases)
    grids = [generated.grid(index) for index in range(len(generated))]
    found = evaluate(build(grids, labels, patterns), classifier)
    assert found.scores.labels == PATTERNS
    assert np.array_equal(found.scores.confusion, result.scores.confusion)


def test_wafers_of_few_fails_are_judged_as_the_station_does(
    classifier: Classifier, generated: LabelledSet
) -> None:
    clear = build([few_fails(fails) for fails in range(MIN_FAILS)], ["none"] * MIN_FAILS)
    result = evaluate(concatenate([clear, generated]), classifier)
    assert result.probabilities[:MIN_FAILS, PATTERNS.index("none")].tolist() == [1.0] * MIN_FAILS
    assert result.reasons[:MIN_FAILS] == (None,) * MIN_FAILS
    assert "few-fails" not in result.review()["by_reason"]


def test_a_float_network_is_held_to_the_same_rule() -> None:
    grids = [few_fails(MIN_FAILS - 1), few_fails(MIN_FAILS)]
    logits = np.eye(len(PATTERNS), dtype=np.float32)[[PATTERNS.index("Loc")] * 2]
    found = as_station(logits, build(grids, ["none", "Loc"]))
    assert softmax(found / 20)[0].tolist() == [0.0] * 8 + [1.0]
    assert np.array_equal(found[1], logits[1])


def test_json_form_names_model_and_data(result: Evaluation, generated: LabelledSet) -> None:
    figures = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert figures["data_sha256"] == generated.sha256()
    assert figures["model"].endswith(figures["model_sha256"][:12])
    assert figures["wafers"] == len(generated)
    assert figures["symmetries"] == 1
    assert figures["warnings"] == list(result.warnings)
    assert figures["review"] == result.review()
    assert 0 <= figures["calibration_error"] <= 1


def test_review_counts_what_the_classifier_decided(
    result: Evaluation, generated: LabelledSet, classifier: Classifier
) -> None:
    """The same wafers, one by one; every wrong verdict is either caught or accepted."""
    found = [classifier.classify(generated.wafer_map(index)) for index in range(len(generated))]
    assert result.reasons == tuple(one.reason for one in found)
    assert result.unfamiliarity.tolist() == [one.unfamiliarity for one in found]
    assert result.mixture.tolist() == [one.mixture for one in found]
    wrong = [one.pattern != label for one, label in zip(found, generated.labels, strict=True)]
    assert [PATTERNS[k] for k in result.true] == generated.labels.tolist()
    assert (result.predicted != result.true).tolist() == wrong
    review = result.review()
    looked_at = [one.reason is not None for one in found]
    assert review["wafers"] == sum(review["by_reason"].values()) == sum(looked_at)
    assert review["share"] == pytest.approx(sum(looked_at) / len(found))
    caught = sum(w and seen for w, seen in zip(wrong, looked_at, strict=True))
    assert (review["wrong"], review["wrong_caught"]) == (sum(wrong), caught)
    assert review["wrong_accepted"] == sum(wrong) - caught


def test_another_rule_changes_the_reasons_and_no_figure(
    result: Evaluation, shipped: ModelFile, generated: LabelledSet
) -> None:
    everything = shipped.review.with_overrides([dict.fromkeys(PATTERNS, 1.0)])
    few = generated.select(np.arange(0, len(generated), 6))
    found = evaluate(few, Classifier(shipped, review=everything))
    assert found.review()["wrong_accepted"] == 0
    assert found.review()["share"] == 1
    assert np.array_equal(found.probabilities, result.probabilities[::6])


def test_what_a_reader_must_know_is_said(generated: LabelledSet, shipped: ModelFile) -> None:
    """A class that is missing, few wafers, and wafers that trained the model."""
    some = generated.select(np.isin(generated.labels, ["Loc", "none"]))
    missing, few = data_warnings(some, Overlap(12, 12, 0))
    assert "no wafer of Center, Donut," in missing
    assert "fewer than 20 wafers of Loc (6), none (6)" in few
    trained = with_metadata(
        shipped, put("training", "sketch", value=training.build(some.fingerprints()))
    )
    assert "overlaps the training data" in evaluate(some, Classifier(trained)).warnings[-1]
    enough = concatenate([generated] * 4)
    assert list(data_warnings(enough, Overlap(12, 12, 0))) == []
    for unknown in (None, Overlap(12, 0, 0)):
        assert "is not known" in list(data_warnings(enough, unknown))[-1]


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


def test_averaging_is_recorded(generated: LabelledSet, shipped: ModelFile) -> None:
    few = generated.select(np.arange(2))
    found = evaluate(few, Classifier(shipped, average_symmetries=True))
    assert found.symmetries == encoding.SYMMETRIES
