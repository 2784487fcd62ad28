"""The restricted unpickler: what it reads, and everything that it must refuse."""

from __future__ import annotations

import builtins
import bz2
import collections
import gzip
import io
import lzma
import os
import pickle
import resource
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.errors import DataError
from tests.support import pandas_pickle, recorded_frames
from train.importers import pickle_file, restricted_unpickler, table
from train.importers.pickle_types import Array, Dtype

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORDED = {
    name: value for name, value in vars(recorded_frames).items() if isinstance(value, bytes)
}


@pytest.fixture
def pickled(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "frame.pkl"
        path.write_bytes(content)
        return path

    return write


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def three_rows() -> list[pandas_pickle.Row]:
    lot = "lot1"
    return [
        pandas_pickle.Row(
            np.asarray([[0, 1, 0], [1, 2, 1], [0, 1, 0]], np.uint8), "none", "Training", lot, 1.0
        ),
        pandas_pickle.Row(np.asarray([[0, 200], [2, 1]], np.uint8), None, None, lot, 2.0),
        pandas_pickle.Row(np.asarray([[1, 2, 1]], np.uint8), "Edge-Ring", "Test", "lot2", 1.0),
    ]


# -- what it reads -----------------------------------------------------------------------------


def test_the_writer_of_the_tests_gives_the_bytes_of_pandas_0_19() -> None:
    file = io.BytesIO()
    pandas_pickle.write(file, three_rows())
    assert file.getvalue() == recorded_frames.LSWMD_PANDAS_0_19


@pytest.mark.parametrize("content", RECORDED.values(), ids=RECORDED.keys())
def test_frames_of_every_pandas_version_have_the_same_columns(
    pickled: Callable[[bytes], Path], content: bytes
) -> None:
    frame = table.read(pickled(content))
    assert frame.rows == 3
    assert {"waferMap", "dieSize", "lotName", "waferIndex", "failureType"} < set(frame.columns)
    assert [grid.values().tolist() for grid in frame.columns["waferMap"]] == [
        [[0, 1, 0], [1, 2, 1], [0, 1, 0]],
        [[0, 200], [2, 1]],
        [[1, 2, 1]],
    ]
    assert list(frame.columns["lotName"]) == ["lot1", "lot1", "lot2"]
    assert list(frame.columns["waferIndex"]) == [1, 2, 1]


def zipped(content: bytes, *others: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frame.pkl", content)
        for name in others:
            archive.writestr(name, b"beside")
    return file.getvalue()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zipped])
def test_a_compressed_frame_is_unpacked_up_to_a_bound(
    pickled: Callable[[bytes], Path],
    compress: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = recorded_frames.LSWMD_PANDAS_1_5
    path = pickled(compress(whole))
    assert table.read(path).rows == 3
    monkeypatch.setattr(pickle_file, "MAX_UNPACKED", len(whole) - 1)
    with pytest.raises(DataError, match="unpacks to more than"):
        restricted_unpickler.load(path)


def test_an_archive_may_hold_other_things_beside_one_pickle(
    pickled: Callable[[bytes], Path],
) -> None:
    whole = recorded_frames.LSWMD_PANDAS_1_5
    assert table.read(pickled(zipped(whole, "readme.txt", "folder/"))).rows == 3
    with pytest.raises(DataError, match="the archive holds 2 files; unpack the one"):
        table.read(pickled(zipped(whole, "other.pickle")))


@pytest.mark.parametrize(
    ("content", "room", "words"),
    [
        # A memo of 2**33 entries; Pythons to come may keep it as a dict.
        (b"\x80\x04Nr\xff\xff\xff\xff.", 2**33, "not fit into memory|NoneType"),
        (gzip.compress(b"\x80\x04(" + b"]" * 2**23 + b"l."), 2**27, "not fit into memory"),
    ],
)
def test_no_pickle_gets_more_memory_than_is_given_to_it(
    pickled: Callable[[bytes], Path],
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    room: int,
    words: str,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    monkeypatch.setattr(pickle_file, "MAX_MEMORY", room)
    with pytest.raises(DataError, match=words):
        table.read(pickled(content))
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zipped])
def test_a_damaged_compressed_frame_is_refused(
    pickled: Callable[[bytes], Path], compress: Callable[[bytes], bytes]
) -> None:
    packed = compress(recorded_frames.LSWMD_PANDAS_1_5)
    spoilt = packed[:200] + bytes(20) + packed[220:]
    for content in (packed[:200], spoilt):
        with pytest.raises(DataError, match=r"not a readable pickle|cannot be read"):
            table.read(pickled(content))


