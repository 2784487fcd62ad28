"""What a spoiled model looks like, told from its outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation.evaluate import evaluate
from edge.gate.diagnosis import (
    WAFERS,
    Finding,
    by_probes,
    by_wafers,
    constant_outputs,
    exchanged_labels,
    sample,
)
from edge.model.model_file import ModelFile, load
from edge.wafer.patterns import PATTERNS
from tests.support import spoil
from tests.support.model_files import OLD, put, with_metadata

TRUE = np.repeat(np.arange(len(PATTERNS)), 20)


def spoiled(content: bytes, folder: Path) -> Classifier:
    path = folder / "spoiled.tflite"
    path.write_bytes(content)
    return Classifier(load(path))


def named(finding: Finding | None) -> str:
    return finding.check if finding else "nothing"


@pytest.mark.parametrize("steps", [-16, -8, -4, 4, 8, 16])
def test_shifted_input_is_recognised(tmp_path: Path, steps: int) -> None:
    finding = by_probes(spoiled(spoil.hide_input_zero_point(steps), tmp_path))
    assert named(finding) == "quantization"


@pytest.mark.parametrize("share", [0.0005, 0.002, 0.01])
def test_changed_weights_are_taken_for_nothing_else(tmp_path: Path, share: float) -> None:
    for seed in range(4):
        finding = by_probes(spoiled(spoil.flip_weights(share, seed, OLD), tmp_path))
        assert named(finding) == "nothing", seed


def test_swapped_planes_are_recognised(tmp_path: Path) -> None:
    assert named(by_probes(spoiled(spoil.swap_planes(), tmp_path))) == "planes"


def test_outputs_exchanged_in_the_network_are_recognised(shipped: ModelFile) -> None:
    known = shipped.document["selftest"]["logits"]
    turned = [[row[1], row[0], *row[2:]] for row in known]
    finding = by_probes(Classifier(with_metadata(shipped, put("selftest", "logits", value=turned))))
    assert finding is not None
    assert finding.check == "labels"
    assert "Center, Donut" in finding.message


def test_only_a_stuck_output_is_constant(classifier: Classifier, tmp_path: Path) -> None:
    assert constant_outputs(classifier) == []
    assert constant_outputs(spoiled(spoil.zero_class("Random"), tmp_path)) == ["Random"]


def test_exchanged_names_are_seen_whatever_their_number() -> None:
    for order in ([1, 0, 2, 3, 4, 5, 6, 7, 8], [1, 2, 0, 3, 4, 5, 6, 8, 7]):
        assert named(exchanged_labels(TRUE, np.asarray(order)[TRUE], PATTERNS)) == "labels"


def test_other_mistakes_are_no_exchange_of_names() -> None:
    assert exchanged_labels(TRUE, TRUE, PATTERNS) is None
    assert exchanged_labels(TRUE, np.zeros_like(TRUE), PATTERNS) is None  # all are called Center
    few = np.asarray([0, 0, 1, 1])
    assert exchanged_labels(few, 1 - few, PATTERNS) is None  # two wafers a class say nothing


def test_wafers_tell_what_the_self_test_cannot(
    generated: LabelledSet, classifier: Classifier, tmp_path: Path
) -> None:
    expected = evaluate(generated, classifier).predicted
    swapped = spoiled(spoil.with_own_selftest(spoil.swap_planes()), tmp_path)
    found = evaluate(generated, swapped).predicted
    assert named(by_wafers(swapped, generated, expected, found, 1.0)) == "planes"


def test_no_mistake_is_made_up_for_a_worse_network(
    generated: LabelledSet, classifier: Classifier, tmp_path: Path
) -> None:
    expected = evaluate(generated, classifier).predicted
    worse = spoiled(spoil.flip_weights(0.01), tmp_path)
    found = evaluate(generated, worse).predicted
    assert by_wafers(worse, generated, expected, found, 1.0) is None


def test_sample_is_balanced_and_small() -> None:
    classes = np.repeat([0, 1, 2], [10_000, 300, 4])
    chosen = classes[sample(classes)]
    assert len(chosen) <= WAFERS
    assert np.bincount(chosen).tolist() == [166, 166, 4]
