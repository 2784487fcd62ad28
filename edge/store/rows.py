"""How a record becomes a row: each wafer once, whatever its file is called by now.

Everything here runs within a transaction of ``edge.store.store``.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from edge.results.record import ERROR_KEYS, MAP, RESULT_KEYS, Record
from edge.store.file_table import Known
from edge.store.sqlite import storable
from edge.store.taken import Placed, displaced
from edge.store.wafer_maps import MapTable
from edge.system.choice import Choice
from edge.system.text import name_of


class Same(Choice):
    """What makes a wafer of a file the same as one that was recorded before."""

    #: Name below the watched folder, content, and index in it.
    NAME = "name"
    #: Content and index alone.
    CONTENT = "content"


class Kept(NamedTuple):
    """What became of a record.

    Attributes:
        record: As it was inserted; None where it stands there already.
        file: By what name results know its file; None for an input that could not be read.
    """

    record: Record | None
    file: str | None


class Rows:
    """The rows of wafers and unreadable inputs in a store; ``same`` and ``tops`` as for it."""

    def __init__(
        self, connection: sqlite3.Connection, maps: MapTable, same: Same, tops: Iterable[str]
    ) -> None:
        self._tops = frozenset(tops)
        self._maps = maps
        self._connection = connection
        self._same = same

    def place(self, placed: Iterable[Placed]) -> None:
        """Note files that are elsewhere than their records say."""
        for place in placed:
            path = storable(place.path)
            names = (storable(place.file), path, path)
            self._execute(_PLACE, [place.place, place.sha256, *names])
            self._execute(_PLACE_ERROR, [place.place, place.sha256, path])

    def note_repeats(self, repeats: Mapping[tuple[str, str], str]) -> None:
        """Note wafers that came again: when, by source and hash."""
        for (source, digest), when in repeats.items():
            self._execute(_NOTE_REPEAT, [source, digest, when])

    def keep(self, number: int, record: Record, known: Known, *, copied: bool) -> Kept:
        """Insert a record, if it does not stand there already.

        ``copied``: it is another store's, which knows it for another wafer than all before.
        """
        record = {**record, "source": storable(record["source"])}
        if "error" in record:
            values: list[Any] = [record.get(key) for key in ERROR_KEYS]
            inserted = self._execute(_INSERT_ERROR, [number, *values])
            return Kept(record if inserted else None, None)
        record["file"] = file = storable(record.get("file") or "")
        if known.former is not None and (name := self._renamed(number, record, known.former)):
            return Kept(None, name)
        if file and self._same is Same.CONTENT and self._source_of(_BY_CONTENT, record):
            return Kept(None, file)
        inserted = self._inserted(number, record, copied=copied)
        if inserted:
            kept = record.pop(MAP, None)
            if kept is not None:
                self._maps.insert(number, record, kept)
        elif record.get("moved_to"):  # taken again, since it could not be put away before
            key = record["source_sha256"], record["index"]
            self._execute(_MOVE, [record["moved_to"], *key, record["file"]])
        return Kept(record if inserted else None, record["file"])

    def _inserted(self, number: int, record: Record, *, copied: bool) -> bool:
        """Whether the wafer is new; it may then have another name in results (``file``)."""
        if self._insert(number, record):
            return True
        if copied:
            # The first store knows two wafers where a name went from one file to another. It sends
            # a record again where it was not told that it came.
            again = self._source_of(_SENT, record) is not None
            return not again and self._insert(number, {**record, "event": record["id"]})
        source = self._source_of(_BY_NAME, record)
        if record["file"] and (source is None or self._is_elsewhere(source, record)):
            # Recorded before names counted; or the name is that of a file in another folder.
            record["file"] = record["source"]
            return self._insert(number, record)
        return False

    def _insert(self, number: int, record: Record) -> bool:
        values = [record.get(key) for key in RESULT_KEYS]
        values[_PROBABILITIES] = json.dumps(record["probabilities"])
        if (several := record.get("patterns")) is not None:
            values[_PATTERNS] = json.dumps(several)
        return self._execute(_INSERT_RESULT, [number, *values])

    def _execute(self, statement: str, values: Sequence[Any]) -> bool:
        """Whether a row was inserted or changed."""
        try:
            cursor = self._connection.execute(statement, values)
        except UnicodeEncodeError:  # rare, so it is not looked for
            cursor = self._connection.execute(statement, list(map(_encodable, values)))
        return cursor.rowcount == 1

    def _renamed(self, number: int, record: Record, former: str) -> str | None:
        """Give a wafer that stands there under its file's former name the new one.

        That name is returned; None where there is no such wafer.
        """
        key = record["source_sha256"], record["index"]
        # The whole name where the other is taken, and more than that where that is.
        for name in (record["file"], record["source"], displaced(record["source"], number)):
            names = [name, *(record.get(key) for key in _OF_NAME)]
            if self._execute(_RENAME, [*names, *key, former]):
                return str(name)
        return None

    def _is_elsewhere(self, source: str, record: Record) -> bool:
        """Whether a file of this name is one of another folder that is watched, or still there."""
        file = record["file"]
        if not source.endswith(f"{os.sep}{file}") or source == record["source"]:
            return False
        other, own = (name_of(each.removesuffix(file)) for each in (source, record["source"]))
        if other == own:
            return False
        if other.rstrip(os.sep) in self._tops:  # it may be away
            return True
        if not os.path.isdir(other):  # noqa: PTH112
            return False
        return not (os.path.isdir(own) and os.path.samefile(other, own))  # noqa: PTH112, PTH121

    def _source_of(self, statement: str, record: Record) -> str | None:
        keys = ("source_sha256", "index", "file", "recorded_at")
        row = self._connection.execute(statement, {key: record[key] for key in keys}).fetchone()
        return row[0] if row else None


def _encodable(value: Any) -> Any:
    """The value; names were made storable before, and twice would spoil them."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return storable(value)
    return value


