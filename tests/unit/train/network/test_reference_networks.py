"""The predecessor's preparation, kept for comparison, with its quirks."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dataset.labelled_set import LabelledSet, build
from edge.wafer.wafermap import FAIL, NO_DIE, PASS
from train.network import reference_networks

DARK, GREEN, YELLOW = (68, 1, 84), (33, 145, 140), (253, 231, 37)


@pytest.mark.parametrize("shape", [(1, 1), (26, 26), (53, 52), (54, 51), (107, 53), (300, 202)])
def test_encoding_has_one_shape(shape: tuple[int, int]) -> None:
    encoded = reference_networks.encode(np.full(shape, FAIL, np.uint8))
    assert encoded.shape == reference_networks.SHAPE
    assert encoded.dtype == np.uint8


def test_small_maps_are_padded_around_their_centre() -> None:
    encoded = reference_networks.encode(np.asarray([[PASS, FAIL]], np.uint8))
    assert tuple(encoded[26, 25]) == GREEN
    assert tuple(encoded[26, 26]) == YELLOW
    assert tuple(encoded[0, 0]) == tuple(encoded[26, 27]) == DARK


def test_all_pass_wafer_wears_the_colour_of_failing_dies() -> None:
    """The quirk: colours are scaled to each picture's own largest value."""
    passing, failing = (
        reference_networks.encode(np.full((20, 20), state, np.uint8)) for state in (PASS, FAIL)
    )
    assert np.array_equal(passing, failing)
    assert {tuple(colour) for colour in passing.reshape(-1, 3)} == {DARK, YELLOW}


def test_map_of_the_full_size_with_one_state_is_dark() -> None:
    encoded = reference_networks.encode(np.full((53, 52), PASS, np.uint8))
    assert {tuple(colour) for colour in encoded.reshape(-1, 3)} == {DARK}


@pytest.mark.parametrize("pattern", reference_networks.SYNTHETIC_PATTERNS)
def test_synthetic_wafers_are_round_and_repeatable(pattern: str) -> None:
    one, two = (reference_networks.draw(pattern, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, two)
    assert one.shape == (53, 52)
    assert one[0, 0] == NO_DIE
    assert 0.03 < (one == FAIL).sum() / (one != NO_DIE).sum() < 1


def test_its_five_classes_are_filled_up(generated: LabelledSet) -> None:
    counts = reference_networks.add_synthetics(generated, 8, 0).class_counts()
    assert {name for name, count in counts.items() if count == 8} == set(
        reference_networks.SYNTHETIC_PATTERNS
    )
    assert set(counts.values()) == {6, 8}
    assert reference_networks.add_synthetics(generated, 3, 0).sha256() == generated.sha256()


def test_defect_wafers_get_four_copies() -> None:
    dies = np.asarray([[1, 2, 1], [1, 1, 0]], np.uint8)
    found = reference_networks.add_turned_copies(build([dies, dies], ["none", "Loc"]))
    assert found.labels.tolist() == ["none"] + ["Loc"] * 5
    assert {found.grid(index).shape for index in range(4, 6)} == {(3, 2)}
    assert len(set(found.fingerprints()[1:].tolist())) == 5
