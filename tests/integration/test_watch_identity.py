"""Which file is which wafer: names that change, folders that change, settings that change."""

from __future__ import annotations

import os
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge.dataset.labelled_set import build
from tests.support.cli import wm_edge
from tests.support.station import Running, drop, rows, wafer_bytes, wait_for

#: What unzip of some archives and tar give every file.
STAMP = 315532800 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


def once(folder: Path, store: Path, *options: str | Path) -> str:
    """Take what is there and end; nothing is a repeat in these tests, and each file has a place."""
    run = wm_edge("watch", folder, "--store", store, "--once", *options, cwd=store.parent)
    assert run.code == 0, run.stderr
    assert not rows(store, "SELECT * FROM repeats")
    return run.stderr


def files(store: Path) -> list[str]:
    return sorted(row["file"] for row in rows(store))


def labelled_set(path: Path, wafers: int) -> None:
    dies = np.ones((wafers, 9, 9), np.uint8)
    dies[np.arange(wafers), np.arange(wafers) // 9 % 9, np.arange(wafers) % 9] = 2
    build([*dies], ["none"] * wafers).save(path)


def test_a_set_of_many_wafers_may_be_renamed(folder: Path, store: Path) -> None:
    labelled_set(folder / "old.npz", 600)
    once(folder, store)
    (folder / "old.npz").rename(folder / "new.npz")
    once(folder, store)
    assert Counter(files(store)) == {"new.npz": 600}


def test_an_archive_may_be_renamed(folder: Path, store: Path) -> None:
    with zipfile.ZipFile(folder / "old.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"w{number}.csv", wafer_bytes(number))
    once(folder, store)
    (folder / "old.zip").rename(folder / "new.zip")
    once(folder, store)
    assert files(store) == ["new.zip"] * 3
    sources = sorted(row["source"] for row in rows(store))
    assert sources == [f"{folder / 'new.zip'}!w{number}.csv" for number in range(3)]


def test_the_inode_of_a_file_that_is_gone_is_another_wafers(folder: Path, store: Path) -> None:
    """A tool sets every file's time and takes the last one away: nothing else tells them apart."""
    for number in range(5):
        path = drop(folder, 1, f"w{number}.csv")
        os.utime(path, ns=(STAMP, STAMP))
        once(folder, store)
        path.unlink()
    assert files(store) == [f"w{number}.csv" for number in range(5)]


def test_every_sink_hears_of_wafers_that_take_turns_at_a_name(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    copy, lines = tmp_path / "copy.sqlite", tmp_path / "r.jsonl"
    for number in range(4):
        drop(folder, 1, "current.csv")
        once(folder, store, "--store", copy, "--jsonl", lines)
        (folder / "current.csv").rename(folder / f"w{number}.csv")
    assert len(rows(store)) == len(rows(copy)) == len(lines.read_text().splitlines()) == 4


@pytest.mark.parametrize("first", ["a.csv", "z.csv"])
def test_a_name_that_goes_from_one_file_to_another(folder: Path, store: Path, first: str) -> None:
    drop(folder, 1, "m.csv")
    drop(folder, 2, "n.csv")
    once(folder, store)
    (folder / "m.csv").rename(folder / first)  # looked at before or after the next one
    drop(folder, 1, "m.csv")
    once(folder, store)
    assert files(store) == sorted([first, "m.csv", "n.csv"])
    (folder / "n.csv").replace(folder / "m.csv")
    once(folder, store)
    assert len(rows(store)) == 3


@pytest.mark.parametrize(
    "then", [("--done", "keep"), ("--done", "delete"), ("--done", "move", "--done-dir", "else")]
)
def test_what_was_moved_is_known_whatever_is_done_next(
    folder: Path, store: Path, then: tuple[str, ...]
) -> None:
    for number in range(3):
        drop(folder, 1, f"w{number}.csv")
        once(folder, store, "--done", "move")
    once(folder, store, *then)
    assert len(rows(store)) == 3
    assert len(list((folder / "done").iterdir())) == 3
    (folder / "done" / "w0.csv").rename(folder / "again.csv")
    assert "0 wafers" in once(folder, store, "--done", "keep")


def test_another_folder_holds_other_wafers_and_one_that_moved_the_same(
    tmp_path: Path, store: Path
) -> None:
    for name in ("line1", "line2\udcff"):
        (tmp_path / name).mkdir()
        drop(tmp_path / name, 1, "w.csv")
        once(tmp_path / name, store, "--done", "delete")
    assert len(rows(store)) == 2
    (tmp_path / "line1").rmdir()
    (tmp_path / "line1 of old").mkdir()
    drop(tmp_path / "line1 of old", 1, "w.csv")
    run = wm_edge("watch", tmp_path / "line1 of old", "--store", store, "--once", cwd=tmp_path)
    assert "0 wafers" in run.stderr
    assert len(rows(store)) == 2


def test_files_that_are_renamed_while_they_are_taken(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    arguments = ("watch", folder, "--store", store, "--done", "move", "--done-dir", tmp_path / "d")
    with Running(tmp_path, *arguments) as station:
        station.wait_ready()
        for number in range(200):
            path = drop(folder, number % 3, f"w{number}.csv")
            if number % 2:
                try:
                    path.rename(folder / f"v{number}.csv")
                except FileNotFoundError:  # it was quicker
                    continue
        wait_for(lambda: len(rows(store)) >= 200, "all taken")
        wait_for(lambda: not list(folder.iterdir()), "all put away")
        assert station.stop() == 0, station.said()
    found = rows(store)
    assert len(found) == 200
    assert not rows(store, "SELECT * FROM repeats")
    assert sorted(row["moved_to"] for row in found) == sorted(map(str, (tmp_path / "d").iterdir()))


@pytest.mark.parametrize(
    ("done", "then"), [("move", "keep"), ("move", "delete"), ("delete", "move")]
)
def test_what_was_in_hand_stays_where_it_may_not_go_any_more(
    folder: Path, store: Path, done: str, then: str
) -> None:
    """Killed between the record and the putting away, then started with other settings."""
    drop(folder, 1, "w.csv")
    once(folder, store)
    target = str(folder / "done" / "w.csv") if done == "move" else ""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE taken SET target = ?", (target,))
        connection.execute("UPDATE results SET moved_to = ?", (target or None,))
    once(folder, store, "--done", then)
    assert (folder / "w.csv").read_bytes() == wafer_bytes(1)
    assert [row["moved_to"] for row in rows(store)] == [None]
    assert not rows(store, "SELECT * FROM taken WHERE target IS NOT NULL")


def test_a_folder_whose_name_is_the_next_ones(folder: Path, store: Path) -> None:
    """More files than are recorded at a time: the new ones come before the old ones' new names."""
    for turn in range(2):
        (folder / "current").mkdir()
        for number in range(40):
            drop(folder / "current", 100 * turn + number, f"w{number}.csv")
        if not turn:
            once(folder, store)
            (folder / "current").rename(folder / "lot1")
    once(folder, store)
    assert Counter(name.partition("/")[0] for name in files(store)) == {"current": 40, "lot1": 40}


def test_a_watched_folder_may_be_away_while_another_has_a_file_of_that_name(
    tmp_path: Path, store: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    drop(one, 1, "w.csv")
    with Running(tmp_path, "watch", one, two, "--store", store, "--done", "delete") as station:
        wait_for(lambda: not list(one.iterdir()), "the first")
        one.rmdir()
        drop(two, 1, "w.csv")
        wait_for(lambda: not list(two.iterdir()), "the second")
        assert station.stop() == 0, station.said()
    assert len(rows(store)) == 2


def test_a_folder_watched_from_another_level_holds_the_same_wafers(
    folder: Path, store: Path
) -> None:
    (folder / "sub").mkdir()
    path = drop(folder / "sub", 1)
    once(folder / "sub", store)
    once(folder, store)
    path.chmod(0o600)
    once(folder, store)
    assert files(store) == ["sub/w1.csv"]


def test_equal_maps_renamed_over_one_name_are_all_kept(folder: Path, store: Path) -> None:
    for _ in range(4):
        drop(folder, 1, "new.csv")
        once(folder, store)
        (folder / "new.csv").replace(folder / "current.csv")
        once(folder, store)
    assert len(rows(store)) == 4
