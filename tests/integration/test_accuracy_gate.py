"""A spoiled model file must turn red: by the gate of ``evaluate``, or refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.reading import load
from edge.dataset.split import split
from edge.evaluation.evaluate import evaluate
from edge.gate.baseline import Baseline, Recall
from edge.gate.checks import NAMES
from edge.gate.judge import run
from edge.gate.soundness import examine
from edge.model.model_file import load as load_model
from edge.model.training import build as build_sketch
from edge.synth import typical_grids
from edge.system.shipped import shipped_path
from edge.wafer.patterns import PATTERNS
from tests.support import spoil
from tests.support.cli import Finished, wm_edge
from tests.support.model_files import OLD
from train.synth.sets import synthetic_set

#: What any sound model reaches on the wafers of ``generated_file``; two swapped labels give 0.
FLOOR_EACH, FLOOR_MEAN = 0.5, 0.7

#: Real wafers a class for the gate, of a part that trained and calibrated nothing.
REAL_PER_CLASS = 60

#: Shares of train, val and test of the model that ships (docs/accuracy.md).
SHARES = (0.75, 0.10, 0.15)

#: Spoiled files that load: what must be red by name, and a word of what the gate says of it.
FALLEN: dict[str, tuple[Callable[[], bytes], set[str], str]] = {
    "labels swapped": (
        lambda: spoil.swap_labels("Loc", "Scratch"),
        {"labels", "class-Loc", "class-Scratch"},
        "Loc and Scratch look exchanged",
    ),
    "labels swapped with none": (
        lambda: spoil.swap_labels("Donut", "none"),
        {"labels", "class-Donut", "class-none"},
        "Donut and none look exchanged",
    ),
    "made for a zero point 8 higher": (
        lambda: spoil.hide_input_zero_point(8),
        {"quantization", "self-test"},
        "zero point looks wrong",
    ),
    "made for a zero point 8 lower": (
        lambda: spoil.hide_input_zero_point(-8),
        {"quantization", "self-test"},
        "zero point looks wrong",
    ),
    "made for a zero point far off": (
        lambda: spoil.hide_input_zero_point(128),
        {"self-test", "mean"},
        "known wafers differ",
    ),
    "planes swapped": (spoil.swap_planes, {"planes", "self-test", "mean"}, "planes look swapped"),
    "one class's weights zeroed": (
        lambda: spoil.zero_class("Donut"),
        {"dead-classes", "self-test", "class-Donut"},
        "output of Donut is the same",
    ),
    "thresholds all 0": (
        lambda: spoil.put("review", "below", value=dict.fromkeys(PATTERNS, 0.0)),
        {"review-table"},
        "thresholds are 0",
    ),
    "1 % of the weights flipped": (
        lambda: spoil.flip_weights(0.01),
        {"self-test", "mean"},
        "weights were changed",
    ),
}

#: Spoiled files that must be refused: the check that says so, and a word of it.
REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "zero point of the tensor off by 8": (
        lambda: spoil.move_input_zero_point(-120, declare=False),
        "quantization",
        "zero point -120, the metadata says 0.0039215689 and -128",
    ),
    "zero point of tensor and metadata off by 8": (
        lambda: spoil.move_input_zero_point(-120, declare=True),
        "quantization",
        "zero point -120 are",
    ),
    "an old encoding version": (
        lambda: spoil.put("encoding", "version", value=0),
        "encoding",
        "version 0",
    ),
    "threshold table lost": (lambda: spoil.lose("review"), "review-table", "lost"),
    "truncated file": (lambda: spoil.truncate(0.6), "model-file", "truncated"),
    "a damaged byte": (lambda: spoil.damage(0.5), "network-hash", "changed after conversion"),
}


@pytest.fixture(scope="module")
def generated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "generated.npz"
    synthetic_set(dict.fromkeys(PATTERNS, 20), typical_grids(), 0).save(path)
    return path


@pytest.fixture(scope="module")
def real_test_part(data_dir: Path) -> LabelledSet:
    divided, _ = split(load(data_dir / "wm811k.npz"), shares=SHARES)
    return divided.part(Part.TEST)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, real_test_part: LabelledSet) -> Path:
    classes = real_test_part.class_indices()
    rng = np.random.default_rng(0)
    some = [
        rng.permutation(np.flatnonzero(classes == index))[:REAL_PER_CLASS]
        for index in range(len(PATTERNS))
    ]
    path = tmp_path_factory.mktemp("real") / "real.npz"
    real_test_part.select(np.concatenate(some)).save(path)
    return path


@pytest.fixture(scope="module", params=["generated_file", "real"])
def data(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture(scope="module")
def baseline(data: Path) -> Path:
    """Figures and answers of the model that ships."""
    path = data.with_suffix(".json")
    done = wm_edge("evaluate", data, "--write-baseline", path)
    assert done.code == 0, done.stderr
    return path


def gate(data: Path, baseline: Path, *more: str | Path) -> Finished:
    return wm_edge("evaluate", data, "--baseline", baseline, "--max-drop", "1", *more)


def cases(report: Path) -> dict[str, tuple[str, str]]:
    """Outcome and message of each test case of a JUnit report."""
    found = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314
        (child,) = case
        found[case.get("name") or ""] = child.tag, child.get("message") or child.text or ""
    return found


def failures(report: Path) -> dict[str, str]:
    return {name: text for name, (tag, text) in cases(report).items() if tag == "failure"}


def test_model_that_ships_knows_every_pattern(generated_file: Path) -> None:
    """Red when the file in the package is replaced by a spoiled one."""
    scores = evaluate(load(generated_file), Classifier(load_model())).scores
    low = {n: s.recall for n, s in scores.per_class.items() if (s.recall or 0) < FLOOR_EACH}
    assert not low
    assert scores.macro_recall >= FLOOR_MEAN


def test_model_that_ships_is_as_good_as_its_card_says(real_test_part: LabelledSet) -> None:
    """Recall by class on the very wafers that the card's figures were measured on."""
    model = load_model()
    recorded = model.document["accuracy"]["int8"]["per_class"]
    if {name: entry["n"] for name, entry in recorded.items()} != real_test_part.class_counts():
        pytest.skip("the card's figures were measured on another part than this data's")
    scores = evaluate(real_test_part, Classifier(model)).scores
    for name, entry in recorded.items():
        recall = scores.per_class[name].recall
        assert recall is not None
        # One wafer, or half a point: kernels may differ by one in the last place of an output.
        assert recall >= entry["recall"] - max(0.005, 1.01 / entry["n"]), name


