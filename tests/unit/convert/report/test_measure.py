"""The report's figures, of a small network in float and in int8."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.parity import Level, Variant
from convert.report.evidence import Evidence, plain
from convert.report.manifest import calibration_manifest
from convert.report.measure import NO_FLOAT, NO_QUANTIZER, float_logits, measure
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, ModelError
from edge.evaluation.evaluate import evaluate
from edge.model import float_network
from edge.model.float_network import FloatNetwork
from edge.model.model_file import ModelFile
from edge.wafer.patterns import PATTERNS
from edge.wafer.probes import PROBES
from tests.support.float_pair import FloatPair
from tests.support.model_files import put, with_metadata


def test_int8_figures_are_those_of_evaluate(
    evidence: Evidence, pair: FloatPair, generated: LabelledSet
) -> None:
    expected = evaluate(generated, Classifier(pair.model))
    found = evidence.outcomes[Variant.INT8]
    assert np.array_equal(found.scores.confusion, expected.scores.confusion)
    assert found.after.error == pytest.approx(expected.calibration_error)
    assert evidence.warnings[: len(expected.warnings)] == expected.warnings
    review = expected.review()
    assert evidence.review.wafers == review["wafers"] > 0
    assert evidence.review.wrong_caught == review["wrong_caught"]
    assert {one.reason: one.wafers for one in evidence.review.reasons} == review["by_reason"]
    assert sum(one.wrong for one in evidence.review.reasons) == review["wrong_caught"] > 0


def test_float_and_int8_are_the_same_network(evidence: Evidence) -> None:
    assert evidence.verdict.reference is Variant.FLOAT
    assert evidence.changes is not None
    assert evidence.changes.agreement > 0.8
    assert evidence.layers is not None
    assert len(evidence.layers.layers) >= 5
    assert evidence.networks[Variant.FLOAT].macs == evidence.networks[Variant.INT8].macs > 0
    assert evidence.sensitivity is not None
    assert evidence.sensitivity.against_given is not None
    assert evidence.sensitivity.against_given.probability_change < 0.01
    assert set(evidence.missing) == {"keras"}


def test_latency_is_measured(evidence: Evidence) -> None:
    latency = evidence.latency
    assert 0 < latency.encode < latency.whole
    assert 0 < latency.invoke < latency.whole
    assert latency.float_invoke


def test_json_form_is_plain_and_whole(evidence: Evidence, pair: FloatPair) -> None:
    found = json.loads(json.dumps(plain(evidence), allow_nan=False))
    assert found["verdict"]["level"] == evidence.verdict.level.value
    assert found["outcomes"]["int8"]["scores"]["confusion"]["labels"] == list(PATTERNS)
    assert found["provenance"]["model file, sha256"] == pair.model.sha256
    assert found["networks"]["int8"]["macs"] == evidence.networks[Variant.INT8].macs
    assert "dies" not in json.dumps(found["changes"])


def test_keras_logits_are_what_int8_is_held_against(
    pair: FloatPair, generated: LabelledSet
) -> None:
    """Logits that say the label everywhere: int8, untrained, is red against them."""
    logits = 9.0 * np.eye(len(PATTERNS))[generated.class_indices()]
    found = measure(pair.model, generated, data="generated", keras_logits=logits)
    assert found.outcomes[Variant.KERAS].scores.macro_recall == 1
    assert found.verdict.reference is Variant.KERAS
    assert found.verdict.level is Level.RED
    assert found.changes is not None
    assert found.changes.reference is Variant.KERAS
    assert {"layers", "sensitivity"} <= set(found.missing)
    assert "changes" not in found.missing


def test_without_a_float_network_every_gap_is_said(
    pair: FloatPair, shipped: ModelFile, generated: LabelledSet
) -> None:
    assert measure(shipped, generated, data="generated").verdict.level is Level.UNKNOWN
    found = measure(pair.model, generated, data="generated")
    assert found.verdict.level is Level.RED
    assert "near chance" in found.verdict.text  # nobody trained it
    assert found.changes is found.layers is found.sensitivity is None
    assert {found.missing[name] for name in ("changes", "layers", "sensitivity")} == {NO_FLOAT}
    assert "not run" in found.missing["keras"]


def test_without_the_quantizer_the_rest_is_measured(
    pair: FloatPair, generated: LabelledSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("ai_edge_quantizer")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    found = measure(pair.model, generated, data="generated", float_content=pair.float_content)
    assert found.layers is not None
    assert found.sensitivity is None
    assert found.missing["sensitivity"] == NO_QUANTIZER


def recorded(data_sha256: str, n: int) -> dict[str, Any]:
    """The model file's section on accuracy: everything right, on these wafers."""
    per_class = {name: {"n": n, "recall": 1.0, "ci95": [0.9, 1.0]} for name in PATTERNS}
    figures = {"macro_recall": 1.0, "per_class": per_class}
    return {
        "on": "test",
        "wafers": n * len(PATTERNS),
        "float": figures,
        "int8": figures,
        "agreement": 1.0,
        "data_sha256": data_sha256,
    }


