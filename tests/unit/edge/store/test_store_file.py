"""A store whose files others delete, cut, overwrite, put back or lock: nothing is lost unsaid."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.errors import OutputError, UsageError
from edge.results.record import number_of
from edge.store import opening, store_file
from edge.store.guard import Guard
from edge.store.reader import StoreReader
from edge.store.spare import Spare
from edge.store.store import Store
from tests.support.records import holder, result

OPEN = "import sys; from pathlib import Path; from edge.store.store import Store\n"
OPEN += "store = Store(Path(sys.argv[1]))"

READ = "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
READ += "connection.execute('BEGIN'); connection.execute('SELECT * FROM results').fetchone()"

Harm = Callable[[Path], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "station.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path)) as store:
        yield store


def beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")


def record(store: Store, *numbers: int) -> list[str]:
    return [added["id"] for added in store.add(result(number) for number in numbers).records]


def sources(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in connection.execute("SELECT source FROM results ORDER BY id")]


def expected(*numbers: int) -> list[str]:
    return [f"in/w{number}.png" for number in numbers]


def after_a_crash(path: Path, folder: Path) -> list[str]:
    """What a station finds that is started after ``kill -9``."""
    folder.mkdir()
    for ending in ("", "-wal", ".lock"):
        if beside(path, ending).exists():
            shutil.copy(beside(path, ending), folder)
    with closing(Store(folder / path.name)):
        pass
    return sources(folder / path.name)


def idle(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store_file, "IDLE", 0.0)
        store.rest()


def delete_log(path: Path) -> None:
    beside(path, "-wal").unlink()


def delete_index(path: Path) -> None:
    beside(path, "-shm").unlink()


def replace_log(path: Path) -> None:
    other = beside(path, ".other")
    shutil.copy(beside(path, "-wal"), other)
    other.replace(beside(path, "-wal"))


def empty_log(path: Path) -> None:
    os.truncate(beside(path, "-wal"), 0)


def cut_log(path: Path) -> None:
    os.truncate(beside(path, "-wal"), beside(path, "-wal").stat().st_size // 2)


def flip_log(path: Path) -> None:
    rng = random.Random(1)
    with beside(path, "-wal").open("r+b") as file:
        content = file.read()
        for place in rng.sample(range(32, len(content)), 50):
            file.seek(place)
            file.write(bytes([content[place] ^ 255]))


@pytest.mark.parametrize(
    "harm", [delete_log, delete_index, replace_log, empty_log, cut_log, flip_log]
)
def test_harm_to_the_log_is_mended_and_loses_nothing(
    store: Store, tmp_path: Path, harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(StoreReader(store.path)) as reader:
        ids = record(store, 1, 2, 3)
        harm(store.path)
        ids += record(store, 4, 5)
        assert [found["id"] for found in reader.after(0, 10)] == ids
    assert "nothing is lost" in caplog.text
    assert after_a_crash(store.path, tmp_path / "crash") == expected(1, 2, 3, 4, 5)
    assert [number_of({"id": each}) for each in ids] == [1, 2, 3, 4, 5]
    assert len({each.partition("-")[0] for each in ids}) == 1


@pytest.mark.parametrize("harm", [delete_log, delete_index, cut_log])
def test_harm_to_the_log_is_mended_while_somebody_reads(
    store: Store, tmp_path: Path, harm: Harm
) -> None:
    record(store, 1)
    with holder(READ, store.path):
        record(store, 2)
        harm(store.path)
        record(store, 3)
        assert after_a_crash(store.path, tmp_path / "crash") == expected(1, 2, 3)


def test_harm_while_harm_is_mended_loses_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = record(store, 1, 2)
    begin, harms = opening._begin, [empty_log, delete_log]

    def harmed(*arguments: Any, **options: Any) -> Any:
        if harms:
            harms.pop()(store.path)
        return begin(*arguments, **options)

    monkeypatch.setattr(opening, "_begin", harmed)
    delete_index(store.path)
    ids += record(store, 3)
    assert not harms
    assert after_a_crash(store.path, tmp_path / "crash") == expected(1, 2, 3)
    assert [number_of({"id": each}) for each in ids] == [1, 2, 3]


def test_what_is_harmed_before_it_is_copied_is_not_taken_for_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, 1)
    committed = Guard.committed

    def harmed(guard: Guard) -> Any:
        monkeypatch.setattr(Guard, "committed", committed)
        cut_log(store.path)
        return committed(guard)

    monkeypatch.setattr(Guard, "committed", harmed)
    with pytest.raises(OutputError, match="what was just recorded was lost"):
        record(store, 2)
    record(store, 2)
    assert after_a_crash(store.path, tmp_path / "crash") == expected(1, 2)


@pytest.mark.parametrize("harm", [delete_log, flip_log])
def test_harm_to_the_log_is_noticed_while_there_is_nothing_to_record(
    store: Store, harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    record(store, 1)
    harm(store.path)
    store.rest()
    assert "nothing is lost" in caplog.text


@pytest.mark.parametrize("harm", [empty_log, cut_log, flip_log])
def test_a_log_that_cannot_be_mended_is_said_and_no_id_is_given_twice(
    store: Store, harm: Harm, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, 1)
    idle(store, monkeypatch)
    ids = record(store, 2) + record(store, 3)
    monkeypatch.setattr(Spare, "of", lambda *_: None)
    harm(store.path)
    ids += record(store, 4, 2, 3)
    assert len(set(ids)) == len(ids)
    assert sorted(sources(store.path)) == expected(1, 2, 3, 4)
    assert "higher ones were given before" in caplog.text
    copies = list(store.path.parent.glob("*.damaged-*"))
    assert bool(copies) == (harm is flip_log), "what is behind the harm may be of use to somebody"


def test_a_log_that_was_harmed_after_a_crash_is_said(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = store.name
    record(store, 1)
    record(store, 2)
    crash = tmp_path / "crash"
    crash.mkdir()
    for ending in ("", "-wal"):  # without the lock file's note
        shutil.copy(beside(store.path, ending), crash)
    flip_log(crash / store.path.name)
    with closing(Store(crash / store.path.name)) as again:
        assert again.name != name
        assert record(again, 1, 2)
    assert "was damaged" in caplog.text
    assert list(crash.glob("*-wal.damaged-*"))


@pytest.mark.parametrize("harm", [delete_log, cut_log])
def test_a_reader_that_saw_the_log_before_it_was_harmed_keeps_no_station_from_starting(
    store: Store, tmp_path: Path, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash: SQLite takes the index of the log from whoever has it open."""
    record(store, 1)
    idle(store, monkeypatch)
    for number in range(2, 20):
        record(store, number)
    crash = tmp_path / "crash"
    crash.mkdir()
    for ending in ("", "-wal", ".lock"):
        shutil.copy(beside(store.path, ending), crash)
    path = crash / store.path.name
    with holder(READ, path):
        harm(path)
        with closing(Store(path)) as again, closing(StoreReader(path)) as reader:
            assert again.name != store.name
            assert reader.after(0, 1)[0]["source"] == "in/w1.png"
            record(again, 20)
    assert sources(path)[-1] == "in/w20.png"


