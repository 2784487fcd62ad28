"""A model file that names several patterns a wafer, at work and in the records."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from convert.firmware.export import export
from edge.classification.classifier import Classifier
from edge.classification.several import at_least_two, decide, exactly
from edge.cli.evaluate import command as evaluate_command
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, ModelError, UsageError
from edge.evaluation.evaluate import evaluate
from edge.evaluation.evaluate_several import evaluate_several
from edge.model.metadata import SEVERAL_FORMAT
from edge.model.model_file import ModelFile, load
from edge.results.record import Result
from edge.store.models import ModelNote
from edge.system.typed import MismatchError, decode
from edge.verdict.rule import Costs, Reason, Verdict
from edge.wafer import encoding
from edge.wafer.patterns import PatternSet, SetKind
from edge.wafer.wafermap import WaferMap
from tests.support.model_files import Change, called, with_metadata

NAMES = ("Center", "Donut", "Edge-Loc", "Edge-Ring", "Loc", "Near-full", "Random", "Scratch", "Odd")


def several(bias: float = -3.0) -> Change:
    """The network that ships, read as one of a yes or no for each of nine patterns."""
    named = called(*NAMES, kind="several")

    def change(metadata: dict[str, Any]) -> None:
        named(metadata)
        metadata["patterns"] = {"kind": "several"}
        metadata["format"] = SEVERAL_FORMAT
        metadata["outputs"] = {"scale": [1.0] * 9, "bias": [bias] * 9}
        metadata["review"]["mixed"]["above"] = 1.0
        metadata["review"].pop("holds", None)
        metadata["accuracy"] = None

    return change


@pytest.fixture(scope="module")
def model(shipped: ModelFile) -> ModelFile:
    return with_metadata(shipped, several())


def test_each_pattern_is_named_for_itself(model: ModelFile, generated: LabelledSet) -> None:
    classifier = Classifier(model)
    assert model.patterns == PatternSet(NAMES, kind=SetKind.SEVERAL)
    output = model.metadata.output
    for index in range(0, len(generated), 5):
        wafer = WaferMap(generated.grid(index))
        found = classifier.classify(wafer)
        logits, _ = classifier.outputs(encoding.encode(wafer.dies, classifier.size))
        for name, logit in zip(NAMES, logits, strict=True):
            value = output.scale * (logit - output.zero_point) - 3.0
            assert found.probabilities[name] == pytest.approx(1 / (1 + math.exp(-value)))
        named = [name for name in NAMES if found.probabilities[name] >= 0.5]
        assert found.pattern == ("+".join(named) or "none")
        sure = {name: max(p, 1 - p) for name, p in found.probabilities.items()}
        assert found.probability == pytest.approx(math.prod(sure.values()))
        doubted = [name for name in NAMES if sure[name] < classifier.review.below[name]]
        assert found.patterns is not None
        assert set(found.patterns) == {*named, *doubted}
        if found.reason in (None, Reason.LOW_CONFIDENCE):
            assert (found.verdict is Verdict.REVIEW) == bool(doubted)


def test_what_is_in_doubt_goes_to_a_person_with_both_names() -> None:
    patterns = PatternSet(("A", "B", "C"), kind=SetKind.SEVERAL)
    below = {"A": 0.9, "B": 0.9, "C": 0.6}
    found = decide(patterns, {"A": 0.99, "B": 0.3, "C": 0.2}, below)
    assert found == ("A", {"A": 0.99, "B": 0.3}, "B", 0.7, "")
    sure = decide(patterns, {"A": 0.99, "B": 0.95, "C": 0.01}, below)
    assert (sure.pattern, sure.confidence >= below[sure.least]) == ("A+B", True)
    assert decide(patterns, dict.fromkeys("ABC", 0.0), below)[:2] == ("none", {})
    assert exactly([0.9, 0.2]) == pytest.approx(0.72)
    assert at_least_two([0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert Costs(20, 5, 1).below(patterns) == dict.fromkeys("ABC", 0.95)


def test_few_fails_are_none_and_views_are_averaged(
    model: ModelFile, generated: LabelledSet
) -> None:
    classifier = Classifier(model, average_symmetries=True)
    clear = classifier.classify(WaferMap(np.ones((20, 20), np.uint8)))
    assert (clear.pattern, clear.patterns, clear.reason) == ("none", {}, Reason.FEW_FAILS)
    assert clear.verdict is Verdict.ACCEPT
    averaged, plain = (
        each.classify(WaferMap(generated.grid(3))) for each in (classifier, Classifier(model))
    )
    assert averaged.probabilities == pytest.approx(plain.probabilities, abs=0.2)
    assert averaged.symmetries == 8


def test_the_record_has_what_is_named(model: ModelFile, generated: LabelledSet) -> None:
    record = Classifier(model).classify(WaferMap(generated.grid(0), "a.npy")).as_record()
    assert decode(Result, record).patterns == record["patterns"]
    assert list(record)[-1] == "patterns"
    assert set(record["patterns"]) >= set(record["pattern"].split("+")) - {"none"}
    note = ModelNote("ab", "m@1", "m.tflite", "cd", model.patterns, "2026", "2026")
    assert note.as_dict()["kind"] == "several"
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("format", 2, "must be 3"),
        ("outputs", None, "only there"),
        ("outputs", {"scale": [1.0] * 8, "bias": [0.0] * 9}, "must hold 9 numbers"),
        ("patterns", {"kind": "exclusive"}, "only there"),
    ],
)
def test_a_file_of_one_kind_in_part(shipped: ModelFile, key: str, value: Any, why: str) -> None:
    def change(metadata: dict[str, Any]) -> None:
        several()(metadata)
        metadata[key] = value

    with pytest.raises((ModelError, MismatchError), match=why):
        with_metadata(shipped, change)


def test_an_exclusive_file_claims_no_outputs(shipped: ModelFile) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["outputs"] = {"scale": [1.0] * 9, "bias": [0.0] * 9}

    with pytest.raises((ModelError, MismatchError), match="only there"):
        with_metadata(shipped, change)


def test_it_is_judged_by_what_is_found_and_by_all_of_it(
    model: ModelFile, generated: LabelledSet
) -> None:
    labelled = generated.select(generated.labels != "none")
    found = evaluate_several(labelled, Classifier(model))
    assert found.scores.exact.n == len(labelled)
    assert sum(each.n for each in found.scores.per_class.values()) == len(labelled)
    assert found.as_dict()["exact"]["right"] == int((found.named == found.true).all(axis=1).sum())
    with pytest.raises(DataError, match=r"unknown label 'Blob'"):
        evaluate_several(
            replace(labelled, patterns=PatternSet(("Blob", "Loc")), labels=np.full(48, "Blob")),
            Classifier(model),
        )


def test_what_is_for_one_pattern_a_wafer_says_so(
    model: ModelFile, generated: LabelledSet, tmp_path: Path
) -> None:
    path = tmp_path / "several.tflite"
    path.write_bytes(model.content)
    refused: list[Callable[[], object]] = [
        lambda: evaluate(generated, Classifier(model)),
        lambda: export(model, tmp_path / "c", "c99"),
        lambda: Classifier(model, patterns=tmp_path),
    ]
    for each in refused:
        with pytest.raises(UsageError, match=r"names several patterns a wafer, and .* one"):
            each()
    generated.save(tmp_path / "set.npz")
    arguments = [str(tmp_path / "set.npz"), "--model", str(path)]
    judged = CliRunner().invoke(evaluate_command, arguments)
    assert judged.exit_code == 0, judged.output
    assert "exactly named" in judged.stdout
    swept = CliRunner().invoke(evaluate_command, [*arguments, "--yield-sweep"])
    assert isinstance(swept.exception, UsageError)
    assert "--yield-sweep is for files that name one" in str(swept.exception)


def test_the_file_is_loaded_as_it_was_written(model: ModelFile, tmp_path: Path) -> None:
    path = tmp_path / "several.tflite"
    path.write_bytes(model.content)
    again = load(path)
    assert again.patterns.is_several
    assert again.metadata.outputs == model.metadata.outputs
