"""The store: every wafer once, all of a transaction or nothing, one station a file."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import OutputError, UsageError
from edge.results.record import Record, number_of
from edge.sinks.store_copy import StoreSink
from edge.store.names import Cursor
from edge.store.reader import StoreReader
from edge.store.rows import Same
from edge.store.store import Store
from edge.store.taken import PART, FileNote, Former, Placed, Stamp
from edge.system.text import utf8
from tests.support.records import digest, error, holder, result

OPEN = "import sys; from pathlib import Path; from edge.store.store import Store\n"
OPEN += "store = Store(Path(sys.argv[1]))"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "station.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path)) as store:
        yield store


def kept(path: Path, after: int = 0, limit: int = 10_000) -> list[Record]:
    with closing(StoreReader(path)) as reader:
        return reader.after(after, limit)


def query(path: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_what_goes_in_comes_out_in_order(store: Store) -> None:
    records = [result(1), error(2), result(3, lot="=1+1\n", slot=None), error(4, index=3)]
    added = store.add(records[:3]).records + store.add(records[3:]).records
    assert [{**record, "id": None} for record in added] == [
        {**record, "id": None} for record in records
    ]
    assert [record["id"] for record in added] == [f"{store.name}-{n}" for n in (1, 2, 3, 4)]
    assert kept(store.path) == added
    assert kept(store.path, after=1, limit=2) == added[1:3]
    assert store.last == 4


def test_patterns_may_be_called_like_columns(store: Store) -> None:
    names = ("confidence", "none", "p_none", "pattern", "source", "'; DROP TABLE results; --")
    shares = dict.fromkeys(names, 1 / 8)
    records = [result(n, pattern=name, probabilities=shares) for n, name in enumerate(names)]
    added = store.add(records)
    assert [record["pattern"] for record in added.records] == list(names)
    assert kept(store.path) == added.records


def test_a_reader_misses_nothing_that_comes_while_it_reads(store: Store) -> None:
    """A sink goes on behind the last number it got: what lies before it must have been given."""
    store.add([result(1)])
    more = [[result(2), error(3)]]

    def while_reading(statement: str) -> None:
        if "FROM errors" in statement and more:
            store.add(more.pop())

    with closing(StoreReader(store.path)) as reader:
        reader.connection.set_trace_callback(while_reading)
        numbers = [number_of(record) for record in reader.after(0, 100)]
        assert not more
        numbers += [number_of(record) for record in reader.after(numbers[-1], 100)]
    assert numbers == [1, 2, 3]


KEYS = st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from(["", "frame 1"]))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(KEYS, max_size=4), max_size=4))
def test_each_wafer_is_kept_once(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int, str]]]
) -> None:
    path = tmp_path_factory.mktemp("once") / "s.sqlite"
    with closing(Store(path)) as store:
        for batch in batches:
            store.add(result(hash_, index=index, event=event) for hash_, index, event in batch)
        found = kept(path)
    wanted = dict.fromkeys(
        (digest(hash_), index, event) for batch in batches for hash_, index, event in batch
    )
    assert [(r["source_sha256"], r["index"], r["event"]) for r in found] == list(wanted)
    assert [number_of(record) for record in found] == list(range(1, len(wanted) + 1))


def test_an_error_is_kept_once_a_content_and_kind(store: Store) -> None:
    store.add([error(1), error(1), error(1, kind="unreadable")])
    store.add([error(1), error(1, source_sha256=digest(2))])
    assert [number_of(record) for record in kept(store.path)] == [1, 2, 3]


def of_file(number: int, name: str, top: str = "/in", **changes: Any) -> Record:
    """A wafer of a file in a watched folder; ``number`` is its content."""
    return result(number, source=f"{top}/{name}", file=name, **changes)


def test_equal_maps_under_other_names_are_other_wafers(store: Store) -> None:
    names = [f"lot7/w{number:02}.png" for number in range(25)]
    assert len(store.add([of_file(1, name) for name in names]).records) == 25
    assert store.add([of_file(1, names[3])]).repeats == [f"/in/{names[3]}"]
    found = kept(store.path)
    assert [record["file"] for record in found] == names
    assert [record["same_as"] for record in found] == [None, *[f"{store.name}-1"] * 24]


def test_who_wants_it_has_one_wafer_a_content(path: Path) -> None:
    with closing(Store(path, same=Same.CONTENT)) as store:
        added = store.add([of_file(1, "a.png"), of_file(1, "b.png"), of_file(1, "a.png", index=1)])
        assert [(r["file"], r["index"]) for r in added.records] == [("a.png", 0), ("a.png", 1)]
        assert added.repeats == ["/in/b.png"]


def test_one_name_in_two_folders_is_two_wafers(path: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b\udcff"
    one.mkdir()
    two.mkdir()
    with closing(Store(path)) as store:
        first, second = of_file(1, "w.png", str(one)), of_file(1, "w.png", str(two))
        for _ in range(2):
            store.add([first, second])
        assert [record["source"] for record in kept(path)] == [
            utf8(f"{top}/w.png") for top in (one, two)
        ]
        # A folder is elsewhere now: these are no other wafers.
        one.rename(tmp_path / "c")
        assert store.add([of_file(1, "w.png", str(tmp_path / "c"))]).records == []


def test_no_two_names_become_one_in_the_store(store: Store) -> None:
    names = ["w\udcff.png", "w\\udcff.png", "w\\\\udcff.png"]
    assert len(store.add([of_file(1, name) for name in names]).records) == 3


def test_a_file_that_was_renamed_is_the_same_wafer(store: Store) -> None:
    stamp = Stamp(10, 20, 30, 40)
    store.add([of_file(1, "old.png")], {"/in/old.png": FileNote(stamp, "old.png", digest(1))})
    former = Former("/in/old.png", "old.png")
    moved = FileNote(stamp._replace(ctime_ns=50), "new.png", digest(1), former=former)
    added = store.add([of_file(1, "new.png", lot="B2")], {"/in/new.png": moved})
    assert (added.records, added.repeats) == ([], [])
    [record] = kept(store.path)
    assert (record["source"], record["file"], record["lot"]) == ("/in/new.png", "new.png", "B2")
    with closing(StoreReader(store.path)) as reader:
        found = reader.taken(["/in/old.png", "/in/new.png"])
        assert found == {"/in/new.png": moved._replace(former=None)}
    # The former name is free for another wafer; a file with another content is no former one.
    assert store.add([of_file(1, "old.png")]).records
    note = FileNote(stamp, "x.png", digest(2), former=Former("/in/new.png", "new.png"))
    assert store.add([of_file(2, "x.png")], {"/in/x.png": note}).records


def test_a_wafer_of_two_folders_is_renamed_in_its_own(store: Store, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        source = f"{tmp_path}/{name}/w.png"
        note = FileNote(Stamp(1, 2, ord(name)), "w.png", digest(1))
        store.add([of_file(1, "w.png", f"{tmp_path}/{name}")], {source: note})
    note = FileNote(
        Stamp(1, 2, ord("b")), "v.png", digest(1), former=Former(f"{tmp_path}/b/w.png", "w.png")
    )
    store.add([of_file(1, "v.png", f"{tmp_path}/b")], {f"{tmp_path}/b/v.png": note})
    assert [record["source"] for record in kept(store.path)] == [
        f"{tmp_path}/a/w.png",
        f"{tmp_path}/b/v.png",
    ]


def test_parts_of_a_renamed_file_are_all_known_by_its_former_name(store: Store) -> None:
    stamp = Stamp(10, 20, 30, 40)
    parts = [[of_file(1, "old.npz", index=index)] for index in range(3)]
    for part in parts:
        store.add(part, {"/in/old.npz": FileNote(stamp, "old.npz", digest(1))})
    former = Former("/in/old.npz", "old.npz")
    for index in range(3):
        ctime = PART if index < 2 else 50
        note = FileNote(stamp._replace(ctime_ns=ctime), "new.npz", digest(1), former=former)
        added = store.add([of_file(1, "new.npz", index=index)], {"/in/new.npz": note})
        assert (added.records, added.repeats) == ([], [])
    assert {record["file"] for record in kept(store.path)} == {"new.npz"}


def test_a_wafer_from_before_names_counted_is_known_by_its_whole_name(store: Store) -> None:
    store.add([result(1, source="/in/w.png", file="/in/w.png")])
    assert store.add([of_file(1, "w.png")]).records == []
    assert len(store.add([of_file(1, "v.png")]).records) == 1


def test_a_file_that_is_taken_again_says_where_it_goes(store: Store) -> None:
    """It could not be put away before, since something had happened to it."""
    store.add([of_file(1, "w.png", moved_to="/done/w.png")])
    store.add([], {}, [Placed("/in/w.png", "w.png", digest(1), None)])
    assert kept(store.path)[0]["moved_to"] is None
    store.add([of_file(1, "w.png", moved_to="/done/w.png")])
    assert kept(store.path)[0]["moved_to"] == "/done/w.png"


def test_a_file_that_is_looked_at_again_is_no_repeat(store: Store) -> None:
    note = FileNote(Stamp(1, 2, 3, 4), "w.png", digest(1))
    store.add([of_file(1, "w.png")], {"/in/w.png": note})
    changed = note._replace(stamp=Stamp(1, 2, 3, 9))  # a chmod
    assert store.add([of_file(1, "w.png")], {"/in/w.png": changed}).repeats == []
    written = note._replace(stamp=Stamp(1, 7, 3, 9))
    assert store.add([of_file(1, "w.png")], {"/in/w.png": written}).repeats == ["/in/w.png"]


def test_a_record_learns_where_its_file_went(store: Store) -> None:
    store.add([of_file(1, "w.png", moved_to="/done/w.png"), of_file(1, "v.png")])
    store.add([error(3, source="/in/b.png", moved_to="/bad/b.png")])
    store.add(
        [],
        {"/in/w.png": None},
        [
            Placed("/in/w.png", "w.png", digest(1), "/done/w-2.png"),
            Placed("/in/b.png", "b.png", digest(3), None),
        ],
    )
    assert [record["moved_to"] for record in kept(store.path)] == ["/done/w-2.png", None, None]


def test_an_id_that_stands_there_is_not_taken_for_a_wafer(store: Store) -> None:
    """Another writer, or a numbering that lags behind: nothing vanishes as a repeat."""
    store.add([result(1)])
    query(store.path, "UPDATE numbering SET next_id = 1")
    assert number_of(store.add([result(2)]).records[0]) == 2


def test_repeats_are_noted_and_counted(store: Store) -> None:
    store.add([result(1)])
    copy = result(1, source="in/copy.png")
    assert store.add([result(1)]).repeats == ["in/w1.png"]
    # A file of several wafers counts once.
    assert store.add([copy, copy]).repeats == ["in/copy.png"]
    assert store.add([copy]).records == []
    rows = query(store.path, "SELECT source, source_sha256, times FROM repeats")
    assert rows == [("in/copy.png", digest(1), 2), ("in/w1.png", digest(1), 1)]
    assert len(kept(store.path)) == 1


def test_a_transaction_is_kept_whole_or_not_at_all(store: Store) -> None:
    store.add([result(1)], {"/in/old": FileNote(Stamp(1, 2, 3))})
    broken = result(3)
    del broken["probabilities"]
    with pytest.raises(KeyError):
        store.add([result(2), error(9), broken], {"/in/new": FileNote(Stamp(4, 5, 6))})
    with closing(StoreReader(store.path)) as reader:
        assert [number_of(record) for record in reader.after(0, 10)] == [1]
        assert reader.taken(["/in/new"]) == {}
    assert number_of(store.add([result(4)]).records[0]) == 2


def test_a_full_disk_keeps_nothing_and_can_be_tried_again(store: Store) -> None:
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [result(number, lot="x" * 500) for number in range(50)]
    with pytest.raises(OutputError, match=r"station\.sqlite: cannot be written \(.*full"):
        store.add(many)
    assert kept(store.path) == []
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert len(store.add(many).records) == 50


def test_files_are_remembered_and_forgotten(store: Store) -> None:
    odd = "/in/caf\udce9.png"
    one, other = FileNote(Stamp(1, 2, 3)), FileNote(Stamp(4, 5, 6, 7), "a", "0f", "/done/a")
    store.add([], {"/in/a": one, odd: other})
    with closing(StoreReader(store.path)) as reader:
        assert reader.taken(["/in/a", odd]) == {"/in/a": one, odd: other}
        assert reader.in_hand() == {odd: other}
        store.add([], {"/in/a": other, odd: None})
        assert reader.taken(["/in/a", odd]) == {"/in/a": other}


def test_a_name_that_is_not_utf8_is_kept_with_its_bytes_spelled_out(store: Store) -> None:
    store.add([result(1, source="in/caf\udce9.png", lot="\ud800"), error(2, source="in/\udcff")])
    found = kept(store.path)
    assert [record["source"] for record in found] == ["in/caf\\udce9.png", "in/\\udcff"]
    assert store.add([result(1, source="in/caf\udce9.png")]).records == []
    assert query(store.path, "SELECT source FROM repeats") == [("in/caf\\udce9.png",)]


def test_the_newest_result_of_a_source(store: Store) -> None:
    store.add([result(1, source="cam"), result(2, source="cam"), result(3)])
    with closing(StoreReader(store.path)) as reader:
        assert reader.last_of("cam") == digest(2)
        assert reader.last_of("other") is None


def test_numbers_are_never_used_again(path: Path) -> None:
    with closing(Store(path)) as store:
        store.add([result(1), error(2)])
        name = store.name
    query(path, "DELETE FROM results")
    query(path, "DELETE FROM errors")
    with closing(Store(path)) as store:
        assert (store.name, store.last) == (name, 2)
        assert store.add([result(1)]).records[0]["id"] == f"{name}-3"


def test_marks_survive(path: Path) -> None:
    with closing(Store(path)) as store:
        store.save_marks({"jsonl:/a": Cursor(3, 70), "mqtt://b": Cursor(1)})
        store.save_marks({"jsonl:/a": Cursor(5, 99)})
    with closing(Store(path)) as store:
        assert store.marks() == {"jsonl:/a": Cursor(5, 99), "mqtt://b": Cursor(1)}


def _sqlite(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    garbage, foreign, newer = tmp_path / "garbage", tmp_path / "foreign", tmp_path / "newer"
    garbage.write_bytes(b"not a database at all " * 99)
    _sqlite(foreign, "CREATE TABLE precious (a)", "INSERT INTO precious VALUES (1)")
    Store(newer).close()
    _sqlite(newer, "PRAGMA user_version = 99")
    for file, words in {
        garbage: "not a usable SQLite file.*move it away",
        foreign: "not a store; choose another name",
        newer: "version 99.*install the wm-edge that wrote it",
    }.items():
        before = file.read_bytes()
        with pytest.raises(UsageError, match=rf"{file.name}: .*{words}"):
            Store(file)
        assert file.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*/missing"):
        Store(tmp_path / "missing" / "s.sqlite")


def test_a_link_laid_under_the_name_of_the_lock_leads_nowhere(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_text("the user's own")
    path.with_name(f"{path.name}.lock").symlink_to(victim)
    with pytest.raises(OutputError, match=r"\.lock: cannot be written"):
        Store(path)
    assert victim.read_text() == "the user's own"


def test_one_station_a_store_until_it_dies(path: Path) -> None:
    with holder(OPEN, path) as other:
        with pytest.raises(UsageError, match=rf"another station \(process {other.pid}\); stop"):
            Store(path)
        other.kill()
        other.wait()
        Store(path).close()


def test_a_second_store_that_was_put_back_from_its_backup_is_filled_up(
    store: Store, tmp_path: Path
) -> None:
    copy, backup = tmp_path / "copy.sqlite", tmp_path / "backup"
    records = store.add([result(1), result(2), result(3)]).records
    begun = Cursor(0, 0, store.names)
    for some, until in ((records[:1], 1), (records[1:], 3)):
        sink = StoreSink(copy)
        sink.open(begun)
        assert sink.send(some).delivered == until
        sink.close()
        if until == 1:
            shutil.copy(copy, backup)
    shutil.copy(backup, copy)
    sink = StoreSink(copy)
    assert sink.open(Cursor(3, 0, store.names)).delivered == 1
    sink.send(records[1:])
    sink.close()
    assert len(kept(copy)) == 3


def test_a_second_store_as_a_sink_takes_repeats_once(store: Store, tmp_path: Path) -> None:
    records = store.add([result(1), error(2)]).records
    sink = StoreSink(tmp_path / "copy.sqlite")
    assert sink.open(Cursor(0)) == Cursor(0)
    assert sink.send(records).delivered == sink.send(records).delivered == 2
    copied = kept(tmp_path / "copy.sqlite")
    sink.close()
    sink.close()
    assert [{**r, "id": ""} for r in copied] == [{**r, "id": ""} for r in records]