def garble(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"garbage!" * 12)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("harm", [garble, empty])
def test_an_overwritten_database_keeps_nothing_until_it_is_back(
    store: Store, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, 1)
    idle(store, monkeypatch)
    before = store.path.read_bytes()
    harm(store.path)
    for act in (lambda: record(store, 2), store.rest, lambda: record(store, 2)):
        with pytest.raises(OutputError, match=r"was overwritten .*put the file's backup back"):
            act()
    store.path.write_bytes(before)
    record(store, 2)
    assert sources(store.path) == expected(1, 2)


def test_an_older_copy_laid_over_a_store_in_use_is_seen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(path)) as store:
        name = store.name
        record(store, 1)
        idle(store, monkeypatch)
        older = path.read_bytes()
        record(store, 2)
        idle(store, monkeypatch)
        path.write_bytes(older)
        with pytest.raises(OutputError, match="was overwritten"):
            record(store, 3)
    with closing(Store(path)) as again:
        assert again.name != name, "number 2 was given before"
        assert record(again, 3) == [f"{again.name}-2"]


def test_an_emptied_store_is_no_new_one(path: Path) -> None:
    with closing(Store(path)) as store:
        record(store, 1)
    os.truncate(path, 0)
    with pytest.raises(UsageError, match=r"is empty, but was a store .*put its backup back"):
        Store(path)
    assert path.stat().st_size == 0
    path.unlink()  # moved away: a new one
    with closing(Store(path)) as store:
        assert record(store, 1) == [f"{store.name}-1"]


def test_what_others_may_do_to_a_store_disturbs_nobody(store: Store) -> None:
    statements = ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)", "CREATE VIEW mine AS SELECT 1")
    for number, statement in enumerate(statements):
        record(store, number)
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute(statement)
        store.rest()
    store.path.chmod(0o600)
    record(store, 3)
    assert sources(store.path) == expected(0, 1, 2, 3)


