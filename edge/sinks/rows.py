"""How a record becomes a row: each wafer once, whatever its file is called by now.

Everything here runs within a transaction of ``edge.sinks.store``.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from edge.sinks.file_table import Former
from edge.sinks.record import ERROR_KEYS, MAP, RESULT_KEYS, Record
from edge.sinks.sqlite import storable
from edge.sinks.taken import Placed
from edge.sinks.wafer_maps import MapTable


class Same(str, Enum):
    """What makes a wafer of a file the same as one that was recorded before."""

    #: Name below the watched folder, content, and index in it.
    NAME = "name"
    #: Content and index alone.
    CONTENT = "content"

    def __str__(self) -> str:
        return self.value


class Rows:
    """The rows of wafers, unreadable inputs and files in a store.

    Args:
        connection: Of the store.
        maps: Where what records bring with them goes.
        same: What makes two wafers of files the same.
        tops: The folders that are watched, absolute: files of one name in two of them are two.
    """

    def __init__(
        self, connection: sqlite3.Connection, maps: MapTable, same: Same, tops: Sequence[str]
    ) -> None:
        self._maps = maps
        self._connection = connection
        self._same = same
        self._tops = tops

    def place(self, placed: Iterable[Placed]) -> None:
        """Note files that are elsewhere than their records say."""
        for place in placed:
            self._execute(_PLACE, [place.place, place.sha256, place.file, place.path])
            self._execute(_PLACE_ERROR, [place.place, place.sha256, place.path])

    def note_repeats(self, repeats: Mapping[tuple[str, str], str]) -> None:
        """Note wafers that came again.

        Args:
            repeats: When, by source and hash.
        """
        for (source, digest), when in repeats.items():
            self._execute(_NOTE_REPEAT, [source, digest, when])

    def keep(self, number: int, record: Record, before: Former) -> Record | None:
        """Insert a record; None where it stands there already."""
        record = dict(record)
        if "error" in record:
            values: list[Any] = [record.get(key) for key in ERROR_KEYS]
            return record if self._execute(_INSERT_ERROR, [number, *values]) else None
        record["file"] = file = record.get("file") or ""
        if before.file is not None and self._renamed(record, before.file):
            return None
        if file and self._same is Same.CONTENT and self._source_of(_BY_CONTENT, record):
            return None
        if not self._insert(number, record):
            if not file or not self._is_elsewhere(record):
                return None
            # The name is that of a file in another watched folder: told apart by the whole name.
            record["file"] = record["source"]
            if not self._insert(number, record):
                return None
        kept = record.pop(MAP, None)
        if kept is not None:
            self._maps.insert(number, record, kept)
        return record

    def _insert(self, number: int, record: Record) -> bool:
        values = [record.get(key) for key in RESULT_KEYS]
        values[_PROBABILITIES] = json.dumps(record["probabilities"])
        return self._execute(_INSERT_RESULT, [number, *values])

    def _execute(self, statement: str, values: Sequence[Any]) -> bool:
        """Whether a row was inserted or changed."""
        try:
            cursor = self._connection.execute(statement, values)
        except UnicodeEncodeError:  # rare, so it is not looked for
            cursor = self._connection.execute(statement, list(map(storable, values)))
        return cursor.rowcount == 1

    def _renamed(self, record: Record, former: str) -> bool:
        """Whether this wafer stands there under its file's former name; it has the new one then."""
        key = record["source_sha256"], record["index"]
        names = [record.get(key) for key in _OF_NAME]
        return self._execute(_RENAME, [*names, *key, former])

    def _is_elsewhere(self, record: Record) -> bool:
        """Whether the wafer of this name is one of another folder that is watched now."""
        other = self._top_of(self._source_of(_BY_NAME, record) or "")
        return other is not None and other != self._top_of(record["source"])

    def _source_of(self, statement: str, record: Record) -> str | None:
        row = self._connection.execute(
            statement, {key: storable(record[key]) for key in ("source_sha256", "index", "file")}
        ).fetchone()
        return row[0] if row else None

    def _top_of(self, source: str) -> str | None:
        return next((top for top in self._tops if source.startswith(f"{top}{os.sep}")), None)


def _named(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in ("id", *columns))


#: Above everything that is there, whatever the numbering says.
NEXT: Final = (
    "SELECT max(next_id, 1 + coalesce((SELECT max(id) FROM results), 0), "
    "1 + coalesce((SELECT max(id) FROM errors), 0)) FROM numbering"
)

_AT: Final = {key: f"?{number}" for number, key in enumerate(RESULT_KEYS, start=2)}

#: A record whose content stood under another name: the first in the order of names.
_SAME_AS: Final = (
    "(SELECT (SELECT store FROM names WHERE first_id <= r.id ORDER BY first_id DESC LIMIT 1) "  # noqa: S608
    f"""|| '-' || r.id FROM results r WHERE source_sha256 = {_AT["source_sha256"]} """
    f"""AND "index" = {_AT["index"]} AND event = '' AND file != '' LIMIT 1)"""
)
_VALUES: Final = ", ".join(
    f"coalesce({at}, {_SAME_AS})" if key == "same_as" else at for key, at in _AT.items()
)
# A conflict of ids is none of wafers: it must be heard of.
_INSERT_RESULT: Final = (
    f"INSERT INTO results ({_named(RESULT_KEYS)}) VALUES (?1, {_VALUES}) "  # noqa: S608
    'ON CONFLICT (source_sha256, "index", event, file) DO NOTHING'
)
_INSERT_ERROR: Final = (
    f"INSERT INTO errors ({_named(ERROR_KEYS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(ERROR_KEYS) + 1))}) "
    "ON CONFLICT (source, source_sha256, kind) DO NOTHING"
)
_PROBABILITIES: Final = RESULT_KEYS.index("probabilities")

_CONTENT: Final = """source_sha256 = :source_sha256 AND "index" = :index AND event = ''"""
_BY_CONTENT: Final = f"SELECT source FROM results WHERE {_CONTENT} LIMIT 1"  # noqa: S608
_BY_NAME: Final = f"SELECT source FROM results WHERE {_CONTENT} AND file = :file"  # noqa: S608
#: What a record has from its file's name.
_OF_NAME: Final = ("source", "file", "lot", "wafer", "slot", "moved_to")
_RENAME: Final = (
    f"UPDATE OR IGNORE results SET {', '.join(f'{key} = ?' for key in _OF_NAME)} "  # noqa: S608
    """WHERE source_sha256 = ? AND "index" = ? AND event = '' AND file = ?"""
)
_PLACE: Final = (
    "UPDATE results SET moved_to = ? WHERE source_sha256 = ? AND event = '' AND file IN (?, ?)"
)
_PLACE_ERROR: Final = "UPDATE errors SET moved_to = ? WHERE source_sha256 = ? AND source = ?"

_NOTE_REPEAT: Final = (
    "INSERT INTO repeats VALUES (?, ?, 1, ?) ON CONFLICT (source, source_sha256) "
    "DO UPDATE SET times = times + 1, last_at = excluded.last_at"
)
