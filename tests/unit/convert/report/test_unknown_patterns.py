"""Drawn patterns stay on the wafer and do what their name says."""

from __future__ import annotations

import numpy as np
import pytest

from convert.report.unknown_patterns import UnknownPattern, draw
from edge.dataset.labelled_set import LabelledSet
from edge.wafer.wafermap import FAIL, NO_DIE, PASS, DieGrid
from train.synth import round_grid


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
    monkeypatch.setattr("convert.report.unknown_patterns.DENSITY", (1.0, 1.0))
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
