"""The tables of the store: old ones are brought to today's, and the docs name every column."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import OutputError
from edge.results.record import CLASSIFY_KEYS, ERROR_KEYS, FAB_KEYS, RESULT_KEYS
from edge.results.writers import ResultFormat, open_sink
from edge.sinks.settings import CsvSettings, JsonLinesSettings
from edge.store.names import Cursor
from edge.store.reader import StoreReader
from edge.store.schema import APPLICATION_ID, STEPS, VERSION, migrate
from edge.store.store import Store
from tests.support.records import error, result

DOCS = Path(__file__).parents[4] / "docs" / "station-reference.md"

#: Written by the first release (2), and when keys of records were not yet declared once (3).
BEFORE = Path(__file__).parents[3] / "data" / "before"


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def tables(path: Path) -> list[tuple[str, ...]]:
    with closing(connected(path)) as connection:
        return connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
        ).fetchall()


def columns(path: Path, table: str) -> list[str]:
    with closing(connected(path)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def store_of_version(path: Path, version: int) -> None:
    """A store as the wm-edge of that version left it, with a wafer and an error in it.

    The rows name only columns of the first version; later ones must have a default.
    """
    with closing(connected(path)) as connection:
        for step in STEPS[:version]:
            connection.executescript(step)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        for number, (table, record) in enumerate(
            [("results", result(1)), ("errors", error(2))], start=1
        ):
            row = {"id": number, **record}
            row = {key: row[key] for key in row if key in columns(path, table) and row[key] != ""}
            if "probabilities" in row:
                row["probabilities"] = json.dumps(row["probabilities"])
            names = ", ".join(f'"{key}"' for key in row)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])  # noqa: S608
        connection.execute("UPDATE numbering SET next_id = 3")


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_an_older_store_keeps_its_rows(tmp_path: Path, version: int) -> None:
    old, fresh = tmp_path / "old.sqlite", tmp_path / "fresh.sqlite"
    store_of_version(old, version)
    Store(fresh).close()
    with closing(Store(old)) as store, closing(StoreReader(old)) as reader:
        # Its name below the watched folder was not known to stores before the third.
        file = "in/w1.png" if version < 3 else ""
        assert reader.after(0, 10) == [
            {"id": f"{store.name}-1", **result(1, file=file)},
            {"id": f"{store.name}-2", **error(2)},
        ]
        again = result(1, file="w1.png" if file else "")
        assert store.add([again, result(3)]).records[0]["id"] == f"{store.name}-3"
    assert tables(old) == tables(fresh)
    Store(old).close()
    assert tables(old) == tables(fresh)


def store_of_before(path: Path, version: int) -> None:
    with closing(connected(path)) as connection:
        connection.executescript((BEFORE / f"store-{version}.sql").read_text("utf-8"))


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_that_was_written_before_is_read(tmp_path: Path, version: int) -> None:
    old, fresh = tmp_path / "old.sqlite", tmp_path / "fresh.sqlite"
    store_of_before(old, version)
    Store(fresh).close()
    files = ["in/w1.png", "in/w3.png"] if version == 2 else ["w1.png", "lot/w3.png"]
    with closing(Store(old)) as store, closing(StoreReader(old)) as reader:
        expected = [result(1, file=files[0]), error(2), result(3, file=files[1])]
        assert reader.after(0, 10) == [
            {"id": f"{store.name}-{number}", **record}
            for number, record in enumerate(expected, start=1)
        ]
        assert store.add([result(4), result(1, file="w1.png")]).records == [
            {"id": f"{store.name}-4", **result(4)}
        ]
    assert tables(old) == tables(fresh)


@pytest.mark.parametrize(("kind", "made"), [("jsonl", JsonLinesSettings), ("csv", CsvSettings)])
def test_lines_are_what_they_were_and_a_file_of_before_goes_on(
    tmp_path: Path, kind: str, made: type[JsonLinesSettings | CsvSettings]
) -> None:
    store_of_before(tmp_path / "s.sqlite", 3)
    Store(tmp_path / "s.sqlite").close()
    with closing(StoreReader(tmp_path / "s.sqlite")) as reader:
        records, names = reader.after(0, 10), reader.names
    written = (BEFORE / f"station.{kind}").read_bytes()
    of_today = _with_todays_keys(written, kind)
    for path, there in ((tmp_path / "new", b""), (tmp_path / "old", written)):
        path.write_bytes(there)
        with closing(made(file=path).make("s")) as sink:
            mark = sink.open(Cursor(names=names))
            assert mark.delivered == (3 if there else 0)
            sink.send(records)
        begun = [*tmp_path.glob("old-until-*"), path] if there else [tmp_path / "new"]
        assert begun[0].read_bytes().startswith(written if there else of_today)
    assert (tmp_path / "new").read_bytes() == of_today
    one_shot = open_sink(ResultFormat(kind), tmp_path / "classify")
    for record in records:
        keys = ("source", "error", "kind") if "error" in record else CLASSIFY_KEYS
        one_shot.write({key: record[key] for key in keys})
    one_shot.close()
    shot = (BEFORE / f"classify.{kind}").read_text()
    if kind == "csv":  # what files of fabs say comes last
        header, *lines = shot.splitlines()
        ends = ("," + ",".join(FAB_KEYS), *["," * len(FAB_KEYS)] * len(lines))
        shot = "".join(f"{line}{end}\n" for line, end in zip((header, *lines), ends, strict=True))
    assert (tmp_path / "classify").read_text() == shot


def _with_todays_keys(written: bytes, kind: str) -> bytes:
    """What a station wrote before records had their newest keys."""
    newest = ("suggested", *FAB_KEYS)
    if kind == "jsonl":
        end = b'"same_as": null, "moved_to": null'
        written = written.replace(end, end + "".join(f', "{key}": null' for key in newest).encode())
        end = b'"waited_ms": 12, "moved_to": null'  # of an error
        return written.replace(end, end + b', "lot": null, "wafer": null')
    header, *lines = written.decode().splitlines(keepends=True)
    at = header.split(",").index("error")
    rows = [line.split(",") for line in (header, *lines)]
    for number, row in enumerate(rows):
        row[at:at] = [""] * len(newest) if number else newest
    return "".join(map(",".join, rows)).encode()


def test_a_step_that_cannot_be_made_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.sqlite"
    store_of_version(path, VERSION)
    before = tables(path)
    steps = (*STEPS, "CREATE TABLE more (a);\nCREATE TABLE more (a);\n")
    monkeypatch.setattr("edge.store.schema.STEPS", steps)
    monkeypatch.setattr("edge.store.schema.VERSION", VERSION + 1)
    connection = connected(path)
    with closing(connection), pytest.raises(OutputError, match="cannot be brought to version"):
        migrate(connection, str(path))
    assert tables(path) == before


def test_the_columns_are_the_keys_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    Store(path).close()
    assert columns(path, "results") == ["id", *RESULT_KEYS]
    assert columns(path, "errors") == ["id", *ERROR_KEYS]


@pytest.mark.skipif(not DOCS.exists(), reason="docs/station-reference.md is not written yet")
def test_the_docs_name_every_column(tmp_path: Path) -> None:
    Store(tmp_path / "s.sqlite").close()
    models = columns(tmp_path / "s.sqlite", "models")
    named = set(re.findall(r"`([a-z0-9_]+)`", DOCS.read_text("utf-8")))
    assert {"id", *RESULT_KEYS, *ERROR_KEYS, *models} - named == set()
