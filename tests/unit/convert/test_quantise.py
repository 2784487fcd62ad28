"""Which wafers set the ranges of the int8 network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from convert.quantise import calibration_set
from edge.dataset.labelled_set import LabelledSet, Part, build, concatenate
from edge.dataset.split import split
from edge.errors import DataError
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS


def test_the_same_number_of_each_class_from_the_part_given(generated: LabelledSet) -> None:
    """Only the train part is handed over, and nothing else can be reached from there."""
    labelled, _ = split(generated)
    train_part = labelled.part(Part.TRAIN)
    found = calibration_set(train_part, seed=2, per_class=3)
    counts = train_part.class_counts()
    assert found.manifest["part"] == "train"
    assert found.manifest["per_class"] == {name: min(3, counts[name]) for name in PATTERNS}
    assert found.manifest["wafers"] == len(found.indices) == len(found.planes)
    assert len(set(found.indices.tolist())) == len(found.indices)
    prints = {f"{number:016x}" for number in train_part.fingerprints().tolist()}
    assert set(found.manifest["fingerprints"]) <= prints
    others = labelled.select(labelled.columns["part"] != "train").fingerprints().tolist()
    assert not {f"{number:016x}" for number in others} & set(found.manifest["fingerprints"])


def test_planes_and_manifest_are_of_the_wafers_chosen(generated: LabelledSet) -> None:
    found = calibration_set(generated, per_class=2)
    for place, index in enumerate(found.indices.tolist()):
        assert np.array_equal(found.planes[place], encoding.encode(generated.grid(index)))
    prints = generated.select(found.indices).fingerprints().tolist()
    assert found.manifest["fingerprints"] == [f"{number:016x}" for number in prints]
    assert json.loads(json.dumps(found.manifest)) == found.manifest


def test_planes_have_the_size_that_the_network_takes(generated: LabelledSet) -> None:
    found = calibration_set(generated, per_class=1, size=30)
    assert found.planes.shape == (9, 30, 30, 2)


def test_seed_decides(generated: LabelledSet) -> None:
    one, two, other = (calibration_set(generated, seed, 2) for seed in (0, 0, 1))
    assert one.manifest == two.manifest
    assert not np.array_equal(one.indices, other.indices)


def test_a_class_that_is_missing_or_small_gives_what_it_has(generated: LabelledSet) -> None:
    few = generated.select(np.flatnonzero(generated.labels == "Loc")[:1])
    some = generated.select(generated.labels == "none")
    found = calibration_set(concatenate([few, some]), per_class=4)
    assert {name: n for name, n in found.manifest["per_class"].items() if n} == {
        "Loc": 1,
        "none": 4,
    }


def test_wafers_that_do_not_span_the_range_are_refused() -> None:
    failing, passing = np.full((60, 60), 2, np.uint8), np.full((60, 60), 1, np.uint8)
    with pytest.raises(DataError, match="both ends of the input range"):
        calibration_set(build([failing, failing], ["Near-full", "none"]))
    assert len(calibration_set(build([passing], ["none"])).planes) == 1


def test_shares_are_the_bytes_in_0_to_1() -> None:
    found = encoding.to_shares(np.asarray([0, 51, 255], np.uint8))
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([0.0, 0.2, 1.0])
