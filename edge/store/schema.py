"""The tables of the store, and how an older store becomes one of today.

``docs/station-reference.md`` describes the tables for who queries them. A store is an SQLite file
whose ``application_id`` is ours and whose ``user_version`` counts the steps it has been through. A
step is never changed once released: a new one is added, or follows from a key of a record that
names it (``edge.results.record``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Final, Union, get_args, get_origin

from msgspec import Struct, structs

from edge.errors import OutputError, UsageError
from edge.results.record import Error, Result

#: "wmed" in ASCII; tells our files from other SQLite databases.
APPLICATION_ID: Final = 0x776D6564

#: A database begins so, and says at which bytes whose it is.
_SQLITE: Final = b"SQLite format 3\0"
_ID: Final = 68
_HEAD: Final = 72

#: How a value is kept that is no text.
_TYPES: Final = {int: "INTEGER", float: "REAL"}


def _columns(kind: type[Struct]) -> Iterator[tuple[int, str]]:
    """The step that brought each key of a record, but for its id, and the column that holds it."""
    for field in structs.fields(kind)[1:]:
        hint, *metas = get_args(field.type)
        types = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
        said = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
        name = '"index"' if field.name == "index" else field.name  # a word of SQL
        kept = next((sql for plain, sql in _TYPES.items() if plain in types), "TEXT")
        needed = "" if NoneType in types else " NOT NULL"
        default = f" DEFAULT {said['default']}" if "default" in said else ""
        yield said.get("step", 1), f"{name} {kept}{needed}{default}"


_KEPT: Final = {"results": [*_columns(Result)], "errors": [*_columns(Error)]}


def _body(table: str, last: int) -> str:
    """The columns of a table as a step left them."""
    found = [column for step, column in _KEPT[table] if step <= last]
    return ",\n    ".join(["id INTEGER PRIMARY KEY", *found])


def _added(step: int) -> str:
    """A step that brings columns alone."""
    return "".join(
        f"ALTER TABLE {table} ADD COLUMN {column};\n"
        for table, columns in _KEPT.items()
        for brought, column in columns
        if brought == step
    )


_TABLES: Final = f"""
CREATE TABLE results (
    {_body("results", 1)},
    UNIQUE (source_sha256, "index", event)
);
CREATE TABLE errors (
    {_body("errors", 1)},
    UNIQUE (source, source_sha256, kind)
);
CREATE TABLE numbering (store TEXT NOT NULL, next_id INTEGER NOT NULL);
CREATE TABLE taken (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE marks (
    sink TEXT PRIMARY KEY,
    delivered INTEGER NOT NULL,
    offset INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO numbering VALUES (lower(hex(randomblob(4))), 1);
"""  # noqa: S608

_REPEATS_AND_INDEXES: Final = """
CREATE TABLE repeats (
    source TEXT NOT NULL,
    source_sha256 TEXT NOT NULL,
    times INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (source, source_sha256)
) WITHOUT ROWID;
CREATE INDEX results_by_time ON results (recorded_at);
CREATE INDEX results_by_lot ON results (lot, wafer);
"""

# Equal maps are different wafers: a file's name belongs to what tells wafers apart. Of a record of
# before, the name below the watched folder is not known; its absolute name stands there.
_WAFERS: Final = f"""
CREATE TABLE results_3 (
    {_body("results", 3)}
);
INSERT INTO results_3
    SELECT *, CASE WHEN event = '' THEN source ELSE '' END, NULL, NULL FROM results;
DROP TABLE results;
ALTER TABLE results_3 RENAME TO results;
CREATE UNIQUE INDEX results_by_wafer ON results (source_sha256, "index", event, file);
CREATE INDEX results_by_time ON results (recorded_at);
CREATE INDEX results_by_lot ON results (lot, wafer);
ALTER TABLE errors ADD COLUMN moved_to TEXT;
ALTER TABLE taken ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE taken ADD COLUMN file TEXT NOT NULL DEFAULT '';
ALTER TABLE taken ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE taken ADD COLUMN target TEXT;
ALTER TABLE taken ADD COLUMN born_ns INTEGER NOT NULL DEFAULT 0;
CREATE INDEX taken_by_inode ON taken (inode);
CREATE TABLE maps (
    id INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    dies BLOB,
    embedding BLOB
);
CREATE TABLE names (first_id INTEGER PRIMARY KEY, store TEXT NOT NULL);
INSERT INTO names SELECT 1, store FROM numbering;
"""  # noqa: S608

# Which patterns a result was told apart from, long after its model file is gone.
_MODELS: Final = """
CREATE TABLE models (
    sha256 TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    file TEXT NOT NULL,
    network_sha256 TEXT NOT NULL,
    patterns TEXT NOT NULL,
    none TEXT,
    aliases TEXT NOT NULL,
    hints TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL
) WITHOUT ROWID;
"""

#: How many of its patterns a model file names on a wafer; empty: one.
_KINDS: Final = "ALTER TABLE models ADD COLUMN kind TEXT;\n"

#: The last step that a key of a record names.
_LAST: Final = max(step for columns in _KEPT.values() for step, _ in columns)

#: What brings a store from version *i* to *i* + 1.
STEPS: Final = (
    _TABLES, _REPEATS_AND_INDEXES, _WAFERS, _added(4), _MODELS,
    _added(6), _added(7), _added(8) + _KINDS, *(_added(step) for step in range(9, _LAST + 1)),
)  # fmt: skip
VERSION: Final = len(STEPS)


def is_store(path: Path) -> bool:
    """Whether a file is a store, by its first bytes: to open it leaves files beside it."""
    with path.open("rb") as content:
        head = content.read(_HEAD)
    return head.startswith(_SQLITE) and head[_ID:] == APPLICATION_ID.to_bytes(4, "big")


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a store to today's tables, in one transaction; an empty file becomes a store.

    ``connection`` is in autocommit mode.

    Raises:
        UsageError: a database of something else, or a store of a later version.
        OutputError: the file cannot be changed now.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not ours and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise UsageError(f"{path}: an SQLite database, but not a store; choose another name")
    if version > VERSION:
        what = f"{path}: a store of version {version}, this wm-edge knows {VERSION}"
        raise UsageError(f"{what}; install the wm-edge that wrote it, or choose another name")
    if version == VERSION:
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        for step in STEPS[version:]:
            for statement in step.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OutputError(f"{path}: cannot be brought to version {VERSION} ({error})") from error