@pytest.mark.parametrize("code", [-2, 2, 127])
def test_a_code_of_no_category_is_refused(pickled: Callable[[bytes], Path], code: int) -> None:
    whole = recorded_frames.CATEGORIES_PANDAS_1_5
    codes = b"\x01\xff\x00"  # none, nothing, Edge-Ring of two categories
    assert codes in whole
    spoilt = whole.replace(codes, codes[:2] + struct.pack("b", code))
    with pytest.raises(DataError, match="a code of a category that is not there"):
        table.read(pickled(spoilt))


def test_column_major_maps_keep_their_orientation(tmp_path: Path) -> None:
    dies = np.asfortranarray([[0, 1, 2], [2, 2, 1]], dtype=np.uint8)
    path = pandas_pickle.save(tmp_path / "f.pkl", [pandas_pickle.Row(dies)])
    assert table.read(path).columns["waferMap"][0].values().tolist() == dies.tolist()


def test_progress_counts_the_bytes_of_the_file(pickled: Callable[[bytes], Path]) -> None:
    path = pickled(recorded_frames.LSWMD_PANDAS_0_19)
    calls: list[tuple[int, int]] = []
    restricted_unpickler.load(path, progress=lambda done, total: calls.append((done, total)))
    size = path.stat().st_size
    assert calls[-1] == (size, size)


# -- what it refuses ---------------------------------------------------------------------------


def _attacks() -> dict[str, tuple[bytes, str]]:
    nested = np.empty(1, object)
    nested[0] = Call(os.system, "touch pwned")
    chain = Call(getattr, Call(getattr, Call(__import__, "os"), "path"), "join")
    return {
        "os.system": (pickle.dumps(Call(os.system, "touch pwned"), 2), f"{os.name}.system"),
        "stack global": (pickle.dumps(Call(os.system, "touch pwned"), 4), f"{os.name}.system"),
        "eval": (pickle.dumps(Call(builtins.eval, "1"), 4), "builtins.eval"),
        "eval of python 2": (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        "instance opcode": (b"(S'touch pwned'\nios\nsystem\n.", "os.system"),
        "in an object array": (pickle.dumps(nested, 2), f"{os.name}.system"),
        "getattr chain": (pickle.dumps(chain, 4), "builtins.getattr"),
        "dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x14ndarray.__setstate__\x93.", "__setstate__"),
        "longer module": (b"cnumpy.core.multiarray_\n_reconstruct\n.", "multiarray_._reconstruct"),
        "submodule": (b"cpandas.core.frame.os\nsystem\n.", "pandas.core.frame.os.system"),
        "other name in an admitted module": (b"cnumpy\nload\n.", "numpy.load"),
        "codec by name": (b"c_codecs\nlookup\n.", "_codecs.lookup"),
        "harmless but needless": (
            pickle.dumps(collections.OrderedDict(a=1)),
            "collections.OrderedDict",
        ),
    }


@pytest.mark.parametrize(("content", "name"), _attacks().values(), ids=_attacks().keys())
def test_any_other_name_is_refused_before_it_runs(
    pickled: Callable[[bytes], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: bytes,
    name: str,
) -> None:
    path = pickled(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="refused: it names") as refusal:
        restricted_unpickler.load(path)
    assert name in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert not (tmp_path / "pwned").exists()


def test_a_refused_extension_type_says_what_to_do(pickled: Callable[[bytes], Path]) -> None:
    with pytest.raises(DataError, match="save it again with plain object columns"):
        restricted_unpickler.load(pickled(b"cpandas.arrays\nSparseArray\n."))


STATE_ON_A_CLASS = {
    "slots of a class": b"\x80\x02cnumpy\nndarray\nN}U\x06valuesK\x01s\x86b.",
    "dict of a class": b"\x80\x02cnumpy\ndtype\n}U\x05numpyK\x01sb.",
    "state of a function": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}U\x09_functionK\x01s\x86b."
    ),
    "state of slice": b"\x80\x02c__builtin__\nslice\nN}U\x05startK\x01s\x86b.",
    "reconstruct of another class": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nc__builtin__\nslice\nK\x00\x85U\x01b\x87R."
    ),
    "another encoding": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
    "bytes of a size": b"\x80\x02c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85R.",
    "persistent id": b"\x80\x02K\x01Q.",
    "registered extension": b"\x80\x02\x82\x01.",
}


