"""The gate's checks on measurements with known answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import DataError, GateError
from edge.evaluation.evaluate import Evaluation
from edge.gate import judge
from edge.gate.checks import NAMES, Check, Status
from edge.gate.soundness import ModelFileAudit, examine
from edge.model.model_file import ModelFile
from edge.model.training import build as build_sketch
from edge.verdict.rule import Reason
from edge.wafer.patterns import PATTERNS
from tests.support.evaluations import as_baseline, evaluation
from tests.support.model_files import put, with_metadata

GOOD = dict.fromkeys(PATTERNS, (90, 100))


@pytest.fixture(scope="module")
def sound() -> ModelFileAudit:
    return examine(None, Classifier)


def compared(
    now: Evaluation, before: Evaluation, folder: Path, *, answers: bool = True, drop: float = 1.0
) -> dict[str, Check]:
    """The checks of figures by name."""
    found = judge._compared(now, as_baseline(before, folder, answers=answers), drop)
    return {check.name: check for check in found}


def red(checks: Mapping[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check.failed}


@pytest.mark.parametrize("answers", [True, False])
def test_the_same_is_green_and_a_clear_fall_red(tmp_path: Path, answers: bool) -> None:
    before = evaluation(GOOD)
    assert red(compared(before, before, tmp_path, answers=answers, drop=0.0)) == set()
    now = evaluation({**GOOD, "Loc": (70, 100)})
    found = compared(now, before, tmp_path, answers=answers)
    assert "class-Loc" in red(found)
    assert red(found) <= {"class-Loc", "mean", "accepted-wrong"}
    assert "90.0 % -> 70.0 % of 100 wafers" in found["class-Loc"].message
    assert red(compared(now, before, tmp_path, answers=answers, drop=20.0)) == set()


def test_class_of_thirty_wafers_does_not_flap(tmp_path: Path) -> None:
    before = evaluation({**GOOD, "Donut": (27, 30)})
    for right in (26, 25, 24, 23):
        found = compared(evaluation({**GOOD, "Donut": (right, 30)}), before, tmp_path)
        assert red(found) == set(), right
        assert "within chance" in found["class-Donut"].message
    assert "class-Donut" in red(compared(evaluation({**GOOD, "Donut": (22, 30)}), before, tmp_path))


def test_few_wafers_are_no_silent_pass_but_a_collapse_is_seen(tmp_path: Path) -> None:
    before = evaluation({**GOOD, "Donut": (5, 5), "Loc": (3, 3), "Random": (1, 1)})
    found = compared(before, before, tmp_path)
    assert found["class-Donut"].status is Status.SKIPPED
    assert "too few to judge" in found["class-Donut"].message
    now = evaluation({**GOOD, "Donut": (0, 5), "Loc": (0, 3), "Random": (0, 1)})
    found = compared(now, before, tmp_path)
    assert {"class-Donut", "class-Loc"} <= red(found)
    assert "collapsed" in found["class-Loc"].message
    assert found["class-Random"].status is Status.SKIPPED


def test_many_small_falls_show_in_the_mean(tmp_path: Path) -> None:
    before = evaluation(dict.fromkeys(PATTERNS, (55, 60)))
    found = compared(evaluation(dict.fromkeys(PATTERNS, (53, 60))), before, tmp_path)
    assert red(found) == {"mean", "accepted-wrong"}


def test_wrong_wafers_that_nobody_looks_at_any_more_are_seen(tmp_path: Path) -> None:
    """The answers are the same; only the verdicts changed."""
    half = {**GOOD, "Loc": (50, 100)}
    before = evaluation(half, reviewed=sum(wafers for _, wafers in half.values()))
    assert "accepted-wrong" not in red(compared(before, before, tmp_path))
    assert "accepted-wrong" in red(compared(evaluation(half), before, tmp_path))


def test_reason_that_stands_for_no_wafer_any_more_is_named(tmp_path: Path) -> None:
    before = evaluation(GOOD, reviewed=40)
    now = dataclasses.replace(before, reasons=tuple(one and Reason.MIXED for one in before.reasons))
    assert "low-confidence" in compared(now, before, tmp_path)["review-share"].message
    assert red(compared(now, before, tmp_path)) == {"review-share"}


def test_class_that_the_data_lacks_is_skipped_by_name(tmp_path: Path) -> None:
    some = evaluation({"Loc": (90, 100), "none": (90, 100)})
    found = compared(some, some, tmp_path)
    assert found["class-Donut"].status is Status.SKIPPED
    assert "no wafer of Donut" in found["class-Donut"].message


@pytest.mark.parametrize(
    ("before", "now", "is_red"), [(90, 0, True), (90, 60, False), (90, 140, True), (90, 110, False)]
)
def test_share_for_a_person_may_not_vanish_nor_swell(
    tmp_path: Path, before: int, now: int, is_red: bool
) -> None:
    found = compared(evaluation(GOOD, reviewed=now), evaluation(GOOD, reviewed=before), tmp_path)
    assert red(found) == ({"review-share"} if is_red else set())


def test_lost_temperature_shows_in_the_calibration(tmp_path: Path) -> None:
    before = evaluation(GOOD, confidence=0.9)
    assert red(compared(evaluation(GOOD, confidence=0.999), before, tmp_path)) == {"calibration"}
    assert red(compared(evaluation(GOOD, confidence=0.93), before, tmp_path)) == set()


def test_pattern_that_is_never_named_is_dead(classifier: Classifier, tmp_path: Path) -> None:
    now = evaluation({**GOOD, "Donut": (0, 100)})
    before = as_baseline(evaluation(GOOD), tmp_path)
    for known in (before, None):
        (check,) = judge._dead(classifier, now, known)
        assert check.failed
        assert "Donut (of 100 wafers)" in check.message
    (check,) = judge._dead(classifier, now, as_baseline(now, tmp_path))
    assert not check.failed  # the trusted model did not name it either


def test_one_answer_for_all_is_dead_and_said_without_a_gate(
    generated: LabelledSet,
    classifier: Classifier,
    sound: ModelFileAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = generated.select(np.asarray([0, 6]))  # too few of a class to miss it
    always = classifier.classify(generated.wafer_map(0))
    monkeypatch.setattr(Classifier, "classify", lambda *_: always)
    found = judge.run(sound, lambda: few, None, 1.0)
    assert "dead-classes" in found.red
    told = [line for line in found.warnings if f"every wafer is called {always.pattern}" in line]
    assert len(told) == 1


def test_run_reports_every_check(
    generated: LabelledSet, sound: ModelFileAudit, tmp_path: Path
) -> None:
    first = judge.run(sound, lambda: generated, None, 1.0)
    assert [check.name for check in first.checks] == list(NAMES)
    assert first.red == []
    assert first.result is not None
    assert any("fewer than 20 wafers" in warning for warning in first.warnings)
    before = as_baseline(first.result, tmp_path)
    again = judge.run(sound, lambda: generated, lambda: before, 0.0)
    again.raise_if_red()
    assert {check.status for check in again.checks} == {Status.PASSED, Status.SKIPPED}


def test_baseline_of_other_wafers_ends_the_comparison_not_the_report(
    generated: LabelledSet, sound: ModelFileAudit, tmp_path: Path
) -> None:
    before = as_baseline(evaluation(GOOD), tmp_path)
    found = judge.run(sound, lambda: generated, lambda: before, 1.0)
    assert found.red == ["baseline"]
    assert found.result is not None
    with pytest.raises(DataError, match="other wafers"):
        found.raise_if_red()


def test_unusable_data_is_reported_with_all_else(sound: ModelFileAudit) -> None:
    empty = judge.run(sound, lambda: build([], []), None, 1.0)
    assert empty.red == ["data"]
    with pytest.raises(DataError, match="no wafer"):
        empty.raise_if_red()
    by_name = {check.name: check for check in empty.checks}
    assert by_name["self-test"].status is Status.PASSED
    assert by_name["mean"].status is Status.SKIPPED


def test_wafers_that_trained_the_model_are_no_judges(
    generated: LabelledSet, shipped: ModelFile
) -> None:
    sketch = build_sketch(generated.select(np.arange(0, len(generated), 2)).fingerprints())
    trained = with_metadata(shipped, put("training", "sketch", value=sketch))
    sound = ModelFileAudit([], Classifier(trained))
    found = judge.run(sound, lambda: generated, None, 1.0)
    assert found.red == ["data"]
    assert found.result is not None
    assert found.result.overlap is not None
    assert found.result.overlap.share == pytest.approx(0.5)
    assert any("overlaps the training data" in warning for warning in found.warnings)
    with pytest.raises(GateError, match="red: data"):
        found.raise_if_red()
    others = dataclasses.replace(found, checks=[])
    others.raise_if_red()
