"""The store: every record of a station in one SQLite file, each wafer once.

What makes a wafer the same wafer is its file's name below the watched folder, the hash of its
content and its index in it; for a camera, the event (see ``docs/station-reference.md``). The
records of several files, what is remembered of the files and the numbers of the records go into one
transaction, so a crash leaves either all or nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.errors import OutputError, UsageError
from edge.output import identity
from edge.sinks.durable import Mark
from edge.sinks.file_table import NEW, FileTable
from edge.sinks.lock import Lock
from edge.sinks.record import Record
from edge.sinks.rows import NEXT, Rows, Same
from edge.sinks.schema import migrate
from edge.sinks.sqlite import connect, sqlite_errors
from edge.sinks.taken import FileNote, Placed
from edge.sinks.wafer_maps import ALWAYS, KeepMaps, MapTable

#: After a long transaction the write-ahead log is cut back to this many bytes.
_LOG_LIMIT: Final = 16 * 2**20

#: Milliseconds that a transaction waits for another program's.
_BUSY: Final = 500


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
        same: What makes two wafers of files the same.
        tops: The folders that are watched, absolute: files of one name in two of them are two.
        keep_maps: How long maps are kept.

    Raises:
        UsageError: in use by another station, or not a store.
        OutputError: cannot be opened or written.
    """

    def __init__(
        self,
        path: Path,
        *,
        same: Same = Same.NAME,
        tops: Sequence[str] = (),
        keep_maps: KeepMaps = ALWAYS,
    ) -> None:
        self.path = path
        if not path.parent.is_dir():
            raise UsageError(f"{path}: cannot be made, there is no folder {path.parent}; make it")
        self._lock = Lock(path)
        try:
            self._connection = connect(path)
            self.name, self._next = self._prepare()
            self._files = FileTable(self._connection)
            self._maps = MapTable(self._connection, keep_maps)
            self._rows = Rows(self._connection, self._maps, same, tops)
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
        taken: Mapping[str, FileNote | None] | None = None,
        placed: Iterable[Placed] = (),
        *,
        note_repeats: bool = True,
    ) -> Added:
        """Keep records in one transaction, on the disk when this returns.

        Args:
            records: Results and errors; an ``id`` that they carry is not looked at.
            taken: What to remember of files, by their absolute names (``source`` of their records);
                None to forget one.
            placed: Files that are elsewhere than their records say.
            note_repeats: Whether to note sources whose wafers had been recorded before.

        Raises:
            OutputError: nothing of this was kept (disk full, no permission).
        """
        added = Added()
        repeats: dict[tuple[str, str], str] = {}
        notes = taken or {}
        rows = self._rows
        with sqlite_errors(self.path), self._transaction() as connection:
            number = first = connection.execute(NEXT).fetchone()[0]
            self._maps.begin()
            rows.place(placed)
            former = self._files.begin(notes)
            for record in records:
                before = former.get(record["source"], NEW)
                kept = rows.keep(number, record, before)
                if kept is not None:
                    added.records.append({**kept, "id": f"{self.name}-{number}"})
                    number += 1
                elif note_repeats and "error" not in record and not before.is_known:
                    repeats[record["source"], record["source_sha256"]] = record["recorded_at"]
            rows.note_repeats(repeats)
            self._files.end(notes, former)
            self._maps.end()
            if number != first:
                connection.execute("UPDATE numbering SET next_id = ?", (number,))
        self._next = number
        added.repeats = [source for source, _ in repeats]
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

    def tidy(self) -> None:
        """Drop some maps that are too old, now and then; called in every round.

        Raises:
            OutputError: not now.
        """
        with sqlite_errors(self.path):
            last = self._maps.old()
            if last is not None:
                with self._transaction():
                    self._maps.drop(last)

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
