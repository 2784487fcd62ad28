"""A whole conversion of a tiny network: what is written, and what a red gate leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import attempt, session
from convert.firmware.targets import c99
from convert.metadata import Source
from convert.out_of_fold import checked_folds, judge_folds
from convert.parity import Level, Parity, compare
from convert.report.out_of_distribution import UnknownPattern
from convert.session import Remedy, convert
from edge.classification.classifier import Classifier
from edge.classification.ordinary_file import of_model
from edge.classification.selftest import largest_difference
from edge.classification.teach import teach
from edge.cli.model_card import card
from edge.dataset.encoded_set import encoded
from edge.dataset.folds import divide, fold_path, held_out, without_test
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.out_of_fold import OutOfFold
from edge.errors import DataError, GateError, UsageError
from edge.model import training
from edge.model.flatbuffer import read
from edge.model.model_file import load
from edge.verdict.rule import MIN_FAILS, Costs, Verdict
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from tests.support.own import saved, wafers
from train.recipe import Recipe
from train.run import Run

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def divided(generated: LabelledSet) -> LabelledSet:
    parts = np.asarray(["train", "val", "test"])[generated.columns["lot"] % 3]
    return generated.with_columns(part=parts)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, divided: LabelledSet) -> Source:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    wafer = keras.Input((encoding.SIZE, encoding.SIZE, encoding.PLANES))
    maps = layers.Conv2D(4, 3, strides=4, activation="relu")(wafer)
    network = keras.Model(wafer, layers.Dense(9)(layers.GlobalAveragePooling2D()(maps)))
    train_part = encoded(divided.part("train"))
    network.compile(keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(True))
    shares = encoding.to_shares(train_part.planes)
    network.fit(shares, train_part.classes, 512, 150, verbose=0)  # from there on it beats guessing
    config = {
        **Recipe("tiny").configuration(),
        "data": "generated.npz",
        "data_sha256": divided.sha256(),
        "parts_sha256": divided.parts_sha256(),
        "split_by_lot": True,
        "tools": {"tensorflow": "1", "keras": "1"},
    }
    run = Run.create(tmp_path_factory.mktemp("convert") / "run", config)
    network.save(run.model_path)
    (run.path / "metrics.json").write_text("{}", "utf-8")
    return Source(run.path, "tiny", "generated", [])


def evidence(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(out.with_suffix(".parity.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def converted(
    source: Source, divided: LabelledSet, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished conversion for costs, and the evidence beside it."""
    out = tmp_path_factory.mktemp("converted") / "m.tflite"
    found = convert(source, divided, out, allowed_points=100, costs=Costs(20, 5, 1))
    assert out.read_bytes() == found.model.content
    assert found.evaluation.model_sha256 == found.sha256
    assert found.evaluation.model == load(out).name
    return out


