"""From a wafer map to a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.firmware.golden import few_fails
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.errors import InputError, UsageError
from edge.model.metadata import Meaning
from edge.model.model_file import ModelFile
from edge.model.runtime import Kernels
from edge.verdict.familiarity import Embedding
from edge.verdict.rule import MIN_FAILS, Reason, ReviewRule, Verdict
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import WaferMap
from tests.support.c_library import Recording
from tests.support.model_files import put, with_metadata


@pytest.fixture(scope="module")
def wafers(generated: LabelledSet) -> list[WaferMap]:
    """Two wafers of each pattern."""
    return [generated.wafer_map(index, "a.npz") for index in range(0, len(generated), 3)]


class Told(Classifier):
    """A classifier that is told what the network answers."""

    answer: tuple[list[int], Embedding]

    def outputs(self, encoded: encoding.Encoded) -> tuple[list[int], Embedding]:
        return self.answer


@pytest.fixture(scope="module")
def told(shipped: ModelFile) -> Told:
    return Told(shipped)


def open_gate(below: float = 0.0, min_dies: int = 0) -> ReviewRule:
    """A rule that asks for nothing but a probability and a number of dies."""
    return ReviewRule(dict.fromkeys(PATTERNS, below), math.inf, 1.0, min_dies)


def views_of(encoded: encoding.Encoded) -> list[encoding.Encoded]:
    """All eight flips and quarter turns of an encoded wafer."""
    return [
        encoding.symmetry(encoded[np.newaxis], which)[0] for which in range(encoding.SYMMETRIES)
    ]


def test_probabilities_are_a_distribution(classifier: Classifier, wafers: list[WaferMap]) -> None:
    for wafer_map in wafers:
        found = classifier.classify(wafer_map)
        assert tuple(found.probabilities) == classifier.model.labels
        assert math.fsum(found.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert min(found.probabilities.values()) > 0
        assert found.probability == max(found.probabilities.values())


@settings(max_examples=50, derandomize=True)
@given(st.lists(st.integers(-128, 127), min_size=9, max_size=9))
def test_softmax_table_equals_a_float_softmax(told: Told, logits: list[int]) -> None:
    model = told.model
    scaled = np.asarray(logits) * model.metadata.output.scale / model.temperature
    powers = np.exp(scaled - scaled.max())
    told.answer = logits, np.zeros(model.metadata.embedding.size, np.int8)
    found = told.infer(np.zeros((told.size, told.size, 2), np.uint8)).probabilities
    assert found == pytest.approx((powers / powers.sum()).tolist(), rel=1e-9)


def test_confidence_is_bayes_rule_with_the_patterns_as_common_as_they_are(
    classifier: Classifier, wafers: list[WaferMap]
) -> None:
    frequency = classifier.model.metadata.review.log_prior
    for wafer_map in wafers:
        found = classifier.classify(wafer_map)
        weighted = {k: p * np.exp(frequency[k]) for k, p in found.probabilities.items()}
        assert found.confidence == pytest.approx(weighted[found.pattern] / sum(weighted.values()))


def test_temperature_softens(shipped: ModelFile, wafers: list[WaferMap]) -> None:
    warm = with_metadata(shipped, put("temperature", value=3 * shipped.temperature))
    for wafer_map in wafers[:4]:
        one, two = (Classifier(model).classify(wafer_map) for model in (shipped, warm))
        assert one.pattern == two.pattern
        assert one.probability >= two.probability


def test_few_dies_go_to_a_person_before_anything_else(
    classifier: Classifier, wafers: list[WaferMap], monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = wafers[0].die_count
    for below, min_dies, verdict, reason in (
        (0.0, dies, Verdict.ACCEPT, None),
        (0.0, dies + 1, Verdict.REVIEW, Reason.FEW_DIES),
        (1.0, dies, Verdict.REVIEW, Reason.LOW_CONFIDENCE),
        (1.0, dies + 1, Verdict.REVIEW, Reason.FEW_DIES),
    ):
        monkeypatch.setattr(classifier, "review", open_gate(below, min_dies))
        found = classifier.classify(wafers[0])
        assert (found.verdict, found.reason) == (verdict, reason)


@pytest.mark.parametrize("fails", range(MIN_FAILS + 1))
@pytest.mark.parametrize("average", [False, True])
def test_too_few_fails_for_a_pattern_are_none_and_no_network_runs(
    shipped: ModelFile, fails: int, average: bool
) -> None:
    classifier = Recording(shipped, average_symmetries=average)
    found = classifier.classify(WaferMap(few_fails(fails)))
    assert hasattr(classifier, "last") == (fails == MIN_FAILS)
    if fails < MIN_FAILS:
        assert (found.pattern, found.verdict, found.reason) == (
            "none", Verdict.ACCEPT, Reason.FEW_FAILS,
        )  # fmt: skip
        assert found.probabilities == dict.fromkeys(PATTERNS, 0.0) | {"none": 1.0}
        assert (found.confidence, found.unfamiliarity, found.mixture) == (1.0, 0.0, 0.0)
        assert found.as_record()["reason"] == "few-fails"


def test_a_person_looks_at_few_fails_where_there_are_few_dies_or_at_every_none(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    wafer_map = WaferMap(few_fails(0))
    for rule, reason in (
        (open_gate(min_dies=wafer_map.die_count + 1), Reason.FEW_DIES),
        (open_gate().with_overrides([{"none": 1.0}]), Reason.LOW_CONFIDENCE),
    ):
        monkeypatch.setattr(classifier, "review", rule)
        found = classifier.classify(wafer_map)
        assert (found.pattern, found.verdict, found.reason) == ("none", Verdict.REVIEW, reason)


def test_a_rule_for_other_patterns_is_refused(shipped: ModelFile) -> None:
    whole = dict(shipped.review.below)
    for below, odd in (({"Loc": 0.9}, "Center, Donut"), (whole | {"Edge Ring": 0.9}, "Edge Ring")):
        with pytest.raises(UsageError, match=f"below needs each of Center, .* differs in {odd}"):
            Classifier(shipped, review=replace(shipped.review, below=below))


def test_a_model_that_knows_no_none_is_not_given_it(classifier: Classifier) -> None:
    model = classifier.model
    known = msgspec.structs.replace(model.metadata, meaning=Meaning())
    other = ModelFile(model.path, model.content, known)
    below = dict.fromkeys(model.labels, 0.0)
    asked = Classifier(other, review=ReviewRule(below, math.inf, 1.0, 0, other.patterns))
    assert asked.classify(WaferMap(few_fails(0))).reason is None


def test_confidence_is_judged_by_the_threshold_of_the_pattern_found(
    classifier: Classifier, wafers: list[WaferMap], monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = classifier.classify(wafers[0]).pattern
    for name in PATTERNS:
        monkeypatch.setattr(classifier, "review", open_gate().with_overrides([{name: 1.0}]))
        found = classifier.classify(wafers[0])
        assert (found.verdict is Verdict.REVIEW) == (name == pattern)


def test_rule_of_the_model_file_unless_another_is_given(shipped: ModelFile) -> None:
    section = shipped.metadata.review
    assert Classifier(shipped).review == ReviewRule(
        section.below, section.unfamiliar.above, section.mixed.above, section.min_dies
    )
    assert Classifier(shipped, review=open_gate(0.3)).review == open_gate(0.3)


def test_prediction_holds_what_the_embedding_says(
    classifier: Classifier, wafers: list[WaferMap], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And both limits are exclusive: a wafer on the limit is accepted."""
    for wafer_map in wafers[:3]:
        look = classifier.infer(encoding.encode(wafer_map.dies))
        limits = ReviewRule(open_gate().below, look.unfamiliarity, look.mixture, 0)
        monkeypatch.setattr(classifier, "review", limits)
        found = classifier.classify(wafer_map)
        assert (found.unfamiliarity, found.mixture) == (look.unfamiliarity, look.mixture)
        assert found.reason is None
        for tighter, reason in (
            (replace(limits, unfamiliar_above=look.unfamiliarity - 1e-3), Reason.UNFAMILIAR),
            (replace(limits, mixed_above=look.mixture - 1e-6), Reason.MIXED),
        ):
            monkeypatch.setattr(classifier, "review", tighter)
            assert classifier.classify(wafer_map).reason is reason


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
        for figure in ("unfamiliarity", "mixture"):
            mean = np.mean([getattr(view, figure) for view in views])
            assert getattr(found, figure) == pytest.approx(mean, abs=1e-9)
        assert found.symmetries == 8


