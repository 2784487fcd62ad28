"""Files that a station appends to: after any crash whole records alone, each once."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import OutputError
from edge.results.csv import station_columns
from edge.results.record import Record
from edge.sinks.append_file import AppendSink, Fsync
from edge.sinks.settings import CsvSettings, JsonLinesSettings
from edge.store.names import Cursor, StoreNames
from edge.wafer.patterns import PATTERNS
from tests.support.records import error, holder, result

STORE = "ab12cd34"
FRESH = Cursor(0, 0, StoreNames(((1, STORE),)))

#: What careless writers and readers break at.
ODD = ["plain", 'a"b', "two\nlines", 'all\r\n",\n"of it"\n', "=1+1", "\u2028晶圆", "\n", '"']

OPEN = """
import sys
from pathlib import Path
from edge.store.names import Cursor
from edge.sinks.settings import CsvSettings, JsonLinesSettings
kinds = {"csv": CsvSettings, "jsonl": JsonLinesSettings}
sink = kinds[sys.argv[1]](Path(sys.argv[2])).make("")
sink.open(Cursor())
"""


def numbered(*numbers: int, store: str = STORE) -> list[Record]:
    """Records as the store gives them; odd names, and every third one an error."""
    return [
        {
            "id": f"{store}-{number}",
            **(error if number % 3 == 0 else result)(number, source=ODD[number % len(ODD)]),
        }
        for number in numbers
    ]


def opened(
    kind: str, path: Path, mark: Cursor = FRESH, fsync: Fsync = Fsync.ALWAYS
) -> tuple[AppendSink, Cursor]:
    sink = {"csv": CsvSettings, "jsonl": JsonLinesSettings}[kind](path, fsync).make("")
    assert isinstance(sink, AppendSink)
    return sink, sink.open(mark)


def written(kind: str, path: Path, *numbers: int, mark: Cursor = FRESH) -> Cursor:
    sink, mark = opened(kind, path, mark)
    mark = replace(sink.send(numbered(*numbers)), names=FRESH.names)
    sink.close()
    return mark


def read_back(kind: str, path: Path) -> list[tuple[str, str]]:
    """The ``id`` and ``source`` of every record; fails where one is not whole."""
    content = path.read_bytes().decode("utf-8")
    assert not content or content.endswith("\n")
    if kind == "jsonl":
        found = [json.loads(line) for line in content.split("\n")[:-1]]
    else:
        rows = csv.DictReader(io.StringIO(content, newline=""), strict=True)
        found = list(rows)
        assert rows.fieldnames == list(station_columns(PATTERNS))
        assert all(None not in row and None not in row.values() for row in found)
    return [(record["id"], record["source"].removeprefix("'")) for record in found]


def expected(*numbers: int) -> list[tuple[str, str]]:
    return [(record["id"], record["source"]) for record in numbered(*numbers)]


both = pytest.mark.parametrize("kind", ["jsonl", "csv"])


@both
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_crash_anywhere_leaves_each_record_once(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    """The file is cut somewhere behind the store's mark, which may be from before any batch."""
    path = tmp_path_factory.mktemp("cut") / "out"
    marks = [FRESH, written(kind, path, 1, 2, 3)]
    marks.append(written(kind, path, *range(4, 12), mark=marks[-1]))
    known = data.draw(st.sampled_from(marks), "mark that the store knew")
    cut = data.draw(st.integers(known.offset, path.stat().st_size), "length after the crash")
    os.truncate(path, cut)
    sink, mark = opened(kind, path, known)
    behind = range(mark.delivered + 1, 14)
    assert sink.send(numbered(*behind)) == Cursor(13, path.stat().st_size)
    sink.close()
    assert read_back(kind, path) == expected(*range(1, 14))


@both
def test_a_mark_that_lags_behind_is_brought_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    early = written(kind, path, 1, 2)
    late = written(kind, path, 3, 4, mark=early)
    for mark in (FRESH, early, late):
        sink, found = opened(kind, path, mark)
        assert found == Cursor(4, path.stat().st_size, FRESH.names)
        sink.close()


@both
def test_records_of_before_a_backup_was_put_back_are_not_taken_for_todays(
    tmp_path: Path, kind: str
) -> None:
    """The store ends with 2 now; 3 and 4 in the file are other wafers than those to come."""
    path = tmp_path / "out"
    early = written(kind, path, 1, 2)
    written(kind, path, 3, 4, mark=early)
    again = replace(early, names=StoreNames(((1, STORE), (3, "00000000"))))
    sink, found = opened(kind, path, again)
    assert (found.delivered, found.offset) == (2, path.stat().st_size)
    sink.send(numbered(3, store="00000000"))
    sink.close()
    assert [name for name, _ in read_back(kind, path)][-3:] == [
        f"{STORE}-3",
        f"{STORE}-4",
        "00000000-3",
    ]
    sink, found = opened(kind, path, again)
    assert found.delivered == 3
    sink.close()


