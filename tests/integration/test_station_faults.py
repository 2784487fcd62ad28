"""A station whose disks, sinks, folders and processes fail: said, nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import socket
import sqlite3
import stat
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from tests.support.broker import free_port
from tests.support.cli import parse_lines, wm_edge
from tests.support.station import (
    POISON,
    Running,
    deadly,
    digest,
    drop,
    rows,
    small_disk,
    wafer_bytes,
    wait_for,
)
from train.synth.sets import synthetic_set

#: Seconds from the order to stop to the end that systemd and operators are promised.
PROMISED = 5.0


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


def stop_in_time(station: Running) -> None:
    station.process.send_signal(signal.SIGTERM)
    assert station.process.wait(PROMISED) == 0, station.said()


def recorded(store: Path) -> Counter[str]:
    return Counter(row["source_sha256"] for row in rows(store))


def wafers(*numbers: int) -> Counter[str]:
    return Counter(map(digest, numbers))


def appended(path: Path) -> Counter[str]:
    return Counter(record["source_sha256"] for record in parse_lines(path.read_bytes()))


def line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_full_disk_under_the_store_stops_taking_and_loses_nothing(
    folder: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "400k") as resize:
        store = tmp_path / "disk" / "s.sqlite"
        arguments = ("watch", folder, "--store", store, "--jsonl", "r.jsonl", "--done", "delete")
        with Running(tmp_path, *arguments) as station:
            station.wait_ready()
            for number in range(200):
                drop(folder, number)
            wait_for(lambda: "disk is full" in station.said(), "the full disk said")
            assert "none is lost" in station.said()
            kept = len(rows(store))
            assert 0 < kept < 200
            assert len(list(folder.iterdir())) >= 200 - kept, "only what is recorded is deleted"
            stop_in_time(station)
            station.again()
            resize("10m")
            wait_for(lambda: len(rows(store)) == 200, "all recorded")
            wait_for(lambda: not list(folder.iterdir()), "all deleted")
            stop_in_time(station)
        assert recorded(store) == wafers(*range(200))
    assert appended(tmp_path / "r.jsonl") == wafers(*range(200))


def test_a_full_disk_under_one_sink_leaves_the_others_alone(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "32k") as resize:
        full = tmp_path / "disk" / "r.jsonl"
        sinks = ("--store", store, "--jsonl", full, "--csv", "r.csv")
        with Running(tmp_path, "watch", folder, *sinks) as station:
            station.wait_ready()
            drop(folder, 0)
            wait_for(lambda: line_count(full) == 1, "the first line")
            for number in range(1, 60):
                drop(folder, number)
            wait_for(lambda: line_count(tmp_path / "r.csv") == 61, "the other sink has all")
            wait_for(lambda: "No space left" in station.said(), "the full disk said")
            kept = line_count(full)
            assert 0 < kept < 60
            assert full.read_bytes().endswith(b"\n"), "half a record was left"
            resize("1m")
            wait_for(lambda: line_count(full) == 60, "the sink caught up")
            stop_in_time(station)
        assert "works again" in station.said()
        assert appended(full) == wafers(*range(60)) == recorded(store)


def test_dead_sinks_delay_neither_the_others_nor_the_end(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    late = tmp_path / "not there yet" / "r.jsonl"
    broker = f"mqtt://127.0.0.1:{free_port()}"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # nobody reads: what is written into it hangs
    dead = ("--jsonl", "/dev/full", "--jsonl", late, "--mqtt", broker, "--jsonl", pipe)
    sinks = ("--store", store, *dead, "--jsonl", "r.jsonl")
    with Running(tmp_path, "watch", folder, *sinks) as station:
        station.wait_ready()
        for number in range(120):
            drop(folder, number)
        wait_for(lambda: line_count(tmp_path / "r.jsonl") == 120, "the living sink has all")
        stop_in_time(station)
        assert f"jsonl:{late}: has not got 120 records" in station.said()
        late.parent.mkdir()
        station.again()
        wait_for(lambda: line_count(late) == 120, "delivered by the next run")
    assert appended(late) == appended(tmp_path / "r.jsonl") == wafers(*range(120))


def test_one_station_a_store_until_it_is_dead(folder: Path, store: Path, tmp_path: Path) -> None:
    drop(folder, 1)
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        wait_for(lambda: recorded(store) == wafers(1), "the wafer recorded")
        (tmp_path / "link.sqlite").symlink_to(store)
        for name in (store, tmp_path / "link.sqlite"):
            second = wm_edge("watch", folder, "--store", name, "--once")
            assert second.code == 2
            assert f"in use by another station (process {station.process.pid})" in second.stderr
        station.kill()
        drop(folder, 2)
        assert wm_edge("watch", folder, "--store", store, "--once").code == 0
    assert recorded(store) == wafers(1, 2)


@pytest.mark.parametrize("what", ["noise", "database"])
def test_a_file_that_is_no_store_is_left_as_it_is(folder: Path, store: Path, what: str) -> None:
    if what == "noise":
        store.write_bytes(bytes(range(256)) * 40)
    else:
        with closing(sqlite3.connect(store)) as other:
            other.execute("CREATE TABLE somebody_elses (thing)")
    before = store.read_bytes()
    run = wm_edge("watch", folder, "--store", store, "--once")
    assert run.code == 2
    assert str(store) in run.stderr
    assert "Traceback" not in run.stderr
    assert store.read_bytes() == before


def test_a_store_that_somebody_else_locks_is_waited_for(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for number in range(40):
                drop(folder, number)
            time.sleep(1.0)  # the batch is at the recorder by now
            assert not rows(store)
            other.execute("COMMIT")
            # A reader who keeps looking at an old state blocks nobody.
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM results").fetchone()
            drop(folder, 40)
            wait_for(lambda: recorded(store) == wafers(*range(41)), "all recorded")
        stop_in_time(station)


def test_a_folder_that_goes_away_and_comes_back(folder: Path, store: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        drop(folder, 1)
        wait_for(lambda: recorded(store) == wafers(1), "the first wafer")
        folder.rename(away)
        drop(away, 2)
        wait_for(lambda: "the folder is away" in station.said(), "that it is away")
        folder.write_text("a file in its place")
        assert station.process.poll() is None
        folder.unlink()
        away.rename(folder)
        wait_for(lambda: recorded(store) == wafers(1, 2), "what came meanwhile", 9)
        drop(folder, 3)
        wait_for(lambda: recorded(store) == wafers(1, 2, 3), "what comes now", 9)
        stop_in_time(station)
    assert "is back after" in station.said()
    assert not rows(store, "SELECT * FROM errors")


def test_a_file_of_results_that_is_rotated_under_load(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "r.jsonl"
    with Running(tmp_path, "watch", folder, "--store", store, "--jsonl", lines) as station:
        station.wait_ready()
        for number in range(300):
            drop(folder, number)
            if number % 100 == 50:
                wait_for(lambda: line_count(lines), "lines in the new file")
                lines.rename(tmp_path / f"r.{number}.jsonl")
        wait_for(lambda: len(rows(store)) == 300, "all recorded")
        stop_in_time(station)
    files = list(tmp_path.glob("r*.jsonl"))
    assert len(files) == 4
    assert sum(map(appended, files), Counter()) == wafers(*range(300))


def test_a_file_of_results_that_an_operator_empties(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "r.jsonl"
    with Running(tmp_path, "watch", folder, "--store", store, "--jsonl", lines) as station:
        station.wait_ready()
        drop(folder, 1)
        wait_for(lambda: line_count(lines) == 1, "the first line")
        os.truncate(lines, 0)
        drop(folder, 2)
        wait_for(lambda: line_count(lines) == 1, "the second line")
        stop_in_time(station)
        assert appended(lines) == wafers(2), "what was taken out does not come back"
        station.again()
        drop(folder, 3)
        wait_for(lambda: line_count(lines) == 2, "the third line")
        stop_in_time(station)
    assert appended(lines) == wafers(2, 3)


def test_stopped_and_killed_under_load(folder: Path, store: Path, tmp_path: Path) -> None:
    files, table = 600, tmp_path / "r.csv"
    for number in range(files):
        (folder / f"w\n{number}.csv").write_bytes(wafer_bytes(number))
    arguments = ("watch", folder, "--store", store, "--csv", table, "--done", "delete")
    with Running(tmp_path, *arguments) as station:
        wait_for(lambda: rows(store), "the first wafers")
        stop_in_time(station)
        assert len(rows(store)) < files, "it was not under load any more"
        assert set(recorded(store).values()) == {1}
        station.again()
        number = len(rows(store))
        wait_for(lambda: len(rows(store)) > number, "more wafers")
        station.kill()
        station.again()
        wait_for(lambda: len(rows(store)) == files, "all recorded")
        wait_for(lambda: not list(folder.iterdir()), "all deleted")
        stop_in_time(station)
    assert recorded(store) == wafers(*range(files))
    # Every name holds a line end and stands there twice, so a record is three lines.
    assert line_count(table) == 1 + 3 * files


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: a station has no workers")
def test_workers_end_with_their_station_and_may_be_killed(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    # Few contents under many names: each name is a wafer.
    for number in range(1200):
        (folder / f"w{number}.csv").write_bytes(wafer_bytes(number % 100))
    with Running(tmp_path, "watch", folder, "--store", store, "--done", "delete") as station:
        workers = wait_for(station.children, "a worker")
        station.kill()
        wait_for(lambda: not any(map(_runs, workers)), "the workers end by themselves", 9)
        station.again()
        os.kill(wait_for(station.children, "another worker")[0], signal.SIGKILL)
        wait_for(lambda: not list(folder.iterdir()), "all taken without it")
        stop_in_time(station)
    assert recorded(store) == wafers(*[*range(100)] * 12)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_labelled_set_goes_on_where_it_was_killed(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    many = synthetic_set(dict.fromkeys(PATTERNS, 120), [round_grid(20, 20)], seed=1)
    many.save(folder / "set.npz")
    lines = tmp_path / "r.jsonl"
    arguments = ("watch", folder, "--store", store, "--jsonl", lines, "--done", "delete")
    with Running(tmp_path, *arguments) as station:
        wait_for(lambda: rows(store), "the first wafers of the set")
        station.kill()
        assert (folder / "set.npz").exists()
        station.again()
        wait_for(lambda: not (folder / "set.npz").exists(), "the set put away")
        wait_for(lambda: line_count(lines) >= 1080, "all appended")
        stop_in_time(station)
    assert [row["index"] for row in rows(store)] == list(range(1080))
    assert [json.loads(line)["index"] for line in lines.read_text().splitlines()] == [*range(1080)]


def test_a_file_from_the_far_future_stops_nobody(folder: Path, store: Path) -> None:
    drop(folder, 1)
    os.utime(drop(folder, 2), (13_600_000_000, 13_600_000_000))  # beyond 2262: over 63 bits of ns
    run = wm_edge("watch", folder, "--store", store, "--once")
    assert run.code == 0, run.stderr
    assert recorded(store) == wafers(1, 2)


def test_a_device_stops_nobody(folder: Path, store: Path, tmp_path: Path) -> None:
    try:
        os.mknod(folder / "zero.png", 0o666 | stat.S_IFCHR, os.stat("/dev/zero").st_rdev)  # noqa: PTH116
    except PermissionError:
        pytest.skip("no device can be made here")
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        # Its turn comes after some looks, since nobody can tell who writes a device.
        wait_for(lambda: rows(store, "SELECT * FROM errors"), "that it is no file", 6)
        drop(folder, 1)
        wait_for(lambda: recorded(store) == wafers(1), "the wafer behind it", 5)
        stop_in_time(station)


@pytest.mark.parametrize("option", ["--done-dir", "--quarantine"])
def test_files_cannot_be_put_where_they_come_from(folder: Path, store: Path, option: str) -> None:
    drop(folder, 1)
    for place in (folder, folder.parent):
        run = wm_edge("watch", folder, "--store", store, "--once", "--done", "move", option, place)
        assert run.code == 2, run.stderr
        assert str(place) in run.stderr


def test_moving_into_the_folder_by_another_name(folder: Path, store: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    arguments = ("watch", link, "--store", store, "--done", "move", "--done-dir", folder / "past")
    with Running(tmp_path, *arguments) as station:
        station.wait_ready()
        for number in range(6):  # what becomes of the first shows by the last
            drop(folder, number)
            wait_for(lambda: digest(number) in recorded(store), "recorded")  # noqa: B023
            wait_for(lambda: not (folder / f"w{number}.csv").exists(), "moved")  # noqa: B023
        stop_in_time(station)
    assert {path.name for path in (folder / "past").iterdir()} == {f"w{n}.csv" for n in range(6)}
    assert not rows(store, "SELECT * FROM repeats")


def test_a_file_of_somebody_else_is_not_cut(folder: Path, store: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_bytes(b"first line\nsecond line")
    drop(folder, 1)
    wm_edge("watch", folder, "--store", store, "--jsonl", notes, "--once")
    assert notes.read_bytes().startswith(b"first line\nsecond line")


def test_two_stations_do_not_append_to_one_file(folder: Path, tmp_path: Path) -> None:
    arguments = ("watch", folder, "--jsonl", tmp_path / "r.jsonl", "--store")
    (tmp_path / "second").mkdir()
    with Running(tmp_path, *arguments, tmp_path / "1.sqlite") as first:
        drop(folder, 1)
        wait_for(lambda: line_count(tmp_path / "r.jsonl") == 1, "the first station's line")
        with Running(tmp_path / "second", *arguments, tmp_path / "2.sqlite") as second:
            wait_for(lambda: "another station appends" in second.said(), "the refusal", 4)
            stop_in_time(second)
        stop_in_time(first)
    assert line_count(tmp_path / "r.jsonl") == 1


def test_one_file_cannot_be_two_sinks(folder: Path, store: Path, tmp_path: Path) -> None:
    drop(folder, 1)
    sinks = ("--jsonl", tmp_path / "r.jsonl", "--jsonl", tmp_path / "." / "r.jsonl")
    assert wm_edge("watch", folder, "--store", store, *sinks, "--once").code == 2


def test_a_lock_of_somebody_else_does_not_delay_the_end(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    with Running(tmp_path, "watch", folder, "--store", store, "--jsonl", "r.jsonl") as station:
        station.wait_ready()
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            drop(folder, 1)
            time.sleep(0.5)  # the batch is at the recorder by now
            stop_in_time(station)


def test_a_store_that_is_taken_away_is_said(folder: Path, store: Path, tmp_path: Path) -> None:
    with Running(tmp_path, "watch", folder, "--store", store, "--done", "delete") as station:
        drop(folder, 1)
        wait_for(lambda: recorded(store) == wafers(1), "the first wafer")
        store.rename(tmp_path / "away.sqlite")
        drop(folder, 2)
        wait_for(lambda: "no more files are taken" in station.said(), "that it is away", 3)
        assert (folder / "w2.csv").exists()
        (tmp_path / "away.sqlite").rename(store)
        wait_for(lambda: recorded(store) == wafers(1, 2), "the second wafer", 5)
        stop_in_time(station)


@pytest.mark.parametrize("harm", ["deleted", "cut", "flipped"])
def test_the_log_of_the_store_is_harmed_and_the_station_killed(
    folder: Path, store: Path, tmp_path: Path, harm: str
) -> None:
    arguments = ("watch", folder, "--store", store, "--done", "delete")
    log = store.with_name(f"{store.name}-wal")
    with Running(tmp_path, *arguments) as station:
        station.wait_ready()
        for number in range(10):
            drop(folder, number)
        wait_for(lambda: recorded(store) == wafers(*range(10)), "the first wafers")
        if harm == "deleted":
            log.unlink()
        elif harm == "cut":
            os.truncate(log, 0)
        else:
            content = bytearray(log.read_bytes())
            content[1000::500] = bytes(byte ^ 1 for byte in content[1000::500])
            with log.open("r+b") as file:
                file.write(content)
        for number in range(10, 20):
            drop(folder, number)
        wait_for(lambda: not list(folder.iterdir()), "all put away")
        assert "nothing is lost" in station.said()
        station.kill()
    assert recorded(store) == wafers(*range(20))
    assert wm_edge(*arguments, "--once", cwd=tmp_path).code == 0
    assert recorded(store) == wafers(*range(20))


def test_a_store_put_back_from_its_backup_gives_no_id_twice(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    arguments = (
        "watch",
        folder,
        "--store",
        store,
        "--jsonl",
        "r.jsonl",
        "--csv",
        "r.csv",
        "--once",
    )

    def record(*numbers: int) -> str:
        for number in numbers:
            drop(folder, number)
        done = wm_edge(*arguments, cwd=tmp_path)
        assert done.code == 0
        return done.stderr

    record(1, 2)
    with closing(sqlite3.connect(store)) as one, closing(sqlite3.connect(tmp_path / "b")) as two:
        one.backup(two)
    record(3, 4, 5)
    for name in (store, store.with_name(f"{store.name}.lock")):
        name.unlink()
    (tmp_path / "b").rename(store)
    for number in (3, 4, 5):
        (folder / f"w{number}.csv").unlink()
    said = record(6, 7, 8, 9)
    assert "has records up to number 5, the store had 2" in said
    found = parse_lines((tmp_path / "r.jsonl").read_bytes())
    assert [record["source_sha256"] for record in found] == [digest(n) for n in range(1, 10)]
    assert len({record["id"] for record in found}) == 9
    lines = (tmp_path / "r.csv").read_text().splitlines()[1:]
    assert [line.partition(",")[0] for line in lines] == [record["id"] for record in found]
    assert "has records" not in record(10)
    assert line_count(tmp_path / "r.jsonl") == 10


def test_a_folder_made_anew_is_listened_to(folder: Path, store: Path, tmp_path: Path) -> None:
    with Running(tmp_path, "watch", folder, "--store", store) as station:
        station.wait_ready()
        drop(folder, 1)
        wait_for(lambda: recorded(store) == wafers(1), "the first wafer")
        (folder / "w1.csv").unlink()
        number = folder.stat().st_ino
        for _ in range(20):  # some file systems give the number away again, if not at once
            folder.rmdir()
            folder.mkdir()
            if folder.stat().st_ino == number:
                break
        time.sleep(1.5)  # it looks every second whether the folder is the same
        for number in (2, 3):  # sooner than by looking through all of it every 10 s
            drop(folder, number)
            wait_for(lambda: digest(number) in recorded(store), "what comes now", 2)  # noqa: B023
        stop_in_time(station)


def test_a_table_that_an_operator_empties(folder: Path, store: Path, tmp_path: Path) -> None:
    table = tmp_path / "r.csv"
    with Running(tmp_path, "watch", folder, "--store", store, "--csv", table) as station:
        station.wait_ready()
        drop(folder, 1)
        wait_for(lambda: line_count(table) == 2, "the header and a row")
        header = table.read_text().partition("\n")[0]
        os.truncate(table, 0)
        drop(folder, 2)
        wait_for(lambda: line_count(table) == 2, "the header and the second row", 2)
        assert table.read_text().startswith(f"{header}\n")
        stop_in_time(station)


def test_a_file_that_is_emptied_on_a_disk_that_is_full(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "64k") as resize:
        lines = tmp_path / "disk" / "r.jsonl"
        with Running(tmp_path, "watch", folder, "--store", store, "--jsonl", lines) as station:
            station.wait_ready()
            for number in range(30):
                drop(folder, number)
            wait_for(lambda: line_count(lines) == 30, "the first lines")
            os.truncate(lines, 0)
            drop(folder, 30)
            wait_for(lambda: line_count(lines) == 1, "a line at the beginning")
            resize("8k")
            for number in range(31, 61):
                drop(folder, number)
            wait_for(lambda: "No space left" in station.said(), "the full disk said")
            resize("1m")
            wait_for(lambda: line_count(lines) == 31, "all lines")
            stop_in_time(station)
        assert b"\0" not in lines.read_bytes()
        assert appended(lines) == wafers(*range(30, 61))


def test_files_that_cannot_be_put_away_are_said_and_left(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    for number in range(3):
        drop(folder, number)
        # A file where a folder is wanted: root, too, cannot move anything below it.
        (folder / f"lot{number}").mkdir()
        drop(folder / f"lot{number}", 10 + number)
        done.mkdir(exist_ok=True)
        (done / f"lot{number}").touch()
    arguments = ("watch", folder, "--store", store, "--done", "move", "--done-dir", done)
    with Running(tmp_path, *arguments) as station:
        wait_for(lambda: station.said().count("cannot be put away") >= 3, "what cannot be done")
        drop(folder, 20)
        wait_for((done / "w20.csv").exists, "another file taken and moved")
        stop_in_time(station)
        assert station.said().count("cannot be put away") == 3
    assert recorded(store) == wafers(0, 1, 2, 10, 11, 12, 20)
    assert len(list(folder.rglob("w1?.csv"))) == 3


def test_a_terminal_that_is_stopped_stops_nobody(folder: Path, store: Path, tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()  # nobody reads at the other end
    try:
        with Running(tmp_path, "watch", folder, "--store", store, stdout=terminal) as station:
            station.wait_ready()
            for number in range(200):
                drop(folder, number)
            wait_for(lambda: len(rows(store)) == 200, "all recorded")
            stop_in_time(station)
        shown = os.read(keyboard, 4096).decode()
        assert ".csv" in shown, "as far as it was read, the table is there"
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_a_log_that_nobody_reads_stops_nobody(folder: Path, store: Path, tmp_path: Path) -> None:
    source, log = os.pipe()
    try:
        os.set_blocking(log, False)
        with suppress(BlockingIOError):
            while os.write(log, b"x" * 4096):
                pass
        os.set_blocking(log, True)
        with Running(tmp_path, "watch", folder, "--store", store, stderr=log) as station:
            for number in range(200):
                # A line in the log each.
                (folder / f"bad{number}.csv").write_text(f"{number},x\n")
                drop(folder, number)
            wait_for(lambda: len(rows(store)) == 200, "all recorded")
            wait_for(lambda: len(rows(store, "SELECT id FROM errors")) == 200, "the bad ones, too")
            stop_in_time(station)
    finally:
        os.close(source)
        os.close(log)


@pytest.mark.parametrize(
    ("name", "head", "files"), [("a.csv", b"", 20), ("a.npz", b"PK\3\4", 20), ("w99.csv", b"", 200)]
)
def test_a_file_that_the_station_dies_of_is_passed_over(
    folder: Path, store: Path, tmp_path: Path, name: str, head: bytes, files: int
) -> None:
    """Alone, streamed, and in a backlog, where workers take it."""
    site = deadly(tmp_path)
    for number in range(files):
        drop(folder, number)
    (folder / name).write_bytes(head + POISON)
    arguments = ("watch", folder, "--store", store, "--bad-after", "0.1")
    starts = 1
    with Running(tmp_path, *arguments, PYTHONPATH=site) as station:
        deadline = time.monotonic() + 60
        while not rows(store, "SELECT * FROM errors") and time.monotonic() < deadline:
            if station.process.poll() is not None:
                station.again()
                starts += 1
            time.sleep(0.05)
        assert starts <= 3
        wanted = {f"w{number}.csv" for number in range(files)} - {name}
        wait_for(lambda: len(rows(store)) == len(wanted), "all others")
        [error] = rows(store, "SELECT * FROM errors")
        assert Path(error["source"]).name == name
        assert "died 2 times" in error["error"]
        if not head:  # what is changed is another file
            (folder / name).write_bytes(wafer_bytes(1000))
            wait_for(lambda: len(rows(store)) == len(wanted) + 1, "the file when it has changed")
        stop_in_time(station)


def test_a_file_that_was_in_hand_when_the_station_was_killed_is_not_blamed(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    """Killed again and again while it takes one file for long; the file is well."""
    site = deadly(tmp_path, "2,2,1", "__import__('time').sleep(1.5)")
    drop(folder, 1)
    assert b"2,2,1" in (folder / "w1.csv").read_bytes()
    with Running(tmp_path, "watch", folder, "--store", store, PYTHONPATH=site) as station:
        notes = store.with_name(f"{store.name}.taking")
        for number in range(1, 4):
            wait_for(lambda: notes.exists() and b"w1.csv" in notes.read_bytes(), "it is in hand")
            time.sleep(0.3)
            station.kill()
            if rows(store):
                break
            station.again()
            wait_for(
                lambda: station.said().count("recording into ") == number + 1,  # noqa: B023
                "the next start",
            )
            time.sleep(0.7)
        wait_for(lambda: rows(store), "the wafer")
        stop_in_time(station)
    assert not rows(store, "SELECT * FROM errors")


@pytest.mark.parametrize("left", [0, 1, 2])
def test_without_descriptors_nothing_is_lost_nor_bad(
    folder: Path, store: Path, tmp_path: Path, left: int
) -> None:
    bad = tmp_path / "bad"
    put_away = ("--done", "move", "--quarantine", bad, "--bad-after", "0.2")
    with Running(tmp_path, "watch", folder, "--store", store, *put_away) as station:
        station.wait_ready()
        process = station.process.pid
        before = resource.prlimit(process, resource.RLIMIT_NOFILE)
        open_now = {int(name) for name in os.listdir(f"/proc/{process}/fd")}  # noqa: PTH208
        free = [number for number in range(3, 1000) if number not in open_now]
        limit = free[left - 1] + 1 if left else 3
        resource.prlimit(process, resource.RLIMIT_NOFILE, (limit, before[1]))
        for number in range(20):
            drop(folder, number)
        time.sleep(2)  # long enough for a bad file to count as one
        resource.prlimit(process, resource.RLIMIT_NOFILE, before)
        wait_for(lambda: len(rows(store)) == 20, "all recorded")
        wait_for(lambda: not [*folder.glob("*.csv")], "all put away")
        stop_in_time(station)
        assert "no file descriptor is left" in station.said()
    assert recorded(store) == wafers(*range(20))
    assert rows(store, "SELECT * FROM errors") == []
    assert not bad.exists()


def test_whatever_hangs_at_once_does_not_delay_the_end(
    folder: Path, store: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    port = free_port()
    with ExitStack() as stack:
        keyboard, terminal = pty.openpty()
        stack.callback(os.close, keyboard)
        stack.callback(os.close, terminal)
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # says nothing
        broker = f"mqtt://127.0.0.1:{silent.getsockname()[1]}"
        sinks = ("--store", store, "--jsonl", pipe, "--mqtt", broker, "--metrics", str(port))
        station = stack.enter_context(Running(tmp_path, "watch", folder, *sinks, stdout=terminal))
        station.wait_ready()
        for number in range(100):
            drop(folder, number)
        wait_for(lambda: len(rows(store)) == 100, "all recorded")
        for _ in range(40):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            client.sendall(b"GET /me")
        locked = stack.enter_context(closing(sqlite3.connect(store, isolation_level=None)))
        locked.execute("BEGIN IMMEDIATE")
        drop(folder, 100)
        time.sleep(0.5)
        stop_in_time(station)
