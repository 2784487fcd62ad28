"""The tables of the store, and how an older store becomes one of today.

``docs/station-reference.md`` describes the tables for who queries them. A store is an SQLite file
whose ``application_id`` is ours and whose ``user_version`` counts the steps it has been through. A
step is never changed once released: a new one is added.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from edge.errors import OutputError, UsageError

#: "wmed" in ASCII; tells our files from other SQLite databases.
APPLICATION_ID: Final = 0x776D6564

#: What results have had since the first step.
_RESULT: Final = """    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    lot TEXT,
    wafer TEXT,
    slot INTEGER,
    orientation INTEGER,
    pattern TEXT NOT NULL,
    probability REAL NOT NULL,
    probabilities TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    confidence REAL NOT NULL,
    below REAL NOT NULL,
    unfamiliarity REAL NOT NULL,
    mixture REAL NOT NULL,
    dies INTEGER NOT NULL,
    fails INTEGER NOT NULL,
    model TEXT NOT NULL,
    symmetries INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    source_sha256 TEXT NOT NULL,
    event TEXT NOT NULL DEFAULT '',
    station TEXT NOT NULL,
    tool TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    encoding TEXT NOT NULL,
    runtime TEXT NOT NULL,
    unfamiliar_above REAL NOT NULL,
    mixed_above REAL NOT NULL,
    seen_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    waited_ms INTEGER NOT NULL"""

_TABLES: Final = f"""
CREATE TABLE results (
{_RESULT},
    UNIQUE (source_sha256, "index", event)
);
CREATE TABLE errors (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    "index" INTEGER,
    error TEXT NOT NULL,
    kind TEXT NOT NULL,
    source_sha256 TEXT NOT NULL DEFAULT '',
    station TEXT NOT NULL,
    tool TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    waited_ms INTEGER NOT NULL,
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
{_RESULT},
    file TEXT NOT NULL DEFAULT '',
    same_as TEXT,
    moved_to TEXT
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

#: What brings a store from version *i* to *i* + 1.
STEPS: Final = (_TABLES, _REPEATS_AND_INDEXES, _WAFERS)
VERSION: Final = len(STEPS)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a store to today's tables, in one transaction; an empty file becomes a store.

    Args:
        connection: In autocommit mode (``isolation_level=None``).
        path: For messages.

    Raises:
        UsageError: a database of something else, or a store of a later version.
        OutputError: the file cannot be changed now.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not ours and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise UsageError(f"{path}: an SQLite database, but not a store; choose another name")
    if version > VERSION:
        raise UsageError(
            f"{path}: a store of version {version}, this wm-edge knows {VERSION}; "
            "install the wm-edge that wrote it, or choose another name"
        )
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