def test_recorded_keras_figures_count_for_the_very_same_wafers_alone(
    pair: FloatPair, generated: LabelledSet
) -> None:
    six_each = recorded(generated.sha256(), 6)
    same = with_metadata(pair.model, put("accuracy", value=six_each))
    found = measure(same, generated, data="generated")
    assert found.verdict.reference is Variant.KERAS
    assert found.verdict.level is Level.RED
    assert found.recorded
    assert {name: (one.n, one.recall) for name, one in found.recorded.items()} == {
        name: (one["n"], one["recall"]) for name, one in six_each["float"]["per_class"].items()
    }
    assert "keras" not in found.missing
    fewer = generated.select(np.arange(40))
    assert measure(same, fewer, data="generated").recorded is None


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        {"per_class": 3},
        {"per_class": {"Loc": -1}},
        {"per_class": {"Loc": 1}, "fingerprints": 5},
        {"per_class": {"Loc": 1}, "fingerprints": [5]},
    ],
)
def test_senseless_manifest_counts_as_none(
    manifest: Any, pair: FloatPair, generated: LabelledSet
) -> None:
    few = generated.select(np.arange(9))
    bare = with_metadata(pair.model, put("calibration", value=manifest))
    found = measure(bare, few, data="generated")
    assert found.calibration is None
    assert "calibration" in found.missing


def test_manifest_beside_the_model_file_is_taken_when_it_names_it(
    pair: FloatPair, generated: LabelledSet, tmp_path: Path
) -> None:
    placed = replace(pair.model, path=pair.write(tmp_path))
    manifest = {"part": "train", "per_class": {"Loc": 2}, "fingerprints": ["aa", "\ud800"]}
    content = {"model_sha256": placed.sha256, "calibration": manifest}
    (tmp_path / "small.parity.json").write_text(json.dumps(content), "utf-8")
    assert calibration_manifest(placed) == manifest
    few = generated.select(np.arange(9))
    found = measure(placed, few, data="x", calibration_manifest=manifest).calibration
    assert found is not None
    assert (found.wafers, found.per_class["Loc"], found.fingerprints) == (2, 2, 2)
    assert found.fingerprints_sha256 == hashlib.sha256(b"aa\n\xed\xa0\x80").hexdigest()
    other = {**content, "model_sha256": "0" * 64}
    (tmp_path / "small.parity.json").write_text(json.dumps(other), "utf-8")
    assert calibration_manifest(placed) is None
    (tmp_path / "small.parity.json").write_text("[" * 100_000, "utf-8")
    assert calibration_manifest(placed) is None


def test_a_network_of_something_else_is_refused(pair: FloatPair, generated: LabelledSet) -> None:
    with pytest.raises(ModelError, match=r"no float form of .*--float"):
        measure(pair.model, generated, data="x", float_content=pair.model.content)


def test_an_empty_set_is_refused(pair: FloatPair, generated: LabelledSet) -> None:
    with pytest.raises(DataError, match="no wafer"):
        measure(pair.model, generated.select(np.arange(0)), data="x")


def test_labels_in_another_order_are_followed(pair: FloatPair, generated: LabelledSet) -> None:
    turned = with_metadata(pair.model, put("labels", value=list(reversed(PATTERNS))))
    plain = float_logits(FloatNetwork(pair.float_content, pair.model), generated)
    found = float_logits(FloatNetwork(pair.float_content, turned), generated)
    assert np.array_equal(found, plain[:, ::-1])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"", "magic"), (b"PK" + bytes(100), "magic")],
)
def test_unusable_float_files_are_refused(
    content: bytes | None, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.float.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=f"{complaint}.*--float"):
        float_network.read(path)


def test_what_float_and_int8_share_is_warned_of(first: Classifier, generated: LabelledSet) -> None:
    """Comparing the two would show neither exchanged labels nor changed weights."""
    labels = list(first.model.labels)
    labels[0], labels[1] = labels[1], labels[0]
    exchanged = with_metadata(first.model, put("labels", value=labels))
    found = measure(exchanged, generated, data="generated").warnings
    assert any("Center and Donut look exchanged" in warning for warning in found)
    zeros = [[0] * len(PATTERNS)] * PROBES
    changed = with_metadata(first.model, put("selftest", "logits", value=zeros))
    found = measure(changed, generated, data="generated").warnings
    assert any("other outputs than at conversion" in warning for warning in found)
