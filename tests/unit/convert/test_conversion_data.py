"""What a conversion works on: each part for its purpose, encoded as the station encodes."""

from __future__ import annotations

import numpy as np
import pytest

from convert import conversion_data
from convert.conversion_data import ConversionData
from convert.firmware.golden import few_fails
from edge.dataset.encoded_set import EncodedSet, encoded
from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.errors import DataError
from edge.wafer import encoding
from edge.wafer.patterns import WM811K


@pytest.fixture(scope="module")
def divided(generated: LabelledSet) -> LabelledSet:
    parts = np.asarray(["train", "val", "test"])[generated.columns["lot"] % 3]
    return generated.with_columns(part=parts)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion_data, "MIXTURES", 4)


def rows(planes: np.ndarray) -> set[bytes]:
    return {wafer.tobytes() for wafer in planes}


def test_every_part_serves_its_purpose_alone(divided: LabelledSet) -> None:
    found = ConversionData.of(divided, encoding.SIZE, seed=0)
    for part, wafers in (("train", found.train), ("val", found.val), ("test", found.test)):
        own = divided.select(divided.columns["part"] == part)
        assert sorted(wafers.classes.tolist()) == sorted(own.class_indices().tolist())
        assert rows(wafers.planes) == rows(encoded(own, encoding.SIZE).planes)
    assert rows(found.calibration.planes) <= rows(found.train.planes)
    assert len(found.scattered) == len(found.mixtures) == 4
    dies = {wafer[..., 1].tobytes() for wafer in found.train.planes}
    assert {wafer[..., 1].tobytes() for wafer in found.mixtures} <= dies


def test_wafers_that_no_network_is_asked_about_fit_nothing_and_are_judged(
    divided: LabelledSet,
) -> None:
    clear = build([few_fails(2)] * 3, ["none"] * 3, part=np.asarray(["train", "val", "test"]))
    found = ConversionData.of(concatenate([divided, clear]), encoding.SIZE, seed=0)
    plain = ConversionData.of(divided, encoding.SIZE, seed=0)
    assert len(found.train.classes) == len(plain.train.classes)
    assert len(found.val.classes) == len(plain.val.classes)
    assert len(found.test.classes) == len(plain.test.classes) + 1


def test_all_of_it_has_the_size_that_the_network_takes(divided: LabelledSet) -> None:
    found = ConversionData.of(divided, 30, seed=0)
    parts = (found.train.planes, found.val.planes, found.test.planes)
    for planes in (*parts, found.scattered, found.mixtures, found.calibration.planes):
        assert planes.shape[1:] == (30, 30, 2)


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_an_empty_part_is_an_error(divided: LabelledSet, part: str) -> None:
    with pytest.raises(DataError, match=f"the {part} part is empty"):
        ConversionData.of(divided.select(divided.columns["part"] != part), encoding.SIZE, 0)


def test_at_most_so_many_of_a_class() -> None:
    classes = np.asarray([0, 0, 0, 3, 8, 8])
    wafers = EncodedSet(np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1), classes, WM811K)
    found = wafers.per_class(2, np.random.default_rng(0))
    assert sorted(found.classes.tolist()) == [0, 0, 3, 8, 8]
    assert [classes[k] for k in found.planes.ravel()] == found.classes.tolist()
    assert len(rows(found.planes)) == 5
