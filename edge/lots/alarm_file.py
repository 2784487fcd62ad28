"""The file beside a store that holds what people and charts say of it: baselines and alarms.

``results.sqlite`` has ``results.labels.sqlite``. Other than a summary it cannot be made anew: it
holds who acknowledged what, with which word. Nothing in it is ever changed but that an alarm is
acknowledged once, and that it has gone out to somebody.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from edge.errors import OutputError, UsageError
from edge.lots.alarm import Alarm, Rule
from edge.lots.baseline import Baseline
from edge.lots.summary import side_file
from edge.system.text import utf8

#: "wmla" in ASCII.
_APPLICATION_ID: Final = 0x776D6C61
_VERSION: Final = 1

#: Seconds that another process is waited for.
_PATIENCE: Final = 10.0

_TABLES: Final = """
CREATE TABLE baselines (
    id INTEGER PRIMARY KEY,
    made_at TEXT NOT NULL,
    made_by TEXT NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE alarms (
    id INTEGER PRIMARY KEY,
    baseline INTEGER NOT NULL REFERENCES baselines (id),
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    lot TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    content TEXT NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by TEXT,
    word TEXT,
    UNIQUE (rule, subject, lot)
);
CREATE TABLE sent (
    alarm INTEGER NOT NULL REFERENCES alarms (id),
    target TEXT NOT NULL,
    sent_at TEXT NOT NULL,
    PRIMARY KEY (alarm, target)
) WITHOUT ROWID;
"""

_SELECT: Final = "SELECT id, raised_at, content, acknowledged_at, acknowledged_by, word FROM alarms"


class KeptAlarm(Struct, frozen=True):
    """An alarm that was raised.

    Attributes:
        id: Its number.
        raised_at: When, UTC, ISO 8601.
        alarm: What it says.
        acknowledged_at: When a person did; None: nobody has.
        acknowledged_by: Who.
        word: What they said.
    """

    id: int
    raised_at: str
    alarm: Alarm
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    word: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, flat: what the alarm says, and what became of it."""
        document = msgspec.to_builtins(self)
        return {"id": document.pop("id"), **document.pop("alarm"), **document}


class AlarmFile:
    """The file of a store; made with the first thing that is kept.

    Args:
        store: The store's file.

    Raises:
        UsageError: something else is called so, or a later version wrote it.
        OutputError: it cannot be read.
    """

    def __init__(self, store: Path) -> None:
        self.path = side_file(store, "labels")
        self._connection: sqlite3.Connection | None = None
        if self.path.exists():
            self._open()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()

    def baseline(self) -> Baseline | None:
        """The one that counts, the newest."""
        rows = self._rows("SELECT content FROM baselines ORDER BY id DESC LIMIT 1")
        if not rows:
            return None
        try:
            return _decoder.decode(rows[0][0])
        except msgspec.DecodeError as error:
            what = f"{self.path}: the baseline is damaged ({error})"
            raise OutputError(f"{what}; make a new one with --freeze") from None

    def freeze(self, baseline: Baseline, by: str) -> None:
        """Hold lots against another baseline from now on."""
        content = _encoder.encode(baseline)
        self._write(
            "INSERT INTO baselines (made_at, made_by, content) VALUES (?, ?, ?)",
            [_now(), utf8(by), content],
        )

    def raise_alarms(self, alarms: Sequence[Alarm]) -> list[KeptAlarm]:
        """Keep those that are new, each once whatever is asked how often; gives them back."""
        newest = "(SELECT max(id) FROM baselines)"
        insert = (
            "INSERT INTO alarms (baseline, rule, subject, lot, raised_at, content) "  # noqa: S608
            f"VALUES ({newest}, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        new = set()
        with self._transaction() as connection:
            for one in alarms:
                # A lot that is beyond a limit may come to be so with all of its wafers.
                rule = Rule.LIMIT if one.rule is Rule.WHOLE else one.rule
                key = rule.value, one.subject, one.lot
                cursor = connection.execute(insert, [*key, _now(), _text(one)])
                if cursor.rowcount:
                    new.add(cursor.lastrowid)
        return [one for one in self.alarms() if one.id in new]

    def alarms(self) -> list[KeptAlarm]:
        """All of them, in the order in which they were raised."""
        return [
            KeptAlarm(number, raised, msgspec.json.decode(content, type=Alarm), *rest)
            for number, raised, content, *rest in self._rows(f"{_SELECT} ORDER BY id")
        ]

    def acknowledge(self, number: int, word: str, by: str) -> None:
        """Note that a person has seen an alarm.

        Raises:
            UsageError: there is none of this number, or somebody has done so before.
        """
        done = self._write(
            "UPDATE alarms SET acknowledged_at = ?, acknowledged_by = ?, word = ? "
            "WHERE id = ? AND acknowledged_at IS NULL",
            [_now(), utf8(by), utf8(word), number],
        )
        if done:
            return
        for one in self.alarms():
            if one.id == number:
                what = f"was acknowledged by {one.acknowledged_by} at {one.acknowledged_at}"
                raise UsageError(f"{self.path}: alarm {number} {what}: {one.word}")
        raise UsageError(f"{self.path}: has no alarm {number}; --alarms lists them")

    def unsent(self, target: str) -> list[KeptAlarm]:
        """Alarms that have not gone out to a target."""
        sent = {row[0] for row in self._rows("SELECT alarm FROM sent WHERE target = ?", [target])}
        return [one for one in self.alarms() if one.id not in sent]

    def note_sent(self, number: int, target: str) -> None:
        """Note that an alarm has gone out."""
        self._write("INSERT OR IGNORE INTO sent VALUES (?, ?, ?)", [number, target, _now()])

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None:
            return []
        with self._errors():
            return self._connection.execute(query, values).fetchall()

    def _write(self, statement: str, values: Sequence[Any]) -> int:
        """Rows changed; on the disk when this returns."""
        with self._transaction() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection or self._open()
        with self._errors():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        with self._errors():
            self._connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            connection = self._connection
            connection.execute("PRAGMA synchronous = FULL")
            ours = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            there = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if there and not ours:
            raise UsageError(f"{self.path}: holds no labels of ours; move it away")
        if version > _VERSION:
            what = f"{self.path}: of version {version}, this wm-edge knows {_VERSION}"
            raise UsageError(f"{what}; install the wm-edge that wrote it")
        if not there:
            with self._errors():
                connection.executescript(
                    f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION_ID}; "
                    f"PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        return connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            what = f"{self.path}: cannot be used ({error})"
            raise OutputError(f"{what}; put its backup back where it is damaged") from error


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(alarm: Alarm) -> str:
    return json.dumps(msgspec.to_builtins(alarm), ensure_ascii=False)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Baseline)