def test_good_model_is_green(data: Path, baseline: Path, tmp_path: Path) -> None:
    copy, report = tmp_path / "copy.tflite", tmp_path / "report.xml"
    copy.write_bytes(shipped_path().read_bytes())
    done = gate(data, baseline, "--model", copy, "--junit", report)
    assert done.code == 0, done.stderr
    assert "gate is green" in done.stderr
    assert tuple(cases(report)) == NAMES
    assert not failures(report)


def test_a_model_file_may_stand_for_its_figures(data: Path, tmp_path: Path) -> None:
    done = gate(data, OLD, "--model", OLD)
    assert done.code == 0, done.stderr
    assert "compared wafer by wafer with wm811k@689d6c21091b" in done.stderr
    worse = tmp_path / "worse.tflite"
    worse.write_bytes(spoil.swap_labels("Loc", "Scratch"))
    done = gate(data, OLD, "--model", worse)
    assert done.code == 4
    assert "class-Loc" in done.stderr.splitlines()[-1]
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(OLD.read_bytes()[:5000])
    done = gate(data, broken)
    assert done.code == 2
    assert "the baseline cannot be used" in done.stderr


@pytest.mark.parametrize("spoiled", FALLEN)
def test_spoiled_model_is_red_by_name(
    data: Path, baseline: Path, tmp_path: Path, spoiled: str
) -> None:
    make, names, word = FALLEN[spoiled]
    model, report = tmp_path / "spoiled.tflite", tmp_path / "report.xml"
    model.write_bytes(make())
    done = gate(data, baseline, "--model", model, "--junit", report)
    assert done.code == 4
    red = failures(report)
    assert names <= set(red)
    assert word in " ".join(red.values())
    last = done.stderr.splitlines()[-1]
    assert f"the gate is red: {', '.join(name for name in NAMES if name in red)}" in last