def test_reference_kernels_come_close_to_the_fast_ones(
    shipped: ModelFile, classifier: Classifier, generated: LabelledSet
) -> None:
    """They round differently inside; what a verdict rests on may not move by much."""
    reference = Classifier(shipped, kernels=Kernels.REFERENCE)
    for index in range(0, len(generated), 9):
        encoded = encoding.encode(generated.grid(index))
        assert reference.outputs(encoded)[0] == pytest.approx(classifier.outputs(encoded)[0], abs=4)
        found, fast = reference.infer(encoded), classifier.infer(encoded)
        assert found.unfamiliarity == pytest.approx(fast.unfamiliarity, abs=1)
        assert found.mixture == pytest.approx(fast.mixture, abs=0.2)


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
    assert record["unfamiliarity"] == pytest.approx(found.unfamiliarity, abs=1e-3)
    assert record["mixture"] == pytest.approx(found.mixture, abs=1e-4)
    ranked = sorted(found.probabilities.values(), reverse=True)
    top = found.as_record(top_k=3)["probabilities"]
    assert list(top.values()) == pytest.approx(ranked[:3], abs=1e-6)
    assert len(record["probabilities"]) == 9


def test_classifying_twice_gives_the_same(classifier: Classifier, wafers: list[WaferMap]) -> None:
    first, again = classifier.classify(wafers[0]), classifier.classify(wafers[0])
    assert first.probabilities == again.probabilities


