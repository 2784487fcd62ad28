"""Groups of wafers that the model file cannot know, on generated wafers."""

from __future__ import annotations

import numpy as np
import pytest

from convert.report import out_of_distribution
from convert.report.out_of_distribution import (
    Group,
    UnknownPattern,
    appendices,
    draw,
    new_patterns,
    several_patterns,
)
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.mixedwm38 import Mixed
from edge.errors import InputError
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.synth import round_grid
from edge.verdict.rule import REVIEW_REASONS, Reason
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid


@pytest.fixture(scope="module")
def evaluation(generated: LabelledSet, classifier: Classifier) -> Evaluation:
    return evaluate(generated, classifier)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out_of_distribution, "DRAWN", 12)
    monkeypatch.setattr(out_of_distribution, "JUDGED", 2)


def check(group: Group, wafers: int) -> None:
    assert group.wafers == wafers
    assert set(group.reasons) == set(REVIEW_REASONS)
    assert group.review == pytest.approx(sum(group.reasons.values()) / wafers)
    assert 0 <= group.auroc <= 1
    assert group.given in PATTERNS


def test_new_patterns_a_group_a_kind(
    generated: LabelledSet, evaluation: Evaluation, classifier: Classifier
) -> None:
    told: list[int] = []
    groups = new_patterns(
        generated, evaluation, classifier, lambda _what, done, _total: told.append(done)
    )
    assert [group.name for group in groups] == [kind.value for kind in UnknownPattern]
    assert told == list(range(len(UnknownPattern) + 1))
    for group in groups:
        check(group, 12)
    assert groups == new_patterns(generated, evaluation, classifier)
    assert groups != new_patterns(generated, evaluation, classifier, seed=1)


def test_a_set_without_plain_wafers_serves_as_well(
    generated: LabelledSet, evaluation: Evaluation, classifier: Classifier
) -> None:
    groups = new_patterns(generated.select(generated.labels == "Loc"), evaluation, classifier)
    assert len(groups) == len(UnknownPattern)


def mixed(generated: LabelledSet, value: int) -> Mixed:
    """Six wafers of one size: one without, two with one, three with two patterns."""
    maps = np.stack([generated.grid(0)] * 6)
    maps[-1, 5, 5] = value
    patterns = np.zeros((6, 3), bool)
    patterns[1:3, 0] = patterns[3:, 1:] = True
    return Mixed(maps, patterns, ("Center", "Loc", "Scratch"))


def test_several_patterns_a_group_a_number(
    generated: LabelledSet, evaluation: Evaluation, classifier: Classifier
) -> None:
    groups = several_patterns(mixed(generated, 3), evaluation, classifier)
    names = ["no pattern", "one pattern", "2 patterns at once"]
    assert [group.name for group in groups] == names
    for group, wafers in zip(groups, (1, 2, 2), strict=True):
        check(group, wafers)


def test_a_map_with_another_value_is_named(
    generated: LabelledSet,
    evaluation: Evaluation,
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(out_of_distribution, "JUDGED", 3)
    with pytest.raises(InputError, match=r"MixedWM38\[5\]: value 7 at row 5, column 5"):
        several_patterns(mixed(generated, 7), evaluation, classifier)


def test_tables_say_what_the_groups_say(
    generated: LabelledSet, evaluation: Evaluation, classifier: Classifier
) -> None:
    found = appendices(generated, evaluation, classifier, mixed(generated, 3))
    assert [table.title for table in found] == [
        "Patterns that no class covers",
        "Several patterns at once",
    ]
    assert len(appendices(generated, evaluation, classifier)) == 1
    groups = (
        new_patterns(generated, evaluation, classifier),
        several_patterns(mixed(generated, 3), evaluation, classifier),
    )
    for table, own in zip(found, groups, strict=True):
        for row, group in zip(table.rows, own, strict=True):
            cells = dict(zip(table.head, row, strict=True))
            assert cells["wafers with"] == group.name
            assert cells["number"] == str(group.wafers)
            assert cells["AUROC"] == f"{group.auroc:.3f}"
            assert cells["to review"] == f"{100 * group.review:.1f} %"
            mixed_share = 100 * group.reasons[Reason.MIXED] / group.wafers
            assert cells["mixed"] == f"{mixed_share:.1f} %"
            assert cells["mostly named"] == group.given


@pytest.mark.parametrize("kind", UnknownPattern)
def test_only_dies_fail_and_no_fail_is_taken_back(
    kind: UnknownPattern, generated: LabelledSet
) -> None:
    for seed in range(12):
        wafer = generated.grid(seed * 4)
        before = wafer.copy()
        drawn = draw(kind, wafer, np.random.default_rng(seed))
        assert np.array_equal(wafer, before)
        assert (drawn.shape, drawn.dtype) == (wafer.shape, np.uint8)
        assert np.array_equal(drawn == NO_DIE, wafer == NO_DIE)
        assert (drawn >= wafer).all()
        again = draw(kind, wafer, np.random.default_rng(seed))
        assert np.array_equal(drawn, again)


def failing(kind: UnknownPattern, monkeypatch: pytest.MonkeyPatch) -> list[tuple[DieGrid, float]]:
    """Twenty clean round wafers with every die of the pattern failing, and the share that fails."""
    monkeypatch.setattr("convert.report.out_of_distribution.DENSITY", (1.0, 1.0))
    clean = np.where(round_grid(40, 40) != NO_DIE, PASS, NO_DIE).astype(np.uint8)
    drawn = [draw(kind, clean, np.random.default_rng(seed)) for seed in range(20)]
    return [(one, (one == FAIL).sum() / (clean == PASS).sum()) for one in drawn]


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (UnknownPattern.RETICLE, 0.03, 0.28),
        (UnknownPattern.STRIPES, 0.2, 0.7),
        (UnknownPattern.CHECKERBOARD, 0.4, 0.6),
        (UnknownPattern.HALF, 0.3, 0.7),
        (UnknownPattern.SPOKES, 0.1, 0.4),
        (UnknownPattern.LETTER, 0.02, 0.4),
    ],
)
def test_share_of_failing_dies(
    kind: UnknownPattern, low: float, high: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(low <= share <= high for _, share in failing(kind, monkeypatch))


def test_reticle_repeats_and_half_is_one_sided(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn, _ in failing(UnknownPattern.RETICLE, monkeypatch):
        for places in (places for places in np.nonzero(drawn == FAIL)):
            steps = np.unique(np.diff(np.unique(places)))
            assert len(steps) == 1
            assert 2 <= steps[0] <= 5
    for drawn, _ in failing(UnknownPattern.HALF, monkeypatch):
        y, x = (places.mean() for places in np.nonzero(drawn == FAIL))
        assert np.hypot(y - 19.5, x - 19.5) > 4
