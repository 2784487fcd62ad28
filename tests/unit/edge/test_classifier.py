"""From a wafer map to a verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import encoding
from edge.classifier import Classifier, Reason, Verdict
from edge.dataset import LabelledSet
from edge.model import ModelFile
from edge.patterns import PATTERNS
from edge.runtime import Kernels
from edge.wafermap import WaferMap
from tests.support.model_files import put, with_metadata


@pytest.fixture(scope="module")
def wafers(generated: LabelledSet) -> list[WaferMap]:
    """Two wafers of each pattern."""
    return [generated.wafer_map(index, "a.npz") for index in range(0, len(generated), 3)]


def thresholds(model: ModelFile, below: float, min_dies: int) -> ModelFile:
    review = {"below": dict.fromkeys(PATTERNS, below), "min_dies": min_dies}
    return with_metadata(model, put("review", value=review))


def test_probabilities_are_a_distribution(classifier: Classifier, wafers: list[WaferMap]) -> None:
    for wafer_map in wafers:
        found = classifier.classify(wafer_map)
        assert tuple(found.probabilities) == classifier.model.labels
        assert math.fsum(found.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert min(found.probabilities.values()) > 0
        assert found.probability == max(found.probabilities.values())


@settings(max_examples=50, derandomize=True)
@given(st.lists(st.integers(-128, 127), min_size=9, max_size=9))
def test_softmax_table_equals_a_float_softmax(classifier: Classifier, logits: list[int]) -> None:
    model = classifier.model
    scaled = np.asarray(logits) * model.metadata["output"]["scale"] / model.temperature
    powers = np.exp(scaled - scaled.max())
    assert classifier._softmax(logits) == pytest.approx((powers / powers.sum()).tolist(), rel=1e-9)


def test_temperature_softens(shipped: ModelFile, wafers: list[WaferMap]) -> None:
    warm = with_metadata(shipped, put("temperature", value=3 * shipped.temperature))
    for wafer_map in wafers[:4]:
        one, two = (Classifier(model).classify(wafer_map) for model in (shipped, warm))
        assert one.pattern == two.pattern
        assert one.probability >= two.probability


def test_few_dies_go_to_a_person_before_anything_else(
    shipped: ModelFile, wafers: list[WaferMap]
) -> None:
    dies = wafers[0].die_count
    for below, min_dies, verdict, reason in (
        (0.0, dies, Verdict.ACCEPT, None),
        (0.0, dies + 1, Verdict.REVIEW, Reason.FEW_DIES),
        (1.0, dies, Verdict.REVIEW, Reason.LOW_CONFIDENCE),
        (1.0, dies + 1, Verdict.REVIEW, Reason.FEW_DIES),
    ):
        found = Classifier(thresholds(shipped, below, min_dies)).classify(wafers[0])
        assert (found.verdict, found.reason) == (verdict, reason)


def test_confidence_is_judged_by_the_threshold_of_the_pattern_found(
    shipped: ModelFile, wafers: list[WaferMap]
) -> None:
    pattern = Classifier(shipped).classify(wafers[0]).pattern
    for name in PATTERNS:
        model = thresholds(shipped, 0.0, 0)
        model.metadata["review"]["below"][name] = 1.0
        found = Classifier(model).classify(wafers[0])
        assert (found.verdict is Verdict.REVIEW) == (name == pattern)


def test_average_symmetries_is_the_mean_of_the_eight_views(
    shipped: ModelFile, classifier: Classifier, wafers: list[WaferMap]
) -> None:
    averaging = Classifier(shipped, average_symmetries=True)
    for wafer_map in wafers[:5]:
        dies = wafer_map.dies[np.newaxis]
        views = [
            classifier.classify(WaferMap(np.ascontiguousarray(encoding.symmetry(dies, which)[0])))
            for which in range(encoding.SYMMETRIES)
        ]
        found = averaging.classify(wafer_map)
        for name in PATTERNS:
            mean = np.mean([view.probabilities[name] for view in views])
            assert found.probabilities[name] == pytest.approx(mean, abs=1e-12)
        assert found.symmetries == 8


def test_reference_kernels_come_close_to_the_fast_ones(
    shipped: ModelFile, classifier: Classifier, generated: LabelledSet
) -> None:
    """They round differently inside; a few steps of the int8 output are all it may make."""
    reference = Classifier(shipped, kernels=Kernels.REFERENCE)
    for index in range(0, len(generated), 9):
        encoded = encoding.encode(generated.grid(index))
        found = np.subtract(reference.logits(encoded), classifier.logits(encoded))
        assert np.abs(found).max() <= 4


def test_labels_in_another_order_name_other_outputs(
    shipped: ModelFile, classifier: Classifier, wafers: list[WaferMap]
) -> None:
    """The file's own order of labels counts, not this package's."""
    turned = with_metadata(shipped, put("labels", value=list(reversed(shipped.labels))))
    names = dict(zip(shipped.labels, turned.labels, strict=True))
    for wafer_map in wafers[:3]:
        assert (
            Classifier(turned).classify(wafer_map).pattern
            == names[classifier.classify(wafer_map).pattern]
        )


def test_record(classifier: Classifier, wafers: list[WaferMap]) -> None:
    found = classifier.classify(wafers[3])
    record = found.as_record()
    assert record["source"] == "a.npz"
    assert (record["index"], record["lot"], record["wafer"]) == (9, "109", "1")
    assert record["dies"] == wafers[3].die_count
    assert record["fails"] == wafers[3].fail_count
    assert record["model"] == classifier.model.name
    assert record["verdict"] in ("accept", "review")
    ranked = sorted(found.probabilities.values(), reverse=True)
    top = found.as_record(top_k=3)["probabilities"]
    assert list(top.values()) == pytest.approx(ranked[:3], abs=1e-6)
    assert len(record["probabilities"]) == 9


def test_classifying_twice_gives_the_same(classifier: Classifier, wafers: list[WaferMap]) -> None:
    first, again = classifier.classify(wafers[0]), classifier.classify(wafers[0])
    assert first.probabilities == again.probabilities


def test_a_map_without_dies_is_a_programming_error(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="without dies"):
        classifier.classify(WaferMap(np.zeros((3, 3), np.uint8)))


def test_it_does_not_matter_how_a_wafer_was_loaded(
    shipped: ModelFile, generated: LabelledSet
) -> None:
    """The kernels of the model that ships are tied: all eight views give the same bytes."""
    classifier = Classifier(shipped)
    for index in range(0, len(generated), 5):
        encoded = encoding.encode(generated.grid(index))
        views = [
            encoding.symmetry(encoded[np.newaxis], which)[0] for which in range(encoding.SYMMETRIES)
        ]
        answers = [classifier.logits(np.ascontiguousarray(view)) for view in views]
        assert all(answer == answers[0] for answer in answers)