def _named(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in ("id", *columns))


#: Above everything that is there, whatever the numbering says.
NEXT: Final = (
    "SELECT max(next_id, 1 + coalesce((SELECT max(id) FROM results), 0), "
    "1 + coalesce((SELECT max(id) FROM errors), 0), "
    "1 + coalesce((SELECT max(id) FROM maps), 0)) FROM numbering"
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
    f"INSERT INTO results ({_named(RESULT_KEYS)}) SELECT ?1, {_VALUES} "  # noqa: S608
    # One of before names counted stands under the whole name, and so do some of two folders.
    f"""WHERE NOT EXISTS (SELECT 1 FROM results WHERE source_sha256 = {_AT["source_sha256"]} """
    f"""AND "index" = {_AT["index"]} AND event = '' AND {_AT["event"]} = '' """
    f"""AND file = {_AT["source"]} AND file != '') """
    'ON CONFLICT (source_sha256, "index", event, file) DO NOTHING'
)
_INSERT_ERROR: Final = (
    f"INSERT INTO errors ({_named(ERROR_KEYS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(ERROR_KEYS) + 1))}) "
    "ON CONFLICT (source, source_sha256, kind) DO NOTHING"
)
_PROBABILITIES: Final = RESULT_KEYS.index("probabilities")
_PATTERNS: Final = RESULT_KEYS.index("patterns")

_CONTENT: Final = """source_sha256 = :source_sha256 AND "index" = :index AND event = ''"""
_BY_CONTENT: Final = f"SELECT source FROM results WHERE {_CONTENT} LIMIT 1"  # noqa: S608
_BY_NAME: Final = f"SELECT source FROM results WHERE {_CONTENT} AND file = :file"  # noqa: S608
_SENT: Final = (
    "SELECT source FROM results WHERE source_sha256 = :source_sha256 "
    'AND "index" = :index AND file = :file AND recorded_at = :recorded_at'
)
#: What a record has from its file's name.
_OF_NAME: Final = ("source", "lot", "wafer", "slot", "moved_to")
_RENAME: Final = (
    "UPDATE OR IGNORE results SET file = ?, "  # noqa: S608
    f"{', '.join(f'{key} = ?' for key in _OF_NAME)} "
    """WHERE source_sha256 = ? AND "index" = ? AND event = '' AND file = ?"""
)
_MOVE: Final = (
    "UPDATE results SET moved_to = ? "
    """WHERE source_sha256 = ? AND "index" = ? AND event = '' AND file = ?"""
)
_PLACE: Final = (
    "UPDATE results SET moved_to = ? WHERE source_sha256 = ? AND event = '' AND file IN (?, ?) "
    "AND source = ?"
)
_PLACE_ERROR: Final = "UPDATE errors SET moved_to = ? WHERE source_sha256 = ? AND source = ?"

_NOTE_REPEAT: Final = (
    "INSERT INTO repeats VALUES (?, ?, 1, ?) ON CONFLICT (source, source_sha256) "
    "DO UPDATE SET times = times + 1, last_at = excluded.last_at"
)
