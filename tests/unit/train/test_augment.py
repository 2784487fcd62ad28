"""Turns and flips keep a wafer what it is."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet
from edge.wafer.encoding import SYMMETRIES, symmetry
from train.augment import random_symmetries, random_turns
from train.batches import encode_all


@pytest.fixture(scope="module")
def planes(generated: LabelledSet) -> np.ndarray:
    return encode_all(generated).planes


def test_random_symmetries_only_permute(planes: np.ndarray) -> None:
    """Each wafer becomes one of its own eight views, and all eight occur."""
    before = planes.copy()
    turned = random_symmetries(planes, np.random.default_rng(0))
    assert np.array_equal(planes, before)
    chosen = set()
    for wafer, found in zip(planes, turned, strict=True):
        views = [symmetry(wafer[np.newaxis], which)[0] for which in range(SYMMETRIES)]
        same = [which for which, view in enumerate(views) if np.array_equal(view, found)]
        assert same
        chosen.update(same[:1])
    assert chosen == set(range(SYMMETRIES))


def test_random_turns_keep_the_shares_of_dies_and_fails(planes: np.ndarray) -> None:
    turned = random_turns(planes, 1.0, np.random.default_rng(0))
    assert not np.array_equal(turned, planes)
    before, after = (p.astype(float).mean(axis=(1, 2)) for p in (planes, turned))
    assert after[:, 1] == pytest.approx(before[:, 1], rel=0.03)  # the wafer stays whole
    assert after[:, 0] == pytest.approx(before[:, 0], rel=0.15, abs=2)
    # No die may appear in the corners, where a wafer never has any.
    assert turned[:, :3, :3].max() <= 32


def test_share_of_turned_wafers(planes: np.ndarray) -> None:
    many = np.tile(planes, (8, 1, 1, 1))
    assert np.array_equal(random_turns(many, 0.0, np.random.default_rng(0)), many)
    turned = random_turns(many, 0.25, np.random.default_rng(0))
    share = np.mean([not np.array_equal(a, b) for a, b in zip(many, turned, strict=True)])
    assert share == pytest.approx(0.25, abs=0.07)
