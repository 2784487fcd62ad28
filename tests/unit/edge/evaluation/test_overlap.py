"""The sketch of the training wafers: finds them again, and no others."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.evaluation.overlap import Overlap, overlap_of
from edge.model.training import KEPT, Sketch
from edge.model.training import build as build_sketch


def small_maps(wafers: int, seed: int) -> LabelledSet:
    """Different maps of 8 x 8 dies."""
    rng = np.random.default_rng(seed)
    return build(rng.integers(0, 3, (wafers, 8, 8), dtype=np.uint8), ["Loc"] * wafers)


def test_small_training_set_is_found_whole_and_no_other_wafer() -> None:
    trained, other = small_maps(300, 0), small_maps(500, 1)
    sketch = Sketch.parse(build_sketch(trained.fingerprints()))
    assert overlap_of(sketch, trained) == Overlap(300, 300, 300)
    assert overlap_of(sketch, other) == Overlap(500, 500, 0)
    mixed = overlap_of(sketch, concatenate([trained.select(np.arange(100)), other]))
    assert (mixed.found, mixed.sampled) == (100, 600)


def test_large_training_set_is_sampled_and_the_share_estimated() -> None:
    rng = np.random.default_rng(0)
    shared = small_maps(2000, 2)
    prints = np.concatenate(
        [rng.integers(0, 2**64, 38_000, dtype=np.uint64), shared.fingerprints()]
    )
    text = build_sketch(prints)
    assert len(text) < 5_000
    found = overlap_of(Sketch.parse(text), concatenate([shared, small_maps(2000, 3)]))
    low, high = found.interval
    assert low < 0.5 < high
    assert high - low < 0.25
    assert found.sampled < 4000 / 16


def test_other_wafers_are_mistaken_for_trained_ones_as_rarely_as_documented() -> None:
    rng = np.random.default_rng(1)
    sketch = Sketch.parse(build_sketch(rng.integers(0, 2**64, KEPT, dtype=np.uint64)))
    looked_up = rng.integers(0, 2**24, 400_000, dtype=np.uint32)
    assert np.isin(looked_up, sketch.kept).mean() < 0.0003


def test_warning_says_how_bad_it_is() -> None:
    assert Overlap(100, 100, 0).warning() == ""
    little, much = Overlap(100, 100, 11), Overlap(100, 100, 30)
    assert "a little too good" in little.warning()
    assert not little.too_large
    assert "say nothing of new wafers" in much.warning()
    assert much.too_large
    assert "stands for 3 to 56 % of all" in Overlap(100, 6, 1).warning()


def test_nothing_that_could_be_looked_up_says_nothing() -> None:
    unknown = Overlap(20, 0, 0)
    assert unknown.share == 0
    assert unknown.interval == (0, 1)


@given(st.sets(st.integers(0, 2**64 - 1), max_size=200))
def test_what_is_built_can_be_read(prints: set[int]) -> None:
    values = np.asarray(sorted(prints), np.uint64)
    sketch = Sketch.parse(build_sketch(values))
    assert sketch.skip == 0
    assert set(sketch.kept.tolist()) == {(value >> 16) & 0xFFFFFF for value in prints}


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\1\2", b"\x11\0\0\1", b"\0\0\0\2\0\0\1", b"\0\0\0\1\0\0\1"],
    ids=["empty", "half a fingerprint", "unknown sample", "out of order", "twice"],
)
def test_damaged_sketch_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="sketch of the training wafers"):
        Sketch.parse(base64.b64encode(content).decode())


def test_text_that_is_no_base64_is_refused() -> None:
    for text in ("äöü", "A", "AAA\n", "****"):
        with pytest.raises(ValueError, match="sketch of the training wafers"):
            Sketch.parse(text)