def test_numbers_are_read_within_the_transaction(store: Store) -> None:
    record(store, 1)
    with closing(sqlite3.connect(store.path)) as other, other:
        other.execute("UPDATE numbering SET next_id = 20")
    assert record(store, 2) == [f"{store.name}-20"]
    with closing(sqlite3.connect(store.path)) as other, other:
        other.execute("UPDATE numbering SET next_id = 3")
        other.execute("DELETE FROM results")
    with pytest.raises(OutputError, match="put back to an earlier state"):
        record(store, 4)


def test_a_second_writer_is_refused_whatever_became_of_the_lock_file(path: Path) -> None:
    with holder(OPEN, path) as other:
        beside(path, ".lock").unlink()
        beside(path, ".link").hardlink_to(path)
        for name in (path, beside(path, ".link")):
            with pytest.raises(UsageError, match=rf"another station \(process {other.pid}\)"):
                Store(name)


def test_a_second_store_of_one_process_leaves_the_first_alone(store: Store) -> None:
    with pytest.raises(UsageError, match=rf"\(process {os.getpid()}\)"):
        Store(store.path)
    record(store, 1)
    with (
        closing(sqlite3.connect(store.path, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("PRAGMA journal_mode = DELETE")


def test_a_store_put_back_from_its_backup_takes_a_new_name(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backup = tmp_path / "backup"
    with closing(Store(path)) as store:
        ids = record(store, 1, 2)
    shutil.copy(path, backup)
    with closing(Store(path)) as store:
        ids += record(store, 3, 4)
    shutil.copy(backup, path)
    with closing(Store(path)) as store:
        ids += record(store, 5)
        name = store.name
    assert ids[-1] == f"{name}-3"
    assert len(set(ids)) == 5
    assert "ends with number 2, and higher ones were given before (up to 4)" in caplog.text
    with closing(Store(path)) as store:
        assert store.name == name, "once is enough"


def test_a_backup_of_before_another_backup_was_put_back_is_known(path: Path) -> None:
    names = []
    with closing(Store(path)) as store:
        record(store, 1)
    backup = path.read_bytes()
    for number in (2, 3, 4):
        with closing(Store(path)) as store:
            record(store, number, number + 10)
            names.append(store.name)
        path.write_bytes(backup)
    assert len(set(names)) == 3


def test_a_large_database_is_not_looked_through_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, *range(300))
    monkeypatch.setattr(opening, "LOOKING", 0.0)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("VACUUM")
        other.execute("PRAGMA wal_checkpoint")
    assert record(store, 300) == [f"{store.name}-301"]


def test_a_log_of_another_state_of_the_database_is_set_aside(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a crash somebody copies the backup over the database, and leaves the log."""
    backup, crash = tmp_path / "backup", tmp_path / "crash"
    with closing(Store(path)) as store:
        record(store, *range(200))
    shutil.copy(path, backup)
    crash.mkdir()
    with closing(Store(path)) as store:
        name = store.name
        record(store, *range(200, 600))
        idle(store, monkeypatch)
        record(store, *range(600, 620))
        for ending in ("-wal", ".lock"):
            shutil.copy(beside(path, ending), crash)
    shutil.copy(backup, crash / path.name)
    with closing(Store(crash / path.name)) as store:
        assert (store.last, store.name != name) == (200, True)
        record(store, 700)
    assert sources(crash / path.name) == expected(*range(200), 700)
    assert "did not belong to the database" in caplog.text


def test_a_log_that_a_reader_keeps_is_said_and_emptied_when_he_went(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opening, "LARGE", 50_000)
    monkeypatch.setattr(store_file, "_FRAMES", 4)
    monkeypatch.setattr(store_file, "_AGAIN", 0.0)
    record(store, 1)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM results").fetchone()
        for number in range(2, 40):
            record(store, number)
        idle(store, monkeypatch)
        assert store.notice is not None
        assert "another program reads the store with a transaction left open" in store.notice
        assert caplog.text.count("has grown") == 1
        assert store.log_bytes > 50_000
    idle(store, monkeypatch)
    assert (store.log_bytes, store.notice) == (0, None)
    assert sources(store.path) == expected(*range(1, 40))


def test_the_log_is_short_under_load_and_empty_at_rest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "_FRAMES", 20)
    longest = 0
    with closing(Store(path)) as store:
        for number in range(60):
            record(store, number)
            longest = max(longest, store.log_bytes)
        assert longest < 60 * 4096
        store.rest()
        assert store.log_bytes, "one second has not passed"
        idle(store, monkeypatch)
        assert store.log_bytes == 0
