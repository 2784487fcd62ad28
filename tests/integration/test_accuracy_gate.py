"""A spoiled model file must turn red: by the gate of ``evaluate``, or refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.classifier import Classifier
from edge.dataset import LabelledSet, Part, load
from edge.evaluate import evaluate
from edge.model import load as load_model
from edge.model import shipped_path
from edge.patterns import PATTERNS
from edge.split import split
from tests.support import spoil
from tests.support.cli import Finished, wm_edge
from train.synth import synthetic_set, typical_grids

#: What any sound model reaches on the wafers of ``generated_file``; two swapped labels give 0.
FLOOR_EACH, FLOOR_MEAN = 0.5, 0.7

#: Real wafers a class for the gate, of a part that trained and calibrated nothing.
REAL_PER_CLASS = 60

#: Shares of train, val and test of the model that ships (docs/accuracy.md).
SHARES = (0.80, 0.05, 0.15)

#: Spoiled files that load and pass every check: only accuracy can show it.
FALLEN: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "two labels swapped": (lambda: spoil.swap_labels("Donut", "Center"), {"Donut", "Center"}),
    "two other labels swapped": (lambda: spoil.swap_labels("Scratch", "none"), {"Scratch", "none"}),
    "made for another zero point": (lambda: spoil.hide_input_zero_point(128), set()),
    "zero point a little off": (lambda: spoil.hide_input_zero_point(32), set()),
    "1 % of the weights flipped": (lambda: spoil.flip_weights(0.01), set()),
}

#: Spoiled files that must be refused, and why.
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero point of the tensor alone": (
        lambda: spoil.move_input_zero_point(0, declare=False),
        "zero point 0, the metadata says 0.0039215689 and -128",
    ),
    "zero point of tensor and metadata": (
        lambda: spoil.move_input_zero_point(0, declare=True),
        "are not the encoding's 1/255 and -128",
    ),
    "a damaged byte": (lambda: spoil.damage(0.5), "its network does not match its metadata"),
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
    """Figures of the model that ships."""
    path = data.with_suffix(".json")
    done = wm_edge("evaluate", data, "--json", path)
    assert done.code == 0
    return path


def gate(data: Path, baseline: Path, *more: str | Path) -> Finished:
    return wm_edge("evaluate", data, "--baseline", baseline, "--max-drop", "1", *more)


def test_model_that_ships_knows_every_pattern(generated_file: Path) -> None:
    """Red when the file in the package is replaced by a spoiled one."""
    scores = evaluate(load(generated_file), Classifier(load_model())).scores
    low = {n: s.recall for n, s in scores.per_class.items() if (s.recall or 0) < FLOOR_EACH}
    assert not low
    assert scores.macro_recall >= FLOOR_MEAN


def test_model_that_ships_is_as_good_as_its_card_says(real_test_part: LabelledSet) -> None:
    """Recall by class on the very wafers that the card's figures were measured on."""
    model = load_model()
    recorded = model.metadata["accuracy"]["int8"]["per_class"]
    if {name: entry["n"] for name, entry in recorded.items()} != real_test_part.class_counts():
        pytest.skip("the card's figures were measured on another part than this data's")
    scores = evaluate(real_test_part, Classifier(model)).scores
    for name, entry in recorded.items():
        recall = scores.per_class[name].recall
        assert recall is not None
        # One wafer, or half a point: kernels may differ by one in the last place of an output.
        assert recall >= entry["recall"] - max(0.005, 1.01 / entry["n"]), name


def test_good_model_is_green(data: Path, baseline: Path, tmp_path: Path) -> None:
    done = gate(data, baseline)
    assert done.code == 0
    assert "gate is green" in done.stderr
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(shipped_path().read_bytes())
    assert gate(data, baseline, "--model", copy).code == 0


@pytest.mark.parametrize("spoiled", FALLEN)
def test_spoiled_model_is_red_and_names_the_class(
    data: Path, baseline: Path, tmp_path: Path, spoiled: str
) -> None:
    make, classes = FALLEN[spoiled]
    model = tmp_path / "spoiled.tflite"
    model.write_bytes(make())
    done = gate(data, baseline, "--model", model, "--json", tmp_path / "now.json")
    assert done.code == 4
    _, _, listed = done.stderr.partition("gate is red")
    named = {line.strip().partition(":")[0] for line in listed.splitlines()[1:]}
    assert named == fallen(baseline, tmp_path / "now.json")
    assert named
    assert classes <= named


@pytest.mark.parametrize("spoiled", REFUSED)
def test_spoiled_model_that_contradicts_itself_is_refused(
    generated_file: Path, tmp_path: Path, spoiled: str
) -> None:
    make, reason = REFUSED[spoiled]
    model = tmp_path / "spoiled.tflite"
    model.write_bytes(make())
    for arguments in (["evaluate", generated_file], ["classify", generated_file], ["doctor"]):
        done = wm_edge(*arguments, "--model", model)
        assert done.code == 3
        said = done.stderr + (done.text if arguments == ["doctor"] else "")
        assert str(model) in said
        assert reason in said
        assert "Traceback" not in done.stderr


def test_gate_tolerates_what_it_is_told_to(generated_file: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    model = tmp_path / "spoiled.tflite"
    model.write_bytes(spoil.swap_labels("Donut", "Center"))
    assert wm_edge("evaluate", generated_file, "--json", baseline).code == 0
    arguments = ["evaluate", generated_file, "--model", model, "--baseline", baseline]
    assert wm_edge(*arguments).code == 4
    assert wm_edge(*arguments, "--max-drop", "100").code == 0


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
    baseline.write_text(json.dumps({"per_class": {"Donut": {"recall": 0.5}}}), "utf-8")
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


def fallen(baseline: Path, now: Path) -> set[str]:
    """Classes that lost more than a point, counted here on its own."""
    before, after = (recalls(path) for path in (baseline, now))
    return {name for name in before if 100 * (before[name] - after[name]) > 1.01}


def recalls(path: Path) -> dict[str, float]:
    figures: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {name: entry["recall"] for name, entry in figures["per_class"].items()}