def test_examples_of_a_new_pattern_are_held_against_wafers_that_did_not_train_it(
    converted: Path, divided: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, examples = Classifier(load(converted)), wafers(UnknownPattern.HALF, 10)
    monkeypatch.setattr("edge.own.ordinary.FEWEST", len(divided) + 1)
    with pytest.raises(UsageError, match=r"are needed, better 1,000; name a store"):
        teach("Half", examples, own)
    monkeypatch.setattr("edge.own.ordinary.FEWEST", 20)
    found = teach("Half", examples, own)
    count, trained = len(divided), len(divided.part("train"))
    known = of_model(own.model)
    assert (len(known.numbers), known.trained) == (count, trained)
    few = f"only {count} ordinary wafers to hold the examples against, {trained} of which trained"
    assert any(one.startswith(few) for one in found.warnings)
    found.pattern.save(tmp_path / "Half.pattern")
    told = [
        Classifier(load(converted), patterns=tmp_path).classify(one).suggested
        for one in wafers(UnknownPattern.HALF, 10)
    ]
    assert "Half" in told


def test_a_station_makes_patterns_of_another_network_anew(
    converted: Path,
    classifier: Classifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("edge.own.ordinary.FEWEST", 20)
    pattern = saved(tmp_path, classifier, "Half", UnknownPattern.HALF)
    pattern.confirmed(30, 0, trust=True).save(tmp_path / "Half.pattern")
    before = (tmp_path / "Half.pattern").read_bytes()
    own = Classifier(load(converted), patterns=tmp_path)
    [told] = [record.getMessage() for record in caplog.records]
    assert "Half was made for another model file or version and is rebuilt here from its 10" in told
    found = [own.classify(one) for one in wafers(UnknownPattern.HALF, 20, 1)]
    claimed = [one for one in found if one.suggested]
    assert claimed
    assert Verdict.ACCEPT not in {one.verdict for one in claimed}
    assert (tmp_path / "Half.pattern").read_bytes() == before


def test_file_is_whole_and_answers_as_its_self_test_says(converted: Path) -> None:
    """``load`` checks every section; nothing of the draft's is left in it."""
    model = load(converted)
    assert largest_difference(Classifier(model)) <= 1
    assert model.document["review"]["unfamiliar"]["above"] < 1e6
    assert model.document["accuracy"]["review"]["wrong"] >= 0
    assert model.metadata.network.layout == Recipe("tiny").network.layout
    assert model.metadata.firmware == c99.needs(model)
    assert set(model.document["calibration_error"]) == {"float", "int8", "confidence"}


def test_thresholds_are_set_for_the_costs(converted: Path) -> None:
    review = load(converted).document["review"]
    assert review["objective"] == {"escape": 20, "false_alarm": 5, "review": 1}
    assert review["below"] == dict.fromkeys(PATTERNS, 0.8) | {"none": 0.95}


def test_what_the_training_started_from_keeps_its_notice_and_its_training_wafers(
    source: Source, divided: LabelledSet, tmp_path: Path
) -> None:
    first = divided.part("test")
    config = json.loads((source.run / "config.json").read_text("utf-8"))
    sketch = training.build(first.fingerprints())
    began = {"name": "old", "sha256": "ab" * 32, "notice": ["Cite A."], "sketches": [sketch]}
    run = tmp_path / "run"
    shutil.copytree(source.run, run)
    (run / "config.json").write_text(json.dumps({**config, "from": began}), "utf-8")
    out = tmp_path / "m.tflite"
    found = convert(Source(run, "t", "mine", ["Cite B."]), divided, out, allowed_points=100)
    assert found.evaluation.overlap
    assert found.evaluation.overlap.share == 1  # its test part trained what it started from
    data = load(out).metadata
    assert data.notice[0] == "Cite B."
    assert data.notice[-1] == "Cite A."
    assert "started from old" in card(load(out))
    assert data.training.sketches[1:] == (sketch,)


@pytest.fixture(scope="module")
def folds(
    source: Source, divided: LabelledSet, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, OutOfFold]:
    """Two folds of lots, whose networks are both the one that is converted."""
    folder = tmp_path_factory.mktemp("folds")
    rest, rows = without_test(divided)
    numbers = divide(rest, 2)
    wafers = len(rest)
    found = OutOfFold(
        rest.fingerprints(),
        rows.astype(np.int64),
        numbers,
        rest.class_indices().astype(np.int16),
        np.zeros((wafers, len(PATTERNS)), np.float32),
        rest.patterns,
    )
    found.save(folder)
    for number in (1, 2):
        fold = held_out(rest, numbers, number)
        run = fold_path(folder, number)
        shutil.copytree(source.run, run)
        config = json.loads((run / "config.json").read_text())
        parts = {"data_sha256": fold.sha256(), "parts_sha256": fold.parts_sha256()}
        (run / "config.json").write_text(json.dumps(config | parts))
    return folder, found


def test_folds_set_confidence_and_the_file_says_what_holds(
    source: Source, divided: LabelledSet, folds: tuple[Path, OutOfFold], tmp_path: Path
) -> None:
    out, told = tmp_path / "m.tflite", list[str]()
    found = convert(
        source,
        divided,
        out,
        allowed_points=100,
        precision=0.2,
        folds=folds[0],
        tell=told.append,
    )
    review = load(out).metadata.review
    asked = int((without_test(divided)[0].fail_counts() >= MIN_FAILS).sum())
    assert review.folds is not None
    assert (review.folds.networks, review.folds.wafers) == (2, asked)
    assert review.objective == {"precision": 0.2, "delta": 0.1}
    assert review.holds
    for name, held in review.holds.items():
        assert review.below[name] < 1
        assert held.precision >= 0.2
    assert {name for name, below in review.below.items() if below == 1} == (
        set(PATTERNS) - set(review.holds)
    )
    written = evidence(out)["review"]
    assert isinstance(written, dict)
    assert sum(one["wafers"] for one in written["confidence"]) == asked
    assert written["holds"].keys() == review.holds.keys()
    text = card(found.model)
    assert f"by {asked} wafers of 12 lots (one of unknown lot counts as a lot), each judged" in text
    name, held = next(iter(review.holds.items()))
    assert f"{name}: " in text
    assert f"at least {100 * held.at_least:.1f} %" in text
    assert any(line.startswith("  confidence 0.") for line in told)
    assert not any(line.startswith("warning: the networks of") for line in told)


def test_each_fold_is_judged_by_its_own_network(
    source: Source, divided: LabelledSet, folds: tuple[Path, OutOfFold], tmp_path: Path
) -> None:
    """The second one answers with other numbers: so do the wafers of its fold, and no others."""
    folder = tmp_path / "f"
    shutil.copytree(folds[0], folder)
    path = fold_path(folder, 2) / "model.keras"
    network = keras.models.load_model(path, compile=False)
    network.layers[-1].bias.assign(network.layers[-1].bias + np.arange(9) * 0.5)
    network.save(path)
    rest, _ = without_test(divided)
    before, after = (
        judge_folds(checked_folds(place, divided, source, print)) for place in (folds[0], folder)
    )
    changed = np.abs(before.logits - after.logits).max(axis=1) > 0.5
    assert np.array_equal(changed, before.network == 2)
    assert before.lots is not None
    lots = rest.columns["lot"][rest.fail_counts() >= MIN_FAILS]
    assert len(np.unique(before.lots)) == len(np.unique(lots))


def test_folds_of_other_wafers_are_refused_and_of_another_recipe_warned_of(
    source: Source, divided: LabelledSet, folds: tuple[Path, OutOfFold], tmp_path: Path
) -> None:
    out, told = tmp_path / "m.tflite", list[str]()
    folder = tmp_path / "f"
    shutil.copytree(folds[0], folder)
    replace(folds[1], classes=folds[1].classes[::-1]).save(folder)
    with pytest.raises(DataError, match=r"f: its folds are of other wafers than the train and val"):
        convert(source, divided, out, folds=folder)
    with pytest.raises(DataError, match="no folder of finished folds"):
        convert(source, divided, out, folds=source.run)
    folds[1].save(folder)
    config = fold_path(folder, 1) / "config.json"
    changed = json.loads(config.read_text())
    changed["recipe"]["optimise"]["epochs"] = 99
    config.write_text(json.dumps(changed))
    checked_folds(folder, divided, source, told.append)
    assert "were trained otherwise than" in told[0]
    assert "(optimise): what holds of them need not hold of this one" in told[0]


def test_float_network_is_written_beside_it(converted: Path) -> None:
    network = read(converted.with_name("m.float.tflite").read_bytes())
    inside = load(converted)
    shapes = sorted(network.tensors[index].shape for index in network.outputs)
    assert shapes == sorted([(1, 9), (1, inside.document["embedding"]["size"])])
    assert all(network.tensors[index].is_float for index in (*network.inputs, *network.outputs))


def test_senseless_goal_is_refused_before_the_work(
    source: Source, divided: LabelledSet, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="precision is 95"):
        convert(source, divided, tmp_path / "m.tflite", precision=95)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_station_would_load_is_refused_before_the_work(
    source: Source, divided: LabelledSet, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"U\+000A\) in data_name"):
        convert(replace(source, data_name="a\nb"), divided, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_evidence_names_the_model_file_and_a_red_gate_none(
    source: Source,
    divided: LabelledSet,
    converted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "m.tflite"
    for path in converted.parent.iterdir():
        shutil.copy(path, tmp_path)
    before = out.read_bytes()
    assert load(out).document["name"] == "tiny"
    digest = hashlib.sha256(before).hexdigest()
    assert evidence(out)["model_sha256"] == digest
    assert digest in out.with_suffix(".parity.md").read_text("utf-8")

    def red(*arguments: object) -> Parity:
        parity = compare(*arguments)  # type: ignore[arg-type]
        verdict = replace(parity.verdict, level=Level.RED, lost={"Loc": (3, 0, 3)})
        return replace(parity, verdict=verdict)

    monkeypatch.setattr(attempt, "compare", red)
    with pytest.raises(GateError, match="no model file was written, one that stands at"):
        convert(source, divided, out, overwrite=True)
    assert out.read_bytes() == before
    assert evidence(out)["model_sha256"] is None
    assert "No model file belongs to this" in out.with_suffix(".parity.md").read_text("utf-8")


def test_a_network_that_learned_nothing_is_red_and_nothing_is_said_to_mend_it(
    source: Source, divided: LabelledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(network: Any) -> Any:
        for weights in network.layers[-1].weights:
            weights.assign(weights * 0)
        return network

    loaded = session.load_network
    monkeypatch.setattr(session, "load_network", lambda run: dead(loaded(run)))
    told: list[str] = []
    with pytest.raises(GateError, match="int8 calls every wafer Center, and float") as caught:
        convert(source, divided, tmp_path / "m.tflite", remedy=Remedy.SEARCH, tell=told.append)
    assert "--allow-drop" not in str(caught.value)
    assert not any("remedies" in line for line in told)
    assert any(line.startswith("warning: the test part holds fewer than 20") for line in told)
    assert not (tmp_path / "m.tflite").exists()
    assert (tmp_path / "m.parity.md").read_text("utf-8").startswith("# Parity: RED")


@pytest.mark.parametrize(
    "name",
    [
        "m.tflite",
        "m.float.tflite",
        "m.parity.json",
        "m.parity.md",
        "m.report.html",
        "m.report.json",
        "m.ordinary.npz",
    ],
)
def test_existing_files_are_refused_before_the_work(
    source: Source, divided: LabelledSet, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(UsageError, match=f"{name}: exists already"):
        convert(source, divided, tmp_path / "m.tflite")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
