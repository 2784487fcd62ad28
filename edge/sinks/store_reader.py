"""Looking into a store that a station writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge.sinks.record import ERROR_KEYS, RESULT_KEYS, Record
from edge.sinks.sqlite import connect, sqlite_errors, storable
from edge.sinks.taken import FileNote, Stamp


def _selection(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT id, {names} FROM {table} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608


_RESULTS: Final = _selection("results", RESULT_KEYS)
_ERRORS: Final = _selection("errors", ERROR_KEYS)


_NOTES: Final = "SELECT path, size, mtime_ns, inode, ctime_ns, file, sha256, target FROM taken"


def _note(row: Sequence[Any]) -> FileNote:
    return FileNote(Stamp(*row[1:5]), *row[5:])


class StoreReader:
    """Looks into a store that a station writes, beside it. Used by the thread that made it.

    Args:
        path: The SQLite file of an open ``Store``.

    Raises:
        OutputError: cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.connection = connect(path)
        with sqlite_errors(path):
            self.connection.execute("PRAGMA query_only = ON")
            self._name = self.connection.execute("SELECT store FROM numbering").fetchone()[0]

    def after(self, number: int, limit: int) -> list[Record]:
        """The records behind a number, in order."""
        with sqlite_errors(self._path):
            # One look for both tables: what is kept between two looks would be passed over.
            self.connection.execute("BEGIN")
            try:
                results = self.connection.execute(_RESULTS, (number, limit)).fetchall()
                errors = self.connection.execute(_ERRORS, (number, limit)).fetchall()
            finally:
                self.connection.execute("ROLLBACK")
        found = [(row[0], self._record(RESULT_KEYS, row)) for row in results]
        found += [(row[0], self._record(ERROR_KEYS, row)) for row in errors]
        found.sort(key=lambda pair: pair[0])
        return [record for _, record in found[:limit]]

    def taken(self, path: str) -> FileNote | None:
        """What is remembered of a file, if it was taken."""
        with sqlite_errors(self._path):
            row = self.connection.execute(f"{_NOTES} WHERE path = ?", (storable(path),)).fetchone()
        return _note(row) if row else None

    def in_hand(self) -> dict[str, FileNote]:
        """Files that were recorded and are not known to be put away, by their absolute names."""
        with sqlite_errors(self._path):
            rows = self.connection.execute(f"{_NOTES} WHERE target IS NOT NULL").fetchall()
        return {row[0]: _note(row) for row in rows}

    def last_of(self, source: str) -> str | None:
        """Hash of the newest result of a source."""
        with sqlite_errors(self._path):
            row = self.connection.execute(
                "SELECT source_sha256 FROM results WHERE source = ? ORDER BY id DESC LIMIT 1",
                (storable(source),),
            ).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def _record(self, columns: Sequence[str], row: Sequence[Any]) -> Record:
        record = {"id": f"{self._name}-{row[0]}", **dict(zip(columns, row[1:], strict=True))}
        if "probabilities" in record:
            record["probabilities"] = json.loads(record["probabilities"])
        return record