@pytest.mark.parametrize("spoiled", REFUSED)
def test_spoiled_model_that_contradicts_itself_is_refused_by_name(
    generated_file: Path, tmp_path: Path, spoiled: str
) -> None:
    make, name, word = REFUSED[spoiled]
    model, report = tmp_path / "spoiled.tflite", tmp_path / "report.xml"
    model.write_bytes(make())
    done = wm_edge("evaluate", generated_file, "--model", model, "--junit", report)
    assert done.code == 3
    assert str(model) in done.stderr
    assert "Traceback" not in done.stderr
    assert word in failures(report)[name]
    assert tuple(cases(report)) == NAMES
    assert cases(report)["mean"][0] == "skipped"
    assert wm_edge("classify", generated_file, "--model", model).code == 3


def test_mistake_made_at_conversion_shows_in_the_wafers_alone(
    generated_file: Path, tmp_path: Path
) -> None:
    """The file's self-test agrees with its own mistake."""
    labelled = load(generated_file)
    good = evaluate(labelled, Classifier(load_model())).predicted
    before = Baseline(
        dict.fromkeys(PATTERNS, Recall(0.87, 20)), "good", labelled.sha256(), 1, PATTERNS,
        "".join(map(str, good)), "." * len(good),
    )  # fmt: skip
    path = tmp_path / "swapped.tflite"
    path.write_bytes(spoil.with_own_selftest(spoil.swap_planes()))
    outcome = run(examine(path, Classifier), lambda: labelled, lambda: before, 1.0)
    by_name = {check.name: check for check in outcome.checks}
    assert not by_name["self-test"].failed
    assert "planes look swapped" in by_name["planes"].message
    assert "100 % of 180 wafers" in by_name["planes"].message


def test_file_that_is_no_model_is_reported(generated_file: Path, tmp_path: Path) -> None:
    for number, path in enumerate((tmp_path / "missing.tflite", generated_file, tmp_path)):
        report = tmp_path / f"{number}.xml"
        done = wm_edge("evaluate", generated_file, "--model", path, "--junit", report)
        assert done.code == 3
        assert set(failures(report)) == {"model-file"}


def test_unusable_data_is_reported(tmp_path: Path) -> None:
    lacks, unknown = tmp_path / "missing.npz", tmp_path / "unknown"
    (unknown / "Scratchy").mkdir(parents=True)
    for number, path in enumerate((lacks, unknown)):
        report = tmp_path / f"{number}.xml"
        done = wm_edge("evaluate", path, "--junit", report)
        assert done.code == 2
        assert set(failures(report)) == {"data"}
        assert str(path) in failures(report)["data"]


def test_wafers_that_trained_the_model_head_the_table(generated_file: Path, tmp_path: Path) -> None:
    model, report, figures = (tmp_path / name for name in ("m.tflite", "r.xml", "f.json"))
    sketch = build_sketch(load(generated_file).fingerprints())
    model.write_bytes(spoil.put("training", "sketch", value=sketch))
    arguments = ["evaluate", generated_file, "--model", model]
    done = wm_edge(*arguments, "--json", figures)
    assert done.code == 0
    assert done.text.startswith("warning: the data overlaps the training data of this model")
    assert "overlaps the training data" in done.stderr
    written = json.loads(figures.read_text("utf-8"))
    assert any("overlaps the training data" in warning for warning in written["warnings"])
    assert written["overlap"]["share"] == 1
    assert wm_edge(*arguments, "--junit", report).code == 4
    assert set(failures(report)) == {"data"}


