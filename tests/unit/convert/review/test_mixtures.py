"""Two patterns on one wafer: made of two, on the dies of one, and told from one."""

from __future__ import annotations

import numpy as np
import pytest

from convert.conversion_data import overlaid
from convert.review.mixtures import fit_detector
from edge.dataset.encoded_set import EncodedSet
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation.calibration import auroc
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS, WM811K, Pattern


@pytest.fixture(scope="module")
def planes(generated: LabelledSet) -> np.ndarray:
    return np.stack([encoding.encode(generated.grid(index)) for index in range(len(generated))])


def is_overlay(made: np.ndarray, first: np.ndarray) -> bool:
    """Could ``made`` be this wafer with more fails on its dies?"""
    same_dies = np.array_equal(made[..., 1], first[..., 1])
    return bool(same_dies and (made[..., 0] >= first[..., 0]).all())


def test_made_wafers_stand_on_the_dies_of_a_patterned_one(
    generated: LabelledSet, planes: np.ndarray
) -> None:
    classes = generated.class_indices()
    alone = [PATTERNS.index(name) for name in ("Near-full", "Random", "none")]
    sources = planes[~np.isin(classes, alone)]
    single, double = overlaid(EncodedSet(planes, classes, WM811K), 15, np.random.default_rng(0))
    assert single.shape == double.shape == (15, *planes.shape[1:])
    for made in (*single, *double):
        assert made.dtype == np.uint8
        assert (made[..., 0] <= made[..., 1]).all()
        assert any(is_overlay(made, first) for first in sources)
    again, _ = overlaid(EncodedSet(planes, classes, WM811K), 15, np.random.default_rng(0))
    assert np.array_equal(single, again)


def test_both_patterns_are_on_it() -> None:
    """Left half fails, top half fails: on the wafer with both, all but one quarter does."""
    side = 8
    planes = np.zeros((2, side, side, 2), np.uint8)
    planes[..., 1] = 255
    planes[0, :, : side // 2, 0] = planes[1, : side // 2, :, 0] = 255
    classes = np.asarray([PATTERNS.index("Loc"), PATTERNS.index("Scratch")])
    single, double = overlaid(EncodedSet(planes, classes, WM811K), 3, np.random.default_rng(0))
    assert len(single) == 0  # nothing plain to take scatter from
    for made in double:
        assert made[..., 0].tolist() == planes[..., 0].max(axis=0).tolist()


def test_one_class_alone_makes_none(generated: LabelledSet, planes: np.ndarray) -> None:
    own = np.isin(generated.labels, ["Loc", "none", "Random"])
    classes = generated.class_indices()[own]
    single, double = overlaid(EncodedSet(planes[own], classes, WM811K), 5, np.random.default_rng(0))
    assert (len(single), len(double)) == (0, 0)
    assert PATTERNS[classes[-1]] == Pattern.NONE.value


def test_detector_tells_two_clouds_apart_by_a_probability() -> None:
    rng = np.random.default_rng(0)
    single = rng.normal(0, 1, (500, 4))
    double = rng.normal(0, 1, (80, 4)) + np.asarray([3, -3, 0, 3])
    weights, bias = fit_detector(single, double)
    logits = [some @ weights + bias for some in (single, double)]
    assert auroc(*logits) > 0.99
    assert all((logit > 0).mean() == pytest.approx(k, abs=0.05) for k, logit in enumerate(logits))
    assert np.argmin(np.abs(weights)) == 2


def test_detector_without_an_example_calls_nothing_mixed() -> None:
    weights, bias = fit_detector(np.ones((5, 3)), np.empty((0, 3)))
    assert weights.tolist() == [0, 0, 0]
    assert bias < -50