@pytest.mark.parametrize("made", [list, lambda dies: dies.astype(np.int64), np.asfortranarray])
def test_dies_of_any_kind_are_brought_to_a_grid(
    classifier: Classifier, wafers: list[WaferMap], made: Callable[[Any], Any]
) -> None:
    wanted = classifier.classify(wafers[0])
    found = classifier.classify(replace(wafers[0], dies=made(wafers[0].dies)))
    assert found.probabilities == wanted.probabilities
    assert found.wafer_map.dies.dtype == np.uint8
    assert found == wanted


def test_what_is_no_grid_of_die_states_is_never_accepted(
    classifier: Classifier, wafers: list[WaferMap]
) -> None:
    dies = wafers[0].dies
    hidden = np.ma.masked_array(dies, dies == 2)
    wrong: dict[str, Any] = {
        "value 3 at row": np.where(dies == 2, 3, dies).astype(np.uint8),
        "value 1.5 at row": dies * 1.5,
        "True and False": dies == 2,
        "one wafer is one 2-D grid": np.stack([dies, dies]),
        "no die at all": dies * 0,
        "differ in length": [[1, 2], [1]],
        r"masked; give array.filled\(0\)": hidden,
        "nan_to_num": np.where(dies == 0, np.nan, dies),
        "a single value": None,
    }
    for words, odd in wrong.items():
        with pytest.raises(InputError, match=f"^wafer map: .*{words}"):
            classifier.classify(WaferMap(odd))
    for other in (dies, "wafer.npy"):
        with pytest.raises(TypeError, match=r"WaferMap is needed, .*WaferMap\(array\)"):
            classifier.classify(other)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"not str; give Classifier\(load\(path\)\)"):
        Classifier("mine.tflite")  # type: ignore[arg-type]


def test_a_classifier_and_its_file_show_themselves_in_a_line(classifier: Classifier) -> None:
    file = classifier.model
    assert repr(classifier).startswith(f"<Classifier {file.name}, ")
    assert repr(file) == f"<ModelFile {file.name}, {len(file.content):,} bytes, {file.path}>"


def test_it_does_not_matter_how_a_wafer_was_loaded(
    first: Classifier, generated: LabelledSet
) -> None:
    """The kernels of this model are tied: all eight views give the same bytes."""
    for index in range(0, len(generated), 5):
        answers = [first.outputs(view) for view in views_of(encoding.encode(generated.grid(index)))]
        assert all(logits == answers[0][0] for logits, _ in answers)
        assert all(np.array_equal(embedding, answers[0][1]) for _, embedding in answers)
