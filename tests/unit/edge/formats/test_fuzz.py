"""Whatever the bytes: wafer maps or an ``InputError``, never anything else."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.errors import InputError
from edge.formats.fab.fab_map import of_wafer
from edge.formats.reading import read
from edge.formats.registry import ARCHIVES, FAB_TEXTS, FORMATS, SUFFIXES
from edge.wafer.wafermap import WaferMap

LIMITS = settings(
    derandomize=True,
    deadline=None,
    max_examples=75,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

#: Up to 6 x 6: such small maps are never taken for magnified or ruled ones.
GRIDS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)),
                      elements=st.integers(0, 2))  # fmt: skip

#: Formats that list dies, so that a grid ends at its outermost ones.
LISTS = (".stdf",)

SAMPLE = np.array([[0, 1, 1, 0], [1, 2, 1, 1], [1, 1, 2, 1], [0, 1, 1, 0]], np.uint8)


def write(path: Path, dies: npt.NDArray[np.uint8]) -> None:
    """One map in the format of the suffix."""
    fab = next(entry for entry in FORMATS + FAB_TEXTS if path.suffix in entry.suffixes)
    if fab.is_fab:
        with path.open("wb") as file:
            import_module(fab.module).write([of_wafer(WaferMap(dies))], file)
    elif path.suffix == ".npy":
        np.save(path, dies)
    elif path.suffix == ".npz":
        np.savez_compressed(
            path, dies=dies.ravel(), offsets=[0, dies.size], shapes=[dies.shape], lot=[3]
        )
    elif path.suffix in (".csv", ".tsv"):
        np.savetxt(path, dies, "%d", {".csv": ",", ".tsv": "\t"}[path.suffix])
    elif path.suffix in (".jpg", ".jpeg"):
        large = (dies * 127).repeat(8, axis=0).repeat(8, axis=1)
        path.write_bytes(cv2.imencode(path.suffix, large)[1].tobytes())
    else:
        path.write_bytes(cv2.imencode(path.suffix, dies)[1].tobytes())


def consume(path: Path) -> Iterator[WaferMap]:
    """Read to the end; anything but an ``InputError`` fails the test."""
    try:
        for item in read(path):
            if isinstance(item, WaferMap):
                assert item.dies.dtype == np.uint8
                assert 1 <= item.dies.max() <= 2
                yield item
            else:
                assert isinstance(item, InputError)
    except InputError as error:
        if not error.source.startswith(str(path)):
            pytest.fail(f"the error does not name its file: {error}")


@pytest.mark.parametrize("suffix", sorted(SUFFIXES.difference(ARCHIVES, [".jpg", ".jpeg"])))
@LIMITS
@given(dies=GRIDS)
def test_read_returns_what_was_written(
    tmp_path: Path, suffix: str, dies: npt.NDArray[np.uint8]
) -> None:
    assume(dies.any())
    # What may be a header of column numbers is refused.
    assume(suffix not in (".csv", ".tsv") or dies[0].tolist() not in ([0, 1], [0, 1, 2], [1, 2]))
    # Codes that fail all around may be meant for no die.
    assume(suffix != ".sinf" or not (dies[:: max(1, len(dies) - 1), [0, -1]] == 2).all())
    path = tmp_path / f"w{suffix}"
    write(path, dies)
    (found,) = consume(path)
    if suffix in LISTS:
        rows, columns = np.nonzero(dies)
        dies = dies[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert np.array_equal(found.dies, dies)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES.difference(ARCHIVES)))
@LIMITS
@given(data=st.data())
def test_damaged_files(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"w{suffix}"
    write(path, SAMPLE)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    keep = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
    path.write_bytes(content[:keep])
    list(consume(path))


SIGNATURES = [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"BM\0\0\0\0\0\0\0\0",
              b"II*\0", b"MM\0+", b"\x93NUMPY\1\0", b"PK\3\4", b"PK\5\6",
              b"\2\0\0\n\2\4", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0"]  # fmt: skip


@pytest.mark.parametrize("suffix", [".png", ".csv", ".dat"])
@LIMITS
@given(start=st.sampled_from(SIGNATURES), rest=st.binary(max_size=300))
def test_random_bytes(tmp_path: Path, suffix: str, start: bytes, rest: bytes) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(start + rest)
    list(consume(path))
