"""What is read of a log is what SQLite would make of it, and harm is told from a crash."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.store.wal import Findings, Index, LogFile, read_index

HEADER, FRAME = 32, 24


class Logged(NamedTuple):
    """A database whose every transaction adds one row, all but the first in its log.

    Attributes:
        path: The database; nobody has it open.
        transactions: In the log.
        index: What SQLite knew of the log.
        page: Bytes of a page.
    """

    path: Path
    transactions: int
    index: Index
    page: int

    @property
    def log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")


@contextmanager
def reading(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def findings(path: Path) -> Findings:
    with reading(path) as descriptor:
        return LogFile(descriptor).findings()


@pytest.fixture(scope="module", params=[512, 4096, 65536])
def logged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Logged:
    folder = tmp_path_factory.mktemp("log")
    path, copy = folder / "live", folder / "copy"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in (
            f"PRAGMA page_size = {request.param}",
            "PRAGMA journal_mode = WAL",
            "PRAGMA wal_autocheckpoint = 0",
            "CREATE TABLE rows (number, filling)",
            "INSERT INTO rows SELECT 0, zeroblob(99) FROM (VALUES (1),(2),(3),(4),(5),(6))",
            "PRAGMA wal_checkpoint",  # what follows is written over the beginning of the log
        ):
            connection.execute(statement)
        for number in range(12):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (number, os.urandom(200)))
        with reading(folder / "live-shm") as descriptor:
            index = read_index(descriptor)
        assert index is not None
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", f"{copy}-wal")
    return Logged(copy, 12, index, request.param)


def test_a_sound_log_is_sound(logged: Logged) -> None:
    with reading(logged.log) as descriptor:
        log = LogFile(descriptor)
        assert log.findings() == (logged.transactions, 0)
        assert log.holds(logged.index)
        assert log.length(logged.index.frames) <= logged.log.stat().st_size
        half = logged.index._replace(frames=logged.index.frames - 1)
        assert not log.holds(half), "that frame has another checksum"


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_harm_is_seen_and_what_is_left_is_what_sqlite_reads(
    logged: Logged, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(logged.log.read_bytes())
    length = HEADER + logged.index.frames * (FRAME + logged.page)
    place = data.draw(st.integers(0, length - 1), "flipped byte")
    content[place] ^= data.draw(st.integers(1, 255), "bits")
    path = tmp_path_factory.mktemp("harm") / "copy"
    log = path.with_name("copy-wal")
    shutil.copy(logged.path, path)
    log.write_bytes(content)
    with reading(log) as descriptor:
        assert not LogFile(descriptor).holds(logged.index)
    sound, beyond = findings(log)
    if place < length - 2 * (FRAME + logged.page):  # else it could be the end that a crash leaves
        assert beyond
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT count(*) FROM rows").fetchone()[0]
    assert rows == 6 + sound


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_a_crash_cut_off_is_no_harm(
    logged: Logged, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    length = HEADER + logged.index.frames * (FRAME + logged.page)
    cut = data.draw(st.integers(0, length - 1), "length")
    log = tmp_path_factory.mktemp("cut") / "wal"
    log.write_bytes(logged.log.read_bytes()[:cut])
    assert findings(log).beyond == 0
    with reading(log) as descriptor:
        assert not LogFile(descriptor).holds(logged.index)


def test_what_was_looked_through_is_not_looked_through_again(
    logged: Logged, tmp_path: Path
) -> None:
    with reading(logged.log) as descriptor:
        checksum = os.pread(descriptor, 8, HEADER + 3 * (FRAME + logged.page) + 16)
    one, two = (int.from_bytes(part, "big") for part in (checksum[:4], checksum[4:]))
    done = Index(4, (one, two), logged.index.salts)
    content = bytearray(logged.log.read_bytes())
    content[HEADER + 100] ^= 1
    log = tmp_path / "wal"
    log.write_bytes(content)
    with reading(log) as descriptor:
        assert LogFile(descriptor).holds(logged.index, done)
        assert not LogFile(descriptor).holds(logged.index, done._replace(salts=b"12345678"))


def test_nothing_is_no_log(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert findings(empty) == (0, 0)
    zeros = tmp_path / "zeros"
    zeros.write_bytes(bytes(50_000))
    assert findings(zeros) == (0, 0), "a file that grew, and whose content a power cut took"
    with reading(empty) as descriptor:
        assert read_index(descriptor) is None