@pytest.mark.parametrize("content", STATE_ON_A_CLASS.values(), ids=STATE_ON_A_CLASS.keys())
def test_stand_ins_cannot_be_bent(pickled: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(DataError, match="not a readable pickle"):
        restricted_unpickler.load(pickled(content))
    assert callable(Array.values)
    assert callable(Dtype.numpy)


@pytest.mark.parametrize("size", [0, 1, 100, 700, 1400, len(recorded_frames.LSWMD_PANDAS_0_19) - 1])
def test_a_truncated_pickle_is_reported(pickled: Callable[[bytes], Path], size: int) -> None:
    with pytest.raises(DataError, match="was the download complete"):
        restricted_unpickler.load(pickled(recorded_frames.LSWMD_PANDAS_0_19[:size]))


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], "text", None])
def test_a_pickle_of_something_else_is_no_data_frame(
    pickled: Callable[[bytes], Path], content: object
) -> None:
    with pytest.raises(DataError, match=f"holds a {type(content).__name__}, not a table"):
        table.read(pickled(pickle.dumps(content)))


def test_damage_anywhere_is_an_error_or_a_frame_never_a_crash(
    pickled: Callable[[bytes], Path],
) -> None:
    whole = recorded_frames.LSWMD_PANDAS_0_19
    random = np.random.default_rng(0)
    for place in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[place] = random.integers(256)
        if b"r" in damaged[max(place - 1, 0) : place + 1]:
            continue  # a memo number of gigabytes: see the limits in pickle_file
        try:
            frame = table.read(pickled(bytes(damaged)))
            for grid in frame.columns.get("waferMap", []):
                if isinstance(grid, Array):
                    grid.values()
        except (DataError, pickle.UnpicklingError):
            pass


# -- arrays ------------------------------------------------------------------------------------


def _array(shape: object, code: object, payload: object, order: object = "<") -> Array:
    dtype = Dtype(code)
    dtype.__setstate__((3, order, None, None, None, -1, -1, 0))
    array = Array()
    array.__setstate__((1, shape, dtype, False, payload))
    return array


@pytest.mark.parametrize(
    ("code", "order", "payload", "values"),
    [
        ("u1", "|", "\x00\x01\xff", [0, 1, 255]),
        ("i8", "<", struct.pack("<3q", 1, -2, 3), [1, -2, 3]),
        ("f8", ">", struct.pack(">3d", 1, 2, 0.5), [1, 2, 0.5]),
        ("b1", "|", bytearray(b"\x01\x00\x01"), [True, False, True]),
        ("S2", "|", b"abcd\x00\x00", [b"ab", b"cd", b""]),
        ("U1", "<", "abc".encode("utf-32-le"), ["a", "b", "c"]),
    ],
)
def test_arrays_of_plain_types(code: str, order: str, payload: object, values: list[Any]) -> None:
    assert _array((3,), code, payload, order).values().tolist() == values


@pytest.mark.parametrize(
    "array",
    [
        _array((3,), "u1", b"\x00"),
        _array((2**40, 2**40), "u1", b"\x00"),
        _array((-1, -3), "u1", b"\x00\x01\x02"),
        _array([3], "u1", b"\x00\x01\x02"),
        _array((3.0,), "u1", b"\x00\x01\x02"),
        _array((1,) * 40, "u1", b"\x00"),
        _array((1,), "V8", b"12345678"),
        _array((1,), "O8", b"12345678"),
        _array((1,), "M8[ns]", b"12345678"),
        _array((1,), "S0", b""),
        _array((1,), "u1,u1", b"12"),
        _array((1,), None, b"1"),
        _array((1,), "u1", "\u0416"),
        _array((1,), "u1", 7),
        _array((1,), "u1", b"1", order="bogus"),
        Array(),
    ],
)
def test_arrays_whose_parts_do_not_fit_are_refused(array: Array) -> None:
    with pytest.raises(pickle.UnpicklingError):
        array.values()
