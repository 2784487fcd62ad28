"""Archives that say what is not true cost nothing, whoever opens them."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edge.formats.npz
from edge.classification.classifier import Classifier
from edge.dataset import labelled_set, mixedwm38, reading
from edge.errors import DataError, InputError, ModelError, WmEdgeError
from edge.formats.archive import open_archive
from edge.formats.npz import Arrays
from edge.formats.reading import read
from edge.gate import soundness
from edge.model import model_file
from tests.support.archives import many_members
from train.importers import import_dataset


def classify(path: Path) -> None:
    """As ``classify`` reads it."""
    list(read(path))


@pytest.mark.parametrize(
    ("reader", "start", "error"),
    [
        (classify, b"", InputError),
        (reading.load, b"", DataError),
        (mixedwm38.read, b"", DataError),
        (import_dataset, b"", DataError),
        (model_file.load, b"\x20\0\0\0TFL3", ModelError),
    ],
)
def test_a_table_of_contents_is_bounded_whatever_is_said_of_it(
    tmp_path: Path, reader: Callable[[Path], object], start: bytes, error: type[WmEdgeError]
) -> None:
    path = tmp_path / "w.npz"
    path.write_bytes(many_members(30_000, start))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(error):
            reader(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * size + 3 * 2**20
    finally:
        tracemalloc.stop()


def test_the_gate_opens_no_such_model(tmp_path: Path) -> None:
    path = tmp_path / "w.tflite"
    path.write_bytes(many_members(30_000, b"\x20\0\0\0TFL3"))
    found = soundness.examine(path, Classifier)
    assert [check.name for check in found.checks if check.failed] == ["model-file"]


def test_an_honest_archive_is_whole() -> None:
    content = np.random.default_rng(1).bytes(3 * 2**20)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a", content)
    with open_archive(written) as archive:
        assert archive.read("a") == content
    assert not written.closed


def test_arrays_of_any_type_and_order(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays = {
        "rows": np.arange(12).reshape(3, 4),
        "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "text": np.array(["Edge-Ring", "none"]),
        "nothing": np.zeros((0, 3)),
        "one": np.array(7),
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    with Arrays(path) as file:
        assert file.names == set(arrays)
        for name, values in arrays.items():
            found = file.read(name)
            assert found.dtype == values.dtype
            assert np.array_equal(found, values)


def test_what_arrays_unpack_to_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.formats.npz, "MAX_UNPACKED", 1000)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(600, np.uint8), b=np.zeros(600, np.uint8))
    with Arrays(tmp_path / "a.npz") as file:
        file.read("a")
        with pytest.raises(ValueError, match="unpack to more than"):
            file.read("b")


@pytest.mark.parametrize("name", ["MAX_WAFERS", "MAX_UNPACKED"])
def test_a_labelled_set_has_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    grids = [np.ones((2, 3), np.uint8)] * 5
    path = tmp_path / "set.npz"
    labelled_set.build(grids, ["none"] * 5).save(path)
    for place in ("edge.formats.npz", "edge.dataset.reading", "edge.formats.labelled_set"):
        monkeypatch.setattr(f"{place}.{name}", 4, raising=False)
    with pytest.raises(DataError, match=r"wafers|unpack to more"):
        reading.load(path)
    with pytest.raises(InputError, match="more than"):
        list(read(path))
