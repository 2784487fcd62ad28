"""Looking into a store that a station writes."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.errors import OutputError, UsageError
from edge.results.record import ERROR_KEYS, RESULT_KEYS, Record
from edge.store import models
from edge.store.models import ModelNote
from edge.store.names import StoreNames, read_names
from edge.store.sqlite import access_of, connect, select_in, sqlite_errors, storable
from edge.store.taken import FileNote, Stamp
from edge.store.wafer_maps import unpacked
from edge.system.files import state_of
from edge.system.text import name_of
from edge.wafer.wafermap import DieGrid


def _selection(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT id, {names} FROM {table} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608


_RESULTS: Final = _selection("results", RESULT_KEYS)
_ERRORS: Final = _selection("errors", ERROR_KEYS)


_NOTES: Final = (
    "SELECT path, size, mtime_ns, inode, ctime_ns, file, sha256, target, born_ns FROM taken"
)


_AT_WORK: Final = (
    "SELECT model_sha256, model, count(*) FROM results GROUP BY model_sha256 ORDER BY min(id)"
)


_KEPT: Final = (
    "SELECT maps.id, source, lot, wafer, model_sha256, maps.rows, columns, maps.dies, embedding "
    "FROM maps JOIN results ON results.id = maps.id WHERE maps.dies IS NOT NULL"
)


#: Numbers of as many digits are larger than SQLite's.
_DIGITS: Final = 19


class KeptWafer(NamedTuple):
    """A wafer of the store whose map is kept.

    Attributes:
        id: Of its record.
        source: Of the same, like ``lot``, ``wafer`` and ``model_sha256``.
        dies: Its map, uint8 (rows, columns).
        embedding: int8 bytes that the network of that model gave; None where none was asked.
    """

    id: str
    source: str
    lot: str | None
    wafer: str | None
    model_sha256: str
    dies: DieGrid
    embedding: bytes | None


def _kept(names: StoreNames, row: Sequence[Any]) -> KeptWafer:
    number, source, lot, wafer, model, rows, columns, dies, embedding = row
    grid = unpacked(dies, rows, columns)
    return KeptWafer(names.of(number), source, lot, wafer, model, grid, embedding)


def _note(row: Sequence[Any]) -> FileNote:
    file, sha256, target, born = row[5:]
    return FileNote(Stamp(*row[1:5]), name_of(file), sha256, target and name_of(target), born)


class StoreReader:
    """Looks into an open ``Store``, beside it. Used by the thread that made it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._access = access_of(path)
        self.connection: sqlite3.Connection | None = None
        self._access.enter(self._lock, self._close)
        with suppress(OutputError, sqlite3.Error), self._lock:  # else when it is needed
            self._open()

    @property
    def names(self) -> StoreNames:
        """The store's names, now."""
        with self._look() as connection:
            return read_names(connection)

    def after(self, number: int, limit: int) -> list[Record]:
        """The records behind a number, in order."""
        with self._look() as connection:
            # One look for all tables: what is kept between two looks would be passed over.
            connection.execute("BEGIN")
            try:
                names = read_names(connection)
                results = connection.execute(_RESULTS, (number, limit)).fetchall()
                errors = connection.execute(_ERRORS, (number, limit)).fetchall()
            finally:
                if connection.in_transaction:  # an error may have ended it
                    connection.execute("ROLLBACK")
        found = [(row[0], _record(names, RESULT_KEYS, row)) for row in results]
        found += [(row[0], _record(names, ERROR_KEYS, row)) for row in errors]
        found.sort(key=lambda pair: pair[0])
        return [record for _, record in found[:limit]]

    def taken(self, paths: Iterable[str]) -> dict[str, FileNote]:
        """What is remembered of files, by their absolute names, as far as they were taken."""
        return dict(self._notes("path", map(storable, paths)))

    def in_hand(self) -> dict[str, FileNote]:
        """Files that were recorded and are not known to be put away, by their absolute names."""
        with self._look() as connection:
            rows = connection.execute(f"{_NOTES} WHERE target IS NOT NULL").fetchall()
        return {name_of(row[0]): _note(row) for row in rows}

    def with_inodes(self, inodes: Iterable[int]) -> list[tuple[str, FileNote]]:
        """Files that had one of some inodes when they were taken, and their absolute names."""
        return self._notes("inode", inodes)

    def last_of(self, source: str) -> str | None:
        """Hash of the newest result of a source."""
        with self._look() as connection:
            row = connection.execute(
                "SELECT source_sha256 FROM results WHERE source = ? ORDER BY id DESC LIMIT 1",
                (storable(source),),
            ).fetchone()
        return row[0] if row else None

    def kept(self, limit: int) -> list[KeptWafer]:
        """The newest wafers whose maps are kept, at most so many."""
        with self._look() as connection:
            names = read_names(connection)
            rows = connection.execute(f"{_KEPT} ORDER BY maps.id DESC LIMIT ?", (limit,)).fetchall()
        return [_kept(names, row) for row in rows]

    def kept_as(self, identity: str) -> KeptWafer | None:
        """The wafer of a record by its ``id``; None where there is none, or its map is not kept.

        A number alone is that of the table ``results``.
        """
        is_number = identity.isascii() and identity.isdigit() and len(identity) < _DIGITS
        with self._look() as connection:
            names = read_names(connection)
            number = int(identity) if is_number else names.number(identity)
            row = connection.execute(f"{_KEPT} AND maps.id = ?", (number,)).fetchone()
        return _kept(names, row) if row else None

    def models(self) -> list[ModelNote]:
        """The model files that its records are of, the first one first; none in one of before.

        Raises:
            UsageError: a row of theirs is damaged.
        """
        with self._look() as connection:
            return models.read(connection, str(self._path))

    def models_at_work(self) -> dict[str, tuple[str, int]]:
        """The short identity and the results of each model file there, by its SHA-256."""
        with self._look() as connection:
            found = connection.execute(_AT_WORK).fetchall()
        return {sha256: (model, results) for sha256, model, results in found}

    def close(self) -> None:
        """Let go of the file."""
        self._access.leave(self._lock)
        self._close()

    def _notes(self, column: str, values: Iterable[Any]) -> list[tuple[str, FileNote]]:
        with self._look() as connection:
            rows = list(select_in(connection, f"{_NOTES} WHERE {column}", values))
        return [(name_of(row[0]), _note(row)) for row in rows]

    def _open(self) -> sqlite3.Connection:
        # SQLite deletes the log of an empty database; whoever emptied it may put it back.
        state = state_of(self._path)
        if state is None or not state.size:
            raise OutputError(f"{self._path}: is empty or gone")
        try:
            connection = connect(self._path)
        except UsageError as error:
            raise OutputError(str(error)) from error
        connection.execute("PRAGMA query_only = ON")  # reads nothing
        self.connection = connection
        return connection

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    @contextmanager
    def _look(self) -> Iterator[sqlite3.Connection]:
        """What cannot be read now may be read later: its writer looks after the file."""
        with self._lock, sqlite_errors(self._path, in_use=True):
            yield self.connection or self._open()


def _record(names: StoreNames, columns: Sequence[str], row: Sequence[Any]) -> Record:
    record = {"id": names.of(row[0]), **dict(zip(columns, row[1:], strict=True))}
    if "probabilities" in record:
        record["probabilities"] = json.loads(record["probabilities"])
    # Of a model file that names one pattern a wafer, a record has no such key.
    if (several := record.pop("patterns", None)) is not None:
        record["patterns"] = json.loads(several)
    return record
