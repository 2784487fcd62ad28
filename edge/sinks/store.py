"""The store: every record of a station in one SQLite file, each wafer once.

What makes a wafer the same wafer is its source's hash, its index in that source and, for a camera,
the event (see ``docs/station-reference.md``). The records of several files, what is remembered of
the files and the numbers of the records go into one transaction, so a crash leaves either all or
nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.errors import OutputError, UsageError
from edge.output import identity
from edge.sinks.durable import Mark
from edge.sinks.lock import Lock
from edge.sinks.record import ERROR_KEYS, RESULT_KEYS, Record, number_of
from edge.sinks.schema import migrate
from edge.sinks.sqlite import connect, sqlite_errors, storable

#: After a long transaction the write-ahead log is cut back to this many bytes.
_LOG_LIMIT: Final = 16 * 2**20

#: Milliseconds that a transaction waits for another program's.
_BUSY: Final = 500


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it.

    Attributes:
        size: Bytes.
        mtime_ns: Time of the last change, nanoseconds; compared for equality only, since clocks
            jump.
        inode: Number of the file in its file system.
    """

    size: int
    mtime_ns: int
    inode: int


@dataclass
class Added:
    """What became of some records.

    Attributes:
        records: Those that are new, with their ``id``.
        repeats: Names of sources whose content, all or a part of it, had been recorded before.
    """

    records: list[Record] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)


class Store:
    """A store open for writing; one process, one thread.

    Args:
        path: The SQLite file; made if it does not exist.

    Raises:
        UsageError: in use by another station, or not a store.
        OutputError: cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.parent.is_dir():
            raise UsageError(f"{path}: cannot be made, there is no folder {path.parent}; make it")
        self._lock = Lock(path)
        try:
            self._connection = connect(path)
            self.name, self._next = self._prepare()
            self._identity = identity(path)
        except BaseException:
            self._lock.release()
            raise

    def _prepare(self) -> tuple[str, int]:
        with sqlite_errors(self.path):
            migrate(self._connection, str(self.path))  # refuses other databases unchanged
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
            # The recorder tries again by itself and must hear of an order to stop meanwhile.
            self._connection.execute(f"PRAGMA busy_timeout = {_BUSY}")
            name, number = self._connection.execute("SELECT * FROM numbering").fetchone()
            return name, number

    @property
    def last(self) -> int:
        """Number of the newest record; 0 where there is none."""
        return self._next - 1

    def add(
        self,
        records: Iterable[Record],
        taken: Mapping[str, Stamp | None] | None = None,
        *,
        note_repeats: bool = True,
    ) -> Added:
        """Keep records in one transaction, on the disk when this returns.

        Args:
            records: Results and errors; an ``id`` that they carry is not looked at.
            taken: What to remember of files: the state in which each was taken, or None to forget
                the file.
            note_repeats: Whether to note sources whose content had been recorded before.

        Raises:
            OutputError: nothing of this was kept (disk full, no permission).
        """
        number = self._next
        added = Added()
        repeats: dict[tuple[str, str], str] = {}
        with sqlite_errors(self.path), self._transaction() as connection:
            for record in records:
                if self._insert(connection, number, record):
                    added.records.append({**record, "id": f"{self.name}-{number}"})
                    number += 1
                elif note_repeats and "error" not in record:
                    repeats[record["source"], record["source_sha256"]] = record["recorded_at"]
            for (source, digest), when in repeats.items():
                connection.execute(_NOTE_REPEAT, (storable(source), digest, when))
                added.repeats.append(source)
            for path, stamp in (taken or {}).items():
                _remember(connection, path, stamp)
            if number != self._next:
                connection.execute("UPDATE numbering SET next_id = ?", (number,))
        self._next = number
        return added

    def marks(self) -> dict[str, Mark]:
        """How far each sink has come, by its name."""
        with sqlite_errors(self.path):
            rows = self._connection.execute("SELECT sink, delivered, offset FROM marks").fetchall()
        return {sink: Mark(delivered, offset) for sink, delivered, offset in rows}

    def save_marks(self, marks: Mapping[str, Mark]) -> None:
        """Note how far sinks have come.

        Raises:
            OutputError: it could not be noted.
        """
        with sqlite_errors(self.path), self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO marks VALUES (?, ?, ?)",
                [(sink, mark.delivered, mark.offset) for sink, mark in marks.items()],
            )

    def close(self) -> None:
        """Let go of the file and its lock."""
        with suppress(sqlite3.Error):
            self._connection.close()
        self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if identity(self.path) != self._identity:
            raise OutputError(
                f"{self.path}: was moved or deleted while in use; put it back, "
                "or stop the station and start it with a new one"
            )
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @staticmethod
    def _insert(connection: sqlite3.Connection, number: int, record: Record) -> bool:
        if "error" in record:
            values: list[Any] = [record.get(key) for key in ERROR_KEYS]
            statement = _INSERT_ERROR
        else:
            values = [record.get(key) for key in RESULT_KEYS]
            values[_PROBABILITIES] = json.dumps(record["probabilities"])
            statement = _INSERT_RESULT
        return connection.execute(statement, [number, *map(storable, values)]).rowcount == 1


class StoreSink:
    """A second store, fed from the first like every other sink."""

    def __init__(self, path: Path) -> None:
        self.name = f"store:{os.path.abspath(path)}"  # noqa: PTH100 - a link stays a link
        self._path = path
        self._store: Store | None = None

    def open(self, mark: Mark) -> Mark:
        """Open the file; what it has already is not added twice, so the mark stands."""
        self.close()
        try:
            self._store = Store(self._path)
        except UsageError as error:  # it was free when the station started
            raise OutputError(str(error)) from error
        return mark

    def send(self, records: Sequence[Record]) -> Mark:
        """Add the records; each gets a number of this store."""
        if self._store is None:
            raise OutputError(f"{self._path}: is not open")
        self._store.add(records, note_repeats=False)
        return Mark(number_of(records[-1]))

    def idle(self, seconds: float) -> None:
        """Nothing to keep alive."""

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()
            self._store = None


def open_durable(target: str) -> StoreSink:
    """A store as a sink; see ``edge.sinks.durable.Kind``."""
    return StoreSink(Path(target))


def _placeholders(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join("?" * (len(columns) + 1))
    return f"INSERT INTO {table} (id, {names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608


_INSERT_RESULT: Final = _placeholders("results", RESULT_KEYS)
_INSERT_ERROR: Final = _placeholders("errors", ERROR_KEYS)
_PROBABILITIES: Final = RESULT_KEYS.index("probabilities")


_NOTE_REPEAT: Final = (
    "INSERT INTO repeats VALUES (?, ?, 1, ?) ON CONFLICT (source, source_sha256) "
    "DO UPDATE SET times = times + 1, last_at = excluded.last_at"
)


def _remember(connection: sqlite3.Connection, path: str, stamp: Stamp | None) -> None:
    if stamp is None:
        connection.execute("DELETE FROM taken WHERE path = ?", (storable(path),))
        return
    connection.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?)", (storable(path), *stamp))