@both
def test_numbers_of_another_store_say_nothing(tmp_path: Path, kind: str) -> None:
    """The store was moved away and begins again at 1; the file goes on."""
    path = tmp_path / "out"
    written(kind, path, 1, 2, 3)
    sink, mark = opened(kind, path, Cursor(0, 0, StoreNames(((1, "00000000"),))))
    assert mark.delivered == 0
    sink.send(numbered(1, store="00000000"))
    sink.close()
    assert read_back(kind, path) == [*expected(1, 2, 3), ("00000000-1", ODD[1])]


@both
@pytest.mark.parametrize("anew", [False, True], ids=["renamed", "and made anew"])
def test_rotation_begins_a_new_file(tmp_path: Path, kind: str, anew: bool) -> None:
    path, old = tmp_path / "out", tmp_path / "out.1"
    sink, _ = opened(kind, path)
    sink.send(numbered(1, 2))
    path.rename(old)
    if anew:
        path.touch()
    mark = sink.send(numbered(3))
    sink.close()
    assert mark == Cursor(3, path.stat().st_size)
    assert (read_back(kind, old), read_back(kind, path)) == (expected(1, 2), expected(3))


@both
def test_a_file_that_is_emptied_while_the_station_runs_goes_on(tmp_path: Path, kind: str) -> None:
    """What ``logrotate`` calls ``copytruncate``."""
    path = tmp_path / "out"
    sink, _ = opened(kind, path)
    sink.send(numbered(1, 2))
    os.truncate(path, 0)
    mark = sink.send(numbered(3))
    sink.close()
    assert read_back(kind, path) == expected(3)
    again, found = opened(kind, path, replace(mark, names=FRESH.names))
    again.close()
    assert found == Cursor(3, path.stat().st_size, FRESH.names)


@both
def test_what_an_operator_cut_off_is_written_again(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    first = written(kind, path, 1, 2)
    mark = written(kind, path, 3, 4, mark=first)
    os.truncate(path, first.offset + 10)
    sink, found = opened(kind, path, mark)
    assert found == replace(first, names=FRESH.names)
    sink.send(numbered(3, 4))
    sink.close()
    assert read_back(kind, path) == expected(1, 2, 3, 4)
    path.write_bytes(b"")
    sink, found = opened(kind, path, mark)
    sink.close()
    assert found.delivered == 4, "an emptied file is a new one, not a lost one"


@both
@pytest.mark.parametrize("content", [b"precious", b"precious\n", b"all my\nnotes", b"\0" * 99])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"/notes: .*choose another name"):
        opened(kind, path)
    assert path.read_bytes() == content


@both
def test_one_station_a_file_until_it_dies(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    with holder(OPEN, kind, path) as other:
        with pytest.raises(OutputError, match="another station appends to it"):
            opened(kind, path)
        other.kill()
        other.wait()
        opened(kind, path)[0].close()


@both
def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    mark = written(kind, path, 1)
    sink, _ = opened(kind, path, mark)
    write = os.write

    def half(descriptor: int, content: bytes) -> int:
        monkeypatch.setattr(os, "write", full)
        return write(descriptor, content[: len(content) // 2])

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OutputError, match=r"/out: cannot be written \(No space left"):
        sink.send(numbered(2, 3))
    monkeypatch.setattr(os, "write", write)
    assert path.stat().st_size == mark.offset
    assert sink.open(mark) == mark
    sink.send(numbered(2, 3))
    sink.close()
    assert read_back(kind, path) == expected(1, 2, 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_that_is_full_is_an_output_error() -> None:
    sink, mark = opened("jsonl", Path("/dev/full"))
    assert mark == FRESH
    with pytest.raises(OutputError, match=r"/dev/full: cannot be written \(No space left"):
        sink.send(numbered(1))
    sink.close()


def test_forcing_onto_the_disk_is_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", forced.append)
    for policy, times in (("never", 0), ("always", 2)):
        sink, _ = opened("csv", tmp_path / policy, fsync=Fsync(policy))
        sink.send(numbered(1, 2, 3))
        sink.close()
        assert len(forced) == times, "the header and the batch"


def test_a_csv_file_of_an_earlier_version_is_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    mark = written("csv", path, 1, 2)
    # Other columns, and a record that the store does not know to have been kept.
    before = path.read_bytes().replace(b"id,source,index,", b"id,source,index,old,", 1)
    before += f"{STORE}-4,half\n".encode()
    path.write_bytes(before)
    sink, again = opened("csv", path, replace(mark, offset=mark.offset + 4))
    assert again.delivered == 4
    sink.send(numbered(5))
    sink.close()
    assert read_back("csv", path) == expected(5)
    [kept] = tmp_path.glob("r-until-*.csv")
    assert kept.read_bytes() == before
