"""Compressed files and archives: what is in them is read as if it lay there plain, or refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.formats import container, unpacking
from edge.formats.fab import stdf
from edge.formats.fab.fab_map import of_wafer
from edge.formats.name_pattern import NamePattern, Names
from edge.formats.paths import expand, read_items
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap

GRID = np.array([[0, 1, 1], [1, 2, 1], [2, 2, 1]], np.uint8)
CSV = b"0,1,1\n1,2,1\n2,2,1\n"


def _sinf(wafer: str) -> bytes:
    rows = "".join(f"RowData:{' '.join(row)}\n" for row in (("__", "01"), ("02", "01")))
    return f"LOT:L\nWAFER:{wafer}\nROWCT:2\nCOLCT:2\nBCEQU:01\n{rows}".encode()


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, GRID)
    return file.getvalue()


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, dies=GRID.ravel(), offsets=[0, 9], shapes=[(3, 3)])
    return file.getvalue()


def _stdf(*wafers: str) -> bytes:
    file = io.BytesIO()
    stdf.write([of_wafer(WaferMap(GRID, lot="L", wafer=wafer)) for wafer in wafers], file)
    return file.getvalue()


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def _tar(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return whole.getvalue()


def _old_tar(files: dict[str, bytes]) -> bytes:
    """As tools wrote it before there was a mark."""
    data = bytearray(_tar(files, tarfile.USTAR_FORMAT))
    at = 0
    while any(head := data[at : at + 512]):
        head[257:] = bytes(255)
        size = int(head[124:135], 8)
        head[148:156] = b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:]))
        data[at : at + 512] = head
        at += 512 - size // -512 * 512
    return bytes(data)


def _in(folder: Path, name: str, content: bytes) -> list[WaferMap | InputError]:
    path = folder / name
    path.write_bytes(content)
    return list(read(path))


COMPRESSED: list[tuple[str, Callable[[bytes], bytes]]] = [
    (".gz", gzip.compress),
    (".bz2", bz2.compress),
    (".xz", lzma.compress),
]
PLAIN = [("w.csv", CSV), ("w.npy", _npy()), ("w.sinf", _sinf("1") + _sinf("2")),
         ("w.001", _sinf("1")), ("w.stdf", _stdf("1", "2")), ("w.npz", _npz())]  # fmt: skip
FILES = {"./lot/w1.csv": CSV, "README.txt": b"Maps.\n", "lot/": b"",
         "w2.001": _sinf("a") + _sinf("b"), "__MACOSX/._w1.csv": CSV,
         "w3.stdf.gz": gzip.compress(_stdf("x"))}  # fmt: skip


@pytest.mark.parametrize(("suffix", "compress"), COMPRESSED)
@pytest.mark.parametrize(("name", "content"), PLAIN)
def test_what_is_compressed_is_read_as_if_it_were_plain(
    suffix: str, compress: Callable[[bytes], bytes], name: str, content: bytes, tmp_path: Path
) -> None:
    plain = _in(tmp_path, name, content)
    half = len(content) // 2
    in_two = compress(content[:half]) + compress(content[half:]) + bytes(4)
    for packed in (compress(content), in_two):
        found = _in(tmp_path, name + suffix, packed)
        assert [repr(each) for each in found] == [
            repr(each).replace(name, name + suffix) for each in plain
        ]
        assert all(np.array_equal(a.dies, b.dies) for a, b in zip(plain, found, strict=True)
                   if isinstance(a, WaferMap) and isinstance(b, WaferMap))  # fmt: skip
    assert str(tmp_path / (name + suffix)) in list(expand([tmp_path]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", _zip(FILES)),
        ("a.dat", _zip(FILES, zipfile.ZIP_STORED)),
        *(
            (f"a.{form}.tar", _tar({k: v for k, v in FILES.items() if v}, form))
            for form in range(3)
        ),
        ("a.old", _old_tar({k: v for k, v in FILES.items() if v})),
        ("a.tar.gz", gzip.compress(_old_tar({k: v for k, v in FILES.items() if v}))),
        ("a.tar.gz", gzip.compress(_tar(FILES))),
        ("a.tgz", gzip.compress(_tar(FILES))),
        ("a.tar.bz2", bz2.compress(_tar(FILES))),
        ("a.txz", lzma.compress(_tar(FILES))),
    ],
)
def test_each_file_of_an_archive_is_a_source(name: str, content: bytes, tmp_path: Path) -> None:
    found = [each for each in _in(tmp_path, name, content) if isinstance(each, WaferMap)]
    inner = [each.source.removeprefix(f"{tmp_path / name}!") for each in found]
    assert inner == ["./lot/w1.csv", "w2.001", "w2.001", "w3.stdf.gz"]
    assert [each.index for each in found] == [0, 1, 2, 3]
    assert [each.wafer for each in found] == [None, "a", "b", "x"]
    assert np.array_equal(found[0].dies, GRID)


def _npy_of(values: object) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "files", "sources"),
    [
        ("a.zip", {"1.npy": _npy(), "2.sinf": _sinf("1")}, ["a.zip!1.npy", "a.zip!2.sinf"]),
        ("a.npz", {"1.npy": _npy(), "2.sinf": _sinf("1")}, ["a.npz!1.npy", "a.npz!2.sinf"]),
        ("a.zip", {"x/1.npy": _npy(), "x/2.npy": _npy()}, ["a.zip!x/1.npy", "a.zip!x/2.npy"]),
        (
            "a.zip",
            {"maps.npy": _npy_of([np.tile(GRID, 2)] * 2), "y.npy": _npy_of([1, 2])},
            ["a.zip", "a.zip"],
        ),
    ],
)
def test_a_zip_that_begins_with_an_array_may_be_an_archive(
    name: str, files: dict[str, bytes], sources: list[str], tmp_path: Path
) -> None:
    found = _in(tmp_path, name, _zip(files))
    assert [each.source for each in found] == [str(tmp_path / source) for source in sources]
    assert all(isinstance(each, WaferMap) for each in found)
    assert [each.index for each in found if isinstance(each, WaferMap)] == [0, 1]


def test_a_file_without_a_name_in_a_zip_stops_no_other(tmp_path: Path) -> None:
    content = _zip({"x": b"", "1.csv": CSV}, zipfile.ZIP_STORED).replace(b"x", b"\0")
    [found] = _in(tmp_path, "a.zip", content)
    assert found.source.endswith("!1.csv")


@pytest.mark.parametrize("content", [_tar({"1.csv": CSV, "2.csv": CSV}), _stdf("1", "2", "3")])
def test_a_file_that_is_written_meanwhile_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(content)
    items = read(path)
    next(items)
    path.write_bytes(content + b"more")
    with pytest.raises(InputError, match=r"it had \d+ bytes and has \d+: written while it was"):
        list(items)


def test_long_names_in_a_tar(tmp_path: Path) -> None:
    name = f"{'lot' * 60}/{'wafer' * 30}_é.csv"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        [found] = _in(tmp_path, "a.tar", _tar({name: CSV}, form))
        assert isinstance(found, WaferMap)
        assert found.source.endswith(f"!{name}")


ZEROS = bytes(unpacking.SMALL + 2**20)
ENCRYPTED = bytearray(_zip({"w.csv": CSV}))
ENCRYPTED[6] |= 1
ENCRYPTED[ENCRYPTED.index(b"PK\1\2") + 8] |= 1
LONG_NAME = bytearray(_tar({"x" * 300: CSV}, tarfile.GNU_FORMAT))
LONG_NAME[124:136] = b"77777777777\0"
LONG_NAME[148:156] = b"%06o\0 " % (sum(LONG_NAME[:148]) + 8 * 32 + sum(LONG_NAME[156:512]))


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("w.csv.gz", gzip.compress(CSV)[:-5], "not a whole gzip file .*cut off.*; copy it again"),
        ("w.stdf.gz", gzip.compress(_stdf("1", "2"))[:-12], "not a whole gzip file"),
        ("w.csv.bz2", bz2.compress(CSV)[:-5], "not a whole bzip2 file"),
        ("w.csv.xz", lzma.compress(CSV)[:-5], "not a whole xz file"),
        ("w.csv.gz", gzip.compress(CSV)[:-6] + b"abcdef", "not a whole gzip file .*check"),
        ("w.csv.gz", gzip.compress(CSV) + b"more", "not a whole gzip file"),
        ("a.tgz", gzip.compress(_tar({"1.csv": CSV, "2.csv": CSV}))[:-9], "not a whole gzip"),
        ("a.tgz", gzip.compress(_tar({"1.csv": CSV, "2.csv": CSV})[:1900]), "cut off; copy"),
        ("a.tar", _tar({"1.csv": CSV, "2.csv": CSV})[:2048], "cut off or damaged as a tar"),
        ("a.tar", bytes(LONG_NAME), "a header of 8589934591 bytes"),
        ("a.zip", _zip({"1.csv": CSV})[:-30], "damaged zip archive"),
        ("a.zip", _zip({"a.txt": b"Hello"}), "no wafer map among its 1 files; looked for .bmp"),
        ("a.zip", _zip({"[Content_Types].xml": b"<a/>", "w.csv": CSV}), "save the sheet as CSV"),
        ("a.zip", bytes(ENCRYPTED), "encrypted or packed in an unusual way"),
        ("a.zip", _zip({"w.csv": ZEROS}), "more than 250 times its size"),
        ("w.csv.gz", gzip.compress(ZEROS), "more than 250 times its size"),
        ("w.gz.gz", gzip.compress(gzip.compress(CSV)), "compressed twice; unpack the outer one"),
        ("w.zip.gz", gzip.compress(_zip({"w.csv": CSV})), "an archive in an archive"),
        ("w.csv.zst", b"\x28\xb5\x2f\xfd" + CSV, "packed by zstd, which is not read; unpack it"),
        ("w.gz", gzip.compress(b"Hello"), "not a known wafer map format"),
    ],
)  # fmt: skip
def test_a_bad_one_is_refused_with_a_word(
    name: str, content: bytes, word: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"{name}.*: .*({word})"):
        _in(tmp_path, name, content)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("../w.csv", CSV, "leads out of the archive"),
        ("/etc/w.csv", CSV, "leads out of the archive"),
        ("C:\\w.csv", CSV, "leads out of the archive"),
        ("w.csv", b"0,1\n1,x,2\n", "row 2|line 2|'x'"),
        ("b.zip", _zip({"w.csv": CSV}), "an archive in an archive"),
        ("b.zip", _zip({}), "an archive in an archive"),
        ("b.zip", _zip({"w.npy": b""}), "an archive in an archive"),
        ("b.tgz", gzip.compress(_tar({"w.csv": CSV})), "an archive in an archive"),
        ("w.csv.gz", gzip.compress(CSV)[:-5], "not a whole gzip file"),
    ],
)
def test_a_bad_file_in_an_archive_stops_no_other(
    name: str, content: bytes, word: str, tmp_path: Path
) -> None:
    for kind, packed in (("a.zip", _zip), ("a.tar", _tar)):
        bad, good = _in(tmp_path, kind, packed({name: content, "good.csv": CSV}))
        assert isinstance(good, WaferMap)
        with pytest.raises(InputError, match=word):
            raise bad if isinstance(bad, InputError) else AssertionError
        assert isinstance(bad, InputError)
        assert bad.source == f"{tmp_path / kind}!{name}"


def test_a_zip_whose_content_was_changed_is_found_out(tmp_path: Path) -> None:
    content = _zip({"w.csv": CSV, "v.csv": CSV}, zipfile.ZIP_STORED).replace(CSV, CSV[::-1], 1)
    bad, good = _in(tmp_path, "a.zip", content)
    assert isinstance(bad, InputError)
    assert "damaged in the archive (Bad CRC-32" in bad.reason
    assert isinstance(good, WaferMap)


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_FILES", 2)
    with pytest.raises(InputError, match="more than 2 files in it; divide it"):
        _in(tmp_path, "a.zip", _zip({f"{number}.csv": CSV for number in range(3)}))
    monkeypatch.setattr(unpacking, "SMALL", 1000)
    monkeypatch.setattr(unpacking, "RATIO", 2)
    with pytest.raises(InputError, match="more than 2 times its size"):
        _in(tmp_path, "w.stdf.gz", gzip.compress(_stdf(*"123456789")))


def test_names_in_archives_are_read_like_those_in_folders(tmp_path: Path) -> None:
    (tmp_path / "L7.zip").write_bytes(_zip({"A_07.csv": CSV, "A_08.csv.gz": gzip.compress(CSV)}))
    (tmp_path / "B_09.csv.gz").write_bytes(gzip.compress(CSV))
    for pattern, expected in (
        ("{lot}_{wafer}", [("B", "09"), ("A", "07"), ("A", "08")]),
        ("{lot}/*_{wafer}", [(None, None), ("L7", "07"), ("L7", "08")]),
    ):
        names = Names(NamePattern(pattern), [tmp_path])
        wafers = list(read_items(expand([tmp_path]), names))
        found = [(each.lot, each.wafer) for each in wafers if isinstance(each, WaferMap)]
        assert found == expected


def test_what_is_no_map_is_passed_over_in_a_folder(tmp_path: Path) -> None:
    for name, content in (("log.gz", b"Hello"), ("w.001.gz", _sinf("1")), ("log.txt.xz", b"Hi")):
        pack = lzma.compress if name.endswith("xz") else gzip.compress
        (tmp_path / name).write_bytes(pack(content))
    (tmp_path / "sheet.xlsx").write_bytes(_zip({"[Content_Types].xml": b"<a/>"}))
    assert list(expand([tmp_path])) == [str(tmp_path / "w.001.gz")]


@settings(derandomize=True, deadline=None, max_examples=150, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_damaged_archives(tmp_path: Path, data: st.DataObject) -> None:
    kinds = {"a.zip": _zip(FILES), "a.tar": _tar(FILES), "a.tgz": gzip.compress(_tar(FILES)),
             "w.001.gz": gzip.compress(_sinf("1")), "w.001.xz": lzma.compress(_sinf("1")),
             "w.001.bz2": bz2.compress(_sinf("1"))}  # fmt: skip
    name = data.draw(st.sampled_from(sorted(kinds)))
    content = bytearray(kinds[name])
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    keep = data.draw(st.one_of(st.none(), st.integers(1, max(1, len(content)))))
    try:
        for item in _in(tmp_path, name, bytes(content[:keep])):
            assert item.source.startswith(str(tmp_path / name))
    except InputError as error:
        if not error.source.startswith(str(tmp_path / name)):
            pytest.fail(f"the error does not name its file: {error}")