def test_missing_classes_and_single_wafers_are_said_everywhere(
    generated_file: Path, tmp_path: Path
) -> None:
    labelled = load(generated_file)
    few, report, figures = (tmp_path / name for name in ("few.npz", "r.xml", "f.json"))
    _, first = np.unique(labelled.labels, return_index=True)
    labelled.select(first[labelled.labels[first] != "Donut"]).save(few)
    done = wm_edge("evaluate", few, "--junit", report, "--json", figures)
    assert done.code == 0
    told = (
        done.stderr,
        report.read_text("utf-8"),
        " ".join(json.loads(figures.read_text())["warnings"]),
    )
    for text in told:
        assert "no wafer of Donut" in text
        assert "fewer than 20 wafers of" in text
    assert cases(report)["class-Donut"] == ("skipped", "no wafer of Donut in the data")


def test_gate_tolerates_what_it_is_told_to(generated_file: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    model = tmp_path / "spoiled.tflite"
    model.write_bytes(spoil.swap_labels("Donut", "Center"))
    assert wm_edge("evaluate", generated_file, "--json", baseline).code == 0
    arguments = ["evaluate", generated_file, "--model", model, "--baseline", baseline]
    fell = "fell by more than"
    assert fell in wm_edge(*arguments).stderr
    assert fell not in wm_edge(*arguments, "--max-drop", "100").stderr


def test_wafers_without_a_label_are_classified_and_not_judged(
    generated: LabelledSet, tmp_path: Path
) -> None:
    some = generated.select(np.arange(0, len(generated), 3))
    bare = replace(some, labels=np.where(np.arange(len(some)) % 2, some.labels, ""))
    bare.save(tmp_path / "half.npz")
    without = int((bare.labels == "").sum())
    done = wm_edge("evaluate", tmp_path / "half.npz", "--json", tmp_path / "half.json")
    assert done.code == 0
    assert f"warning: left out: {without} wafers without a label" in done.stderr
    figures = json.loads((tmp_path / "half.json").read_text())
    assert figures["wafers"] == len(some) - without
    assert figures["data_sha256"] == bare.with_labels(print).sha256()
    records = wm_edge("classify", tmp_path / "half.npz", "--format", "jsonl").records
    assert [record["index"] for record in records] == list(range(len(some)))
    nothing = replace(bare, labels=np.full(len(bare), ""))
    nothing.save(tmp_path / "nothing.npz")
    for verb in (["evaluate"], ["dataset", "split", "--out", tmp_path / "x.npz"]):
        done = wm_edge(*verb, tmp_path / "nothing.npz")
        assert done.code == 2
        assert f"nothing.npz: none of the set's {len(bare)} wafers has a label" in done.stderr


def test_baseline_is_compared_or_written(generated_file: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    done = wm_edge("evaluate", generated_file, "--baseline", paths[0], "--write-baseline", paths[1])
    assert done.code == 2
    assert "give one of them" in done.stderr


def test_class_that_the_data_lacks_is_no_silent_pass(generated_file: Path, tmp_path: Path) -> None:
    baseline, fewer = tmp_path / "baseline.json", tmp_path / "fewer.npz"
    assert wm_edge("evaluate", generated_file, "--json", baseline).code == 0
    labelled = load(generated_file)
    labelled.select(labelled.labels != "Donut").save(fewer)
    done = wm_edge("evaluate", fewer, "--baseline", baseline)
    assert done.code == 2
    assert "measured on other wafers" in done.stderr


def test_baseline_measured_in_another_way_is_refused(generated_file: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert wm_edge("evaluate", generated_file, "--json", baseline).code == 0
    done = gate(generated_file, baseline, "--average-symmetries")
    assert done.code == 2
    assert "--average-symmetries" in done.stderr
    baseline.write_text(json.dumps({"per_class": {"Donut": {"recall": 0.5, "n": 20}}}), "utf-8")
    done = gate(generated_file, baseline)
    assert done.code == 2
    assert "other wafers" in done.stderr


def test_unusable_baseline_is_code_2(generated_file: Path, tmp_path: Path) -> None:
    empty, other = tmp_path / "empty.json", tmp_path / "other.json"
    empty.touch()
    other.write_text(json.dumps({"some": "thing"}), "utf-8")
    for baseline in (tmp_path / "missing.json", empty, other):
        done = wm_edge("evaluate", generated_file, "--baseline", baseline)
        assert done.code == 2, baseline
        assert "baseline" in done.stderr
        assert "Traceback" not in done.stderr
