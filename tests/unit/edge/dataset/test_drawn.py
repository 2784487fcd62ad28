"""The wafers of a benchmark are the same in every run."""

from __future__ import annotations

import numpy as np
import pytest

from edge.bench.measure import SAMPLE, sample
from edge.dataset.drawn import SIDES, drawn
from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import DataError
from edge.wafer.encoding import encode
from edge.wafer.patterns import PATTERNS


def test_drawn_wafers_are_round_and_always_the_same() -> None:
    first = drawn()
    assert first.sha256() == drawn().sha256()
    assert set(first.class_counts().values()) == {len(SIDES)}
    assert set(first.labels.tolist()) == set(PATTERNS)
    for index in range(len(first)):
        grid = first.grid(index)
        assert grid[0, 0] == 0
        assert grid[len(grid) // 2, len(grid) // 2] != 0
        assert {1, 2} <= set(np.unique(grid).tolist())
        assert encode(grid).any()


def test_a_sample_is_part_of_the_set_and_always_the_same(generated: LabelledSet) -> None:
    few = sample(generated)
    assert len(few) == len(generated) < SAMPLE
    many = generated.select(np.arange(3 * SAMPLE) % len(generated))
    assert len(sample(many)) == SAMPLE
    assert sample(many).sha256() == sample(many).sha256()


def test_wafers_that_no_network_is_asked_about_are_passed_over() -> None:
    empty, one = np.ones((5, 5), np.uint8), np.full((5, 5), 2, np.uint8)
    assert len(sample(build([empty, one], ["none", "none"]))) == 1
    for maps in ([empty], []):
        with pytest.raises(DataError, match="no wafer with 3 failing dies"):
            sample(build(maps, ["none"] * len(maps)))
