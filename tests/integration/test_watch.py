"""``wm-edge watch`` on real folders: complete files alone, each wafer once, files put away."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from tests.support.cli import Finished, obey_permissions, parse_lines, wm_edge
from tests.support.station import Running, digest, drop, rows, small_disk, wafer_bytes, wait_for
from train.synth.sets import synthetic_set


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


def once(folder: Path, store: Path, *options: str | Path) -> Finished:
    """Take what is there and end; short patience, since nobody writes the bad files any more."""
    return wm_edge(
        "watch", folder, "--store", store, "--once", "--bad-after", "0.1", *options,
        cwd=folder.parent,
    )  # fmt: skip


def sources(store: Path) -> list[str]:
    """Names of the recorded files without their folder, in order."""
    return [os.path.basename(row["source"]) for row in rows(store)]  # noqa: PTH119


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_taken_when_its_writer_has_closed_it(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    content = wafer_bytes(1)
    half = content.index(b"\n", len(content) // 2) + 1  # whole lines: a smaller, valid wafer map
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        with (folder / "slow.csv").open("wb", buffering=0) as file:
            file.write(content[:half])
            # Others that come meanwhile are taken, so this one was looked at, too.
            for number in (2, 3):
                drop(folder, number)
                wait_for(lambda: f"w{number}.csv" in sources(store), "another file taken")  # noqa: B023
            assert sources(store) == ["w2.csv", "w3.csv"]
            file.write(content[half:])
        wait_for(lambda: len(rows(store)) == 3, "the slow file taken")
        assert station.stop() == 0, station.said()
    assert [row["source_sha256"] for row in rows(store)] == [digest(2), digest(3), digest(1)]
    assert not rows(store, "SELECT * FROM errors")


def test_what_was_there_what_comes_and_what_is_moved_in(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    drop(folder, 0)
    tree = tmp_path / "tree"
    deep = tree / "/".join(f"level{level}" for level in range(8))
    deep.mkdir(parents=True)
    drop(tree, 1)
    drop(deep, 2)
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        tree.rename(folder / "tree")
        lot = folder / "lot"
        lot.mkdir()
        drop(lot, 3)
        wait_for(lambda: len(rows(store)) == 4, "all taken", 9)
        drop(folder / deep.relative_to(tmp_path), 4)
        wait_for(lambda: len(rows(store)) == 5, "a file in a folder that was moved in", 9)
        assert station.stop() == 0, station.said()
    assert {row["source_sha256"] for row in rows(store)} == {digest(n) for n in range(5)}


def test_unfinished_hidden_and_other_files_are_left(folder: Path, store: Path) -> None:
    left = ["w.csv.part", "w.csv.tmp", "w.csv~", ".w.csv", "readme.txt", "no-suffix"]
    for name in left:
        (folder / name).write_bytes(wafer_bytes(1))
    (folder / "folder.csv").mkdir()
    (folder / ".hidden").mkdir()
    drop(folder / ".hidden", 1)
    drop(folder / "folder.csv", 2)
    drop(folder, 3, "UPPER.CSV")
    assert once(folder, store, "--done", "delete").code == 0
    assert sorted(sources(store)) == ["UPPER.CSV", "w2.csv"]
    assert names(folder) == {*left, "folder.csv", ".hidden"}
    assert names(folder / ".hidden") == {"w1.csv"}


ODD_NAMES = (
    "line\nend.csv", "-x.csv", "=1+1.csv", "q'\"`$(x).csv", "a;b,c.csv", "[a]*?.csv", " .csv",
    "\x1b[31m.csv", "\U0001f600.csv", "n" * 251 + ".csv", os.fsdecode(b"\xff\xfe.csv"),
)  # fmt: skip


def test_odd_names_in_every_sink_and_moved_under_them(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(ODD_NAMES):
        drop(folder, number, name)
    done = once(folder, store, "--jsonl", "r.jsonl", "--csv", "r.csv", "--done", "move")
    assert done.code == 0, done.stderr
    assert "\x1b" not in done.stderr
    wanted = sorted(digest(number) for number in range(len(ODD_NAMES)))
    assert sorted(row["source_sha256"] for row in rows(store)) == wanted
    lines = parse_lines((tmp_path / "r.jsonl").read_bytes())
    assert sorted(line["source_sha256"] for line in lines) == wanted
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert sorted(row["source_sha256"] for row in table) == wanted
    assert names(folder / "done") == set(ODD_NAMES)
    assert names(folder) == {"done"}


def test_globs_look_at_the_name_and_at_the_path(folder: Path, store: Path) -> None:
    for lot in ("lot1", "lot2"):
        (folder / lot).mkdir()
    drop(folder, 1, "a1.csv")
    drop(folder, 2, "b1.csv")
    drop(folder / "lot1", 3, "x.csv")
    drop(folder / "lot2", 4, "x.csv")
    assert once(folder, store, "--glob", "a*.csv", "--glob", "lot2/*").code == 0
    assert [row["source"] for row in rows(store)] == [f"{folder}/a1.csv", f"{folder}/lot2/x.csv"]


def test_folders_in_it_are_left_alone_when_told_so(folder: Path, store: Path) -> None:
    (folder / "lot").mkdir()
    drop(folder / "lot", 1)
    drop(folder, 2)
    assert once(folder, store, "--no-recursive").code == 0
    assert sources(store) == ["w2.csv"]


def test_moving_replaces_nothing(folder: Path, store: Path, tmp_path: Path) -> None:
    done = tmp_path / "archive"
    (done / "lot").mkdir(parents=True)
    (folder / "lot").mkdir()
    (done / "lot" / "w1.csv").write_text("an older file")
    drop(folder / "lot", 1)
    assert once(folder, store, "--done", "move", "--done-dir", done).code == 0
    assert (done / "lot" / "w1.csv").read_text() == "an older file"
    assert (done / "lot" / "w1-2.csv").read_bytes() == wafer_bytes(1)
    assert not names(folder / "lot")


def test_moving_to_another_file_system(folder: Path, store: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k"):
        done = tmp_path / "disk" / "done"
        done.mkdir()
        (done / "w1.csv").write_text("an older file")
        drop(folder, 1)
        drop(folder, 2)
        # The hidden name of the put-away and the name of the copy both get longer than this one.
        drop(folder, 3, "n" * 251 + ".csv")
        assert once(folder, store, "--done", "move", "--done-dir", done).code == 0
        assert names(done) == {"w1.csv", "w1-2.csv", "w2.csv", "n" * 251 + ".csv"}
        assert (done / "w1.csv").read_text() == "an older file"
        assert (done / "w1-2.csv").read_bytes() == wafer_bytes(1)
        assert not names(folder)


def test_bad_files_are_recorded_and_go_to_the_quarantine(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "b.csv").write_text("an older file")
    (folder / "b.csv").write_text("1,2\n3\n")
    (folder / "empty.png").touch()
    drop(folder, 1)
    run = once(folder, store, "--quarantine", bad, "--done", "delete")
    assert run.code == 1, run.stderr
    assert names(bad) == {"b.csv", "b-2.csv", "empty.png"}
    assert (bad / "b-2.csv").read_text() == "1,2\n3\n"
    assert not names(folder)
    assert sources(store) == ["w1.csv"]
    assert len(rows(store, "SELECT * FROM errors")) == 2


def test_bad_files_without_a_quarantine_stay_and_are_said_once(folder: Path, store: Path) -> None:
    (folder / "bad.csv").write_text("1,2\n3\n")
    assert once(folder, store, "--done", "delete").code == 1
    assert once(folder, store, "--done", "delete").code == 0, "the same bad file is no news"
    assert names(folder) == {"bad.csv"}
    assert len(rows(store, "SELECT * FROM errors")) == 1


def test_a_file_that_is_filled_later_was_never_bad(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        (folder / "later.csv").touch()
        drop(folder, 1)
        wait_for(lambda: sources(store) == ["w1.csv"], "the file behind it taken")
        (folder / "later.csv").write_bytes(wafer_bytes(2))
        wait_for(lambda: sources(store) == ["w1.csv", "later.csv"], "it taken")
        assert station.stop() == 0
    assert not rows(store, "SELECT * FROM errors")


def test_polling_takes_what_stopped_changing(folder: Path, store: Path, tmp_path: Path) -> None:
    options = ("--polling", "--poll-interval", "0.1", "--stable-polls", "4")
    drop(folder, 1)
    with Running(tmp_path, "watch", folder, "--store", store, *options) as station:
        wait_for(lambda: sources(store) == ["w1.csv"], "the file that was there taken")
        with (folder / "slow.csv").open("ab", buffering=0) as file:
            for line in wafer_bytes(2).splitlines(keepends=True):
                file.write(line)
                time.sleep(0.02)  # slower than the first looks, never still for all four
        (folder / "lot").mkdir()
        drop(folder / "lot", 3)
        wait_for(lambda: len(rows(store)) == 3, "all taken")
        assert station.stop() == 0, station.said()
    assert {row["source_sha256"] for row in rows(store)} == {digest(n) for n in (1, 2, 3)}


def test_equal_maps_are_as_many_wafers_as_names(folder: Path, store: Path, tmp_path: Path) -> None:
    names = [f"lot7_w{number:02}.csv" for number in range(25)]
    for name in names:
        drop(folder, 1, name)
    sinks = ("--jsonl", "r.jsonl", "--csv", "r.csv", "--store", "copy.sqlite")
    assert once(folder, store, *sinks, "--done", "delete").code == 0
    assert sources(store) == sources(tmp_path / "copy.sqlite") == names
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 25
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 26
    first, *others = rows(store, "SELECT id, same_as FROM results ORDER BY id")
    assert first["same_as"] is None
    assert {row["same_as"].rpartition("-")[2] for row in others} == {str(first["id"])}
    drop(folder, 1, names[0])  # written again: the same wafer
    run = once(folder, store, *sinks, "--done", "delete")
    assert f"{names[0]}: its content was recorded before" in run.stderr
    assert len(rows(store)) == 25
    assert [row["source"] for row in rows(store, "SELECT * FROM repeats")] == [
        f"{folder}/{names[0]}"
    ]


def test_who_wants_it_counts_a_content_once(folder: Path, store: Path) -> None:
    drop(folder, 1, "a.csv")
    drop(folder, 1, "b.csv")
    assert once(folder, store, "--same", "content").code == 0
    assert sources(store) == ["a.csv"]
    repeats = rows(store, "SELECT source, source_sha256 FROM repeats")
    assert repeats == [{"source": f"{folder}/b.csv", "source_sha256": digest(1)}]


def test_a_file_that_is_renamed_or_changes_its_rights_is_the_same_wafer(
    folder: Path, store: Path
) -> None:
    (folder / "lot").mkdir()
    for name in ("a.csv", "b.csv", "lot/c.csv"):
        drop(folder, 1, name)
    assert once(folder, store).code == 0
    (folder / "a.csv").rename(folder / "a2.csv")
    (folder / "b.csv").chmod(0o600)
    (folder / "lot").rename(folder / "lot2")
    assert "0 wafers" in once(folder, store).stderr
    assert sorted(row["file"] for row in rows(store)) == ["a2.csv", "b.csv", "lot2/c.csv"]
    assert sorted(row["source"] for row in rows(store)) == [
        f"{folder}/{name}" for name in ("a2.csv", "b.csv", "lot2/c.csv")
    ]
    assert not rows(store, "SELECT * FROM repeats")
    shutil.copy2(folder / "a2.csv", folder / "a3.csv")
    drop(folder, 1, "a.csv")  # the former name is free for another wafer
    assert "2 wafers" in once(folder, store).stderr


def test_what_was_in_hand_at_a_crash_is_put_away_and_is_no_repeat(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    drop(folder, 1, "a.csv")
    drop(folder, 2, "b.csv")
    done = tmp_path / "done"
    done.mkdir()
    drop(done, 3, "b.csv")
    options = ("--done", "move", "--done-dir", done)
    with Running(tmp_path, "watch", folder, "--store", store, *options) as station:
        wait_for(lambda: not list(folder.iterdir()), "put away")
        station.kill()
    # As if it had been killed between the commit and the moving.
    where = {row["file"]: row["moved_to"] for row in rows(store)}
    assert where == {"a.csv": f"{done}/a.csv", "b.csv": f"{done}/b-2.csv"}
    (done / "a.csv").rename(folder / "a.csv")
    (done / "b-2.csv").rename(folder / "b.csv")
    assert "0 wafers: 0 accepted, 0 to review\n" in once(folder, store, *options).stderr
    assert sorted(path.name for path in done.iterdir()) == ["a.csv", "b-2.csv", "b.csv"]
    assert not list(folder.iterdir())
    assert not rows(store, "SELECT * FROM repeats")
    assert not rows(store, "SELECT * FROM taken WHERE target IS NOT NULL")


def test_another_wafer_under_the_same_name_is_another_wafer(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        for number in range(4):
            if number % 2:
                (folder / "latest.csv").write_bytes(wafer_bytes(number))
            else:
                drop(folder, number, "latest.csv")
            wait_for(lambda: len(rows(store)) == number + 1, "the wafer of this moment")  # noqa: B023
        assert station.stop() == 0, station.said()
    assert [row["source_sha256"] for row in rows(store)] == [digest(n) for n in range(4)]


def test_links_and_pipes_stop_nobody(folder: Path, store: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.csv").symlink_to("gone")
    (folder / "a.csv").symlink_to("b.csv")
    (folder / "b.csv").symlink_to("a.csv")
    os.mkfifo(folder / "pipe.png")
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    drop(elsewhere, 1)
    (folder / "linked").symlink_to(elsewhere)
    (folder / "secret.csv").symlink_to("/etc/shadow")
    drop(folder, 2)
    run = once(folder, store, "--done", "delete", "--quarantine", folder.parent / "bad")
    assert run.code == 1
    assert run.stderr.count("a link, which is not followed") == 1
    assert sources(store) == ["w2.csv"]
    bad = {Path(row["source"]).name for row in rows(store, "SELECT * FROM errors")}
    assert bad == {"pipe.png"}
    assert names(elsewhere) == {"w1.csv"}
    assert names(folder) == {"loop", "nowhere.csv", "a.csv", "b.csv", "linked", "secret.csv"}


def test_a_link_laid_while_it_runs_leads_nowhere(folder: Path, store: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    drop(elsewhere, 1)
    (elsewhere / "bad.csv").write_text("name,euro\nrent,900\n")
    (folder / "lot").mkdir()
    arguments = ("--store", store, "--done", "delete", "--quarantine", tmp_path / "bad")
    with Running(tmp_path, "watch", folder, *arguments, "--bad-after", "0.1") as station:
        station.wait_ready()
        drop(folder / "lot", 2)
        wait_for(lambda: sources(store) == ["w2.csv"], "the first wafer")
        (folder / "lot").rename(tmp_path / "away")
        (folder / "lot").symlink_to(elsewhere)
        (folder / "x.csv").symlink_to(elsewhere / "w1.csv")
        for number in (3, 4):  # these are listened to by the name of the link, too
            drop(elsewhere, number)
            drop(folder, 10 + number)
            wait_for(lambda: f"w1{number}.csv" in sources(store), "another file")  # noqa: B023
        time.sleep(1.5)
        assert station.stop() == 0, station.said()
    assert names(elsewhere) == {"w1.csv", "bad.csv", "w3.csv", "w4.csv"}
    assert sources(store) == ["w2.csv", "w13.csv", "w14.csv"]
    assert not rows(store, "SELECT * FROM errors")


@pytest.mark.parametrize("options", [(), ("--polling", "--poll-interval", "0.1")])
def test_a_wafer_written_over_another_one_with_its_size_and_time(
    folder: Path, store: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """``cp -p``, ``tar``, ``unzip``: the time of its last change of any kind tells them apart."""
    path = folder / "current.csv"
    with Running(tmp_path, "watch", folder, "--store", store, *options) as station:
        station.wait_ready()
        for number in (1, 2):
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.write(wafer_bytes(number))
                file.flush()
                os.utime(file.fileno(), ns=(10**18, 10**18))
            found = [digest(each) for each in range(1, number + 1)]
            wait_for(
                lambda: [row["source_sha256"] for row in rows(store)] == found,  # noqa: B023
                f"wafer {number}",
                20,
            )
        path.chmod(0o600)
        time.sleep(1.5)
        assert station.stop() == 0, station.said()
    assert len(rows(store)) == 2, "a chmod makes no wafer"


def test_a_file_that_is_written_anew_after_every_die_is_one_wafer(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    lines = wafer_bytes(1).splitlines(keepends=True)
    arguments = ("--store", store, "--complete-after", "1.5")
    with Running(tmp_path, "watch", folder, *arguments) as station:
        station.wait_ready()
        for done in range(4, len(lines) + 1, 4):  # each time a valid map, with more dies
            (folder / "w.csv.part").write_bytes(b"".join(lines[:done]))
            (folder / "w.csv.part").rename(folder / "w.csv")
            time.sleep(0.3)
        wait_for(lambda: rows(store), "the wafer", 10)
        assert station.stop() == 0, station.said()
    assert [row["source_sha256"] for row in rows(store)] == [digest(1)]


def test_a_tree_of_any_depth_ends_nothing(folder: Path, store: Path, tmp_path: Path) -> None:
    """It appears while the station listens, and lies there when it is started again."""
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        here = os.open(folder, os.O_RDONLY)
        for _ in range(1200):
            os.mkdir("a", dir_fd=here)
            there = os.open("a", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = there
        content = os.open("deep.csv", os.O_CREAT | os.O_WRONLY, dir_fd=here)
        os.write(content, wafer_bytes(1))
        os.close(content)
        os.close(here)
        wait_for(lambda: sources(store) == ["deep.csv"], "the deepest wafer", 20)
        for number in (2, 3):
            drop(folder, number)
            wait_for(lambda: f"w{number}.csv" in sources(store), "a wafer", 15)  # noqa: B023
            assert station.stop() == 0, station.said()
            station.again()
            station.wait_ready()
        drop(folder, 4)
        wait_for(lambda: "w4.csv" in sources(store), "a wafer after the restart", 15)
        assert station.stop() == 0, station.said()
    subprocess.run(["rm", "-rf", folder / "a"], check=True)


def test_a_labelled_set_wafer_by_wafer(folder: Path, store: Path, tmp_path: Path) -> None:
    many = synthetic_set(dict.fromkeys(PATTERNS, 40), [round_grid(20, 20)], seed=1)
    many.save(folder / "set.npz")
    assert once(folder, store, "--jsonl", "r.jsonl", "--done", "move").code == 0
    assert [row["index"] for row in rows(store)] == list(range(360))
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(360))
    assert names(folder / "done") == {"set.npz"}


def test_the_stations_own_files_in_the_folder_are_no_wafers(folder: Path) -> None:
    drop(folder, 1)
    for _ in range(2):
        assert once(folder, folder / "s.sqlite", "--csv", folder / "r.csv").code == 0
    assert sources(folder / "s.sqlite") == ["w1.csv"]
    assert not rows(folder / "s.sqlite", "SELECT * FROM errors")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--jsonl", "/dev/full"), "jsonl:/dev/full: has not got 1 record;"),
        (("--csv", "other.csv"), "begins like another kind"),
        (("--mqtt", "mqtt://127.0.0.1:9"), "mqtt://127.0.0.1:9: has not got 1 record;"),
        (("--done", "move"), "cannot be put away (Permission denied); this is tried again"),
    ],
)
def test_what_was_not_written_or_put_away_shows_in_the_exit_code(
    folder: Path, store: Path, options: tuple[str, ...], said: str
) -> None:
    (folder.parent / "other.csv").write_text("a,table,of,another,kind\n")
    drop(folder, 1)
    folder.chmod(0o555)
    run = wm_edge(
        "watch", folder, "--store", store, "--once", *options,
        cwd=folder.parent, before=obey_permissions(),
    )  # fmt: skip
    assert run.code == 1, run.stderr
    assert said in run.stderr
    assert sources(store) == ["w1.csv"], "nothing is lost"
    folder.chmod(0o755)


def test_a_folder_that_cannot_be_looked_into_shows_in_the_exit_code(
    folder: Path, store: Path
) -> None:
    (folder / "lot").mkdir(mode=0)
    drop(folder, 1)
    run = wm_edge("watch", folder, "--store", store, "--once", before=obey_permissions())
    assert run.code == 1, run.stderr
    assert "lot: cannot be looked into (Permission denied); give this user" in run.stderr


def test_what_was_looked_for_where_nothing_is(folder: Path, store: Path) -> None:
    drop(folder, 1)
    run = once(folder, store, "--glob", "*.png", "--glob", "lot/*")
    assert run.code == 0
    assert "no file of a known format (*.bmp, *.csv, " in run.stderr
    assert "that fits '*.png' or 'lot/*' in it or below it\n" in run.stderr
    assert "Ctrl-C" not in run.stderr
    assert "no file" not in once(folder, store).stderr
    assert "no file" not in once(folder, store).stderr, "there is one, recorded before"


def test_the_same_folder_from_another_place_is_the_same(folder: Path, store: Path) -> None:
    drop(folder, 1)
    assert once(folder, store).code == 0
    again = wm_edge("watch", ".", "--store", store, "--once", cwd=folder)
    assert again.code == 0
    assert "0 wafers" in again.stderr
    assert not rows(store, "SELECT * FROM repeats")


@pytest.mark.parametrize("what", ["missing", "file", "store", "done", "poll", "glob", "metrics"])
def test_wrong_usage_has_code_2_and_a_line_that_helps(folder: Path, store: Path, what: str) -> None:
    drop(folder, 1)
    arguments: dict[str, tuple[list[str | Path], str]] = {
        "missing": ([folder / "none"], "no such folder"),
        "file": ([folder / "w1.csv"], "is a file, not a folder; name the folder to watch"),
        "store": ([folder, "--store", folder / "none" / "s.sqlite"], "there is no folder"),
        "done": ([folder, "--done-dir", "past"], "--done-dir says nothing without --done move"),
        "poll": ([folder, "--poll-interval", "5"], "says nothing without --polling"),
        "glob": ([folder, "--glob", ""], "--glob is '', must be a text"),
        "metrics": ([folder, "--metrics", "70000"], "--metrics is '70000', must be [HOST:]PORT"),
    }
    given, said = arguments[what]
    run = wm_edge("watch", *given, "--once", cwd=folder.parent)
    assert run.code == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_start_that_is_refused_leaves_nothing_behind(folder: Path, store: Path) -> None:
    """Not a lock beside another program's file, nor a new store; what was there stays."""
    drawing = folder.parent / "donut.png"
    shutil.copy("samples/donut.png", drawing)
    content = drawing.read_bytes()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for options in (
            ("--store", drawing),
            ("--store", store, "--metrics", str(taken.getsockname()[1])),
            ("--store", store, "--done", "move", "--done-dir", folder.parent),
        ):
            run = wm_edge("watch", folder, "--once", *options, cwd=folder.parent)
            assert run.code == 2, run.stderr
            assert names(folder.parent) == {"in", "donut.png"}
    assert drawing.read_bytes() == content
    left = store.with_name(f"{store.name}-wal")
    left.write_bytes(b"the log of a store that is away" * 99)
    assert once(folder, store).code == 2
    assert names(folder.parent) == {"in", "donut.png", left.name}


def test_nothing_goes_to_stdout_but_results(folder: Path, store: Path) -> None:
    shutil.copy(drop(folder, 1), folder / "copy.csv")
    assert once(folder, store).stdout == b""


def test_lot_and_wafer_from_names_whoever_takes_the_file(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    """Enough files for workers, under two tops; one that does not fit is recorded without them."""
    other = tmp_path / "other"
    for top, count in ((folder, 100), (other, 1)):
        for number in range(count):
            (top / f"L{number}").mkdir(parents=True)
            drop(top / f"L{number}", number + 1000 * (top is other), "07.csv")
    drop(folder, 999, "odd.csv")
    finished = once(folder, store, other, "--name-pattern", "{lot}/{wafer}.*")
    assert finished.code == 0, finished.stderr
    assert finished.stderr.count("does not fit the name pattern") == 1
    found = {row["source"]: (row["lot"], row["wafer"]) for row in rows(store)}
    assert found.pop(f"{folder}/odd.csv") == (None, None)
    assert len(found) == 101
    assert all(found[name] == (Path(name).parent.name, "07") for name in found)
