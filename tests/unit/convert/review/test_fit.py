"""What is fitted beside a network, through the station's own code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import to_builtins

from convert import conversion_data
from convert.conversion_data import ConversionData
from convert.review.fit import MIN_DIES, dequantised, fit, neutral, raw_outputs
from edge.classification.classifier import Classifier
from edge.dataset.encoded_set import EncodedSet
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation.calibration import auroc
from edge.model.model_file import ModelFile
from edge.verdict.objective import ReviewObjective
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS, WM811K
from tests.support.model_files import put, with_metadata


@pytest.fixture(scope="module")
def prepared(generated: LabelledSet) -> ConversionData:
    parts = np.asarray(["train", "val", "test"])[generated.columns["lot"] % 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion_data, "MIXTURES", 60)
        return ConversionData.of(generated.with_columns(part=parts), encoding.SIZE, seed=0)


@pytest.fixture(scope="module")
def draft(shipped: ModelFile) -> ModelFile:
    size = shipped.metadata.embedding.size
    return with_metadata(shipped, put("review", value=to_builtins(neutral(WM811K, size))))


def test_neutral_rule_accepts_every_wafer(draft: ModelFile, generated: LabelledSet) -> None:
    classifier = Classifier(draft)
    assert all(
        classifier.classify(generated.wafer_map(index)).reason is None for index in range(0, 54, 9)
    )


def test_fitted_rule_keeps_the_shares_that_were_asked_for(
    draft: ModelFile, prepared: ConversionData
) -> None:
    goal = ReviewObjective(unfamiliar=0.2, mixed=0.3)
    temperature, review = fit(draft, prepared, goal, seed=0)
    model = with_metadata(draft, put("review", value=to_builtins(review)))
    assert review.min_dies == MIN_DIES
    assert review.objective == {"precision": goal.precision}
    assert review.unneeded is not any(review.below.values())
    looks = [Classifier(model).infer(planes) for planes in prepared.val.planes]
    for value, share, asked in (
        ("unfamiliarity", review.unfamiliar.above, goal.unfamiliar),
        ("mixture", review.mixed.above, goal.mixed),
    ):
        scores = np.asarray([getattr(look, value) for look in looks])
        assert asked - 0.1 <= (scores > share).mean() <= asked
    assert 0.25 <= temperature <= 4


def test_mixtures_that_were_learnt_are_told_from_single_patterns(
    draft: ModelFile, prepared: ConversionData
) -> None:
    _, review = fit(draft, prepared, ReviewObjective(), seed=0)
    classifier = Classifier(with_metadata(draft, put("review", value=to_builtins(review))))
    single, double = (
        np.asarray([classifier.infer(planes).mixture for planes in wafers])
        for wafers in (prepared.scattered, prepared.mixtures)
    )
    assert auroc(single, double) > 0.8


def test_class_means_are_near_their_own_wafers(draft: ModelFile, prepared: ConversionData) -> None:
    _, review = fit(draft, prepared, ReviewObjective(), seed=0)
    means = np.asarray(review.unfamiliar.means)
    _, embedding = dequantised(draft, *raw_outputs(Classifier(draft), prepared.train.planes))
    for index in range(len(PATTERNS)):
        mean = embedding[prepared.train.classes == index].mean(axis=0)
        assert means[index] == pytest.approx(mean, abs=6e-3)


def test_class_without_wafers_is_near_to_nothing(
    draft: ModelFile, prepared: ConversionData
) -> None:
    classes = prepared.train.classes
    lacking = replace(
        prepared,
        train=EncodedSet(prepared.train.planes[classes != 3], classes[classes != 3], WM811K),
    )
    _, review = fit(draft, lacking, ReviewObjective(), seed=0)
    assert min(review.unfamiliar.means[3]) > 1000
    assert review.unfamiliar.above < 1000


def test_without_pairs_to_learn_from_nothing_is_mixed(
    draft: ModelFile, prepared: ConversionData
) -> None:
    """The detector then says 0, and a limit rounded down to 0 would call every wafer mixed."""
    lacking = replace(prepared, mixtures=prepared.mixtures[:0], scattered=prepared.scattered[:0])
    _, review = fit(draft, lacking, ReviewObjective(), seed=0)
    classifier = Classifier(with_metadata(draft, put("review", value=to_builtins(review))))
    for planes in prepared.val.planes:
        assert classifier.infer(planes).mixture < review.mixed.above


def test_costs_set_the_thresholds(draft: ModelFile, prepared: ConversionData) -> None:
    _, review = fit(draft, prepared, ReviewObjective(escape=20, false_alarm=3, review=1), seed=0)
    assert review.below == dict.fromkeys(PATTERNS, 0.6667) | {"none": 0.95}
    assert review.objective == {"escape": 20, "false_alarm": 3, "review": 1}


def test_outputs_come_in_the_order_of_the_patterns(
    draft: ModelFile, prepared: ConversionData
) -> None:
    """Whatever the order of the file's labels, and as numbers rather than int8 steps."""
    turned = with_metadata(draft, put("labels", value=list(reversed(draft.labels))))
    planes = prepared.val.planes[:3]
    (logits, embedding), (other, _) = (
        dequantised(model, *raw_outputs(Classifier(model), planes)) for model in (draft, turned)
    )
    assert np.array_equal(logits, other[:, ::-1])
    raw, steps = Classifier(draft).outputs(planes[0])
    logit, coordinate = draft.metadata.output, draft.metadata.embedding
    assert logits[0] == pytest.approx([logit.scale * (value - logit.zero_point) for value in raw])
    assert embedding[0] == pytest.approx(coordinate.scale * (steps - float(coordinate.zero_point)))
