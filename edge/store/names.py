"""The names of a store: a record's ``id`` is its number behind the name that held at that number.

A store takes a new name when its numbers may have been given before (``edge.store.store``), so no
``id`` is ever given twice.
"""

from __future__ import annotations

import os
import sqlite3
from bisect import bisect
from dataclasses import dataclass
from typing import Final

_SELECT: Final = "SELECT first_id, store FROM names ORDER BY first_id"

#: Names are of eight characters.
_SAME_AS: Final = (
    "UPDATE results SET same_as = ? || substr(same_as, 9) "
    "WHERE id >= ? AND CAST(substr(same_as, 10) AS INTEGER) >= ?"
)


@dataclass(frozen=True)
class StoreNames:
    """The names of a store.

    Attributes:
        ranges: The first number of each, ascending, and the name.
    """

    ranges: tuple[tuple[int, str], ...] = ()

    def of(self, number: int) -> str:
        """The ``id`` of the record with this number."""
        return f"{self.ranges[bisect(self.ranges, (number + 1,)) - 1][1]}-{number}"

    def number(self, identity: str) -> int | None:
        """The number of one of the store's records by its ``id``; None where it is none of them."""
        number = identity.rpartition("-")[2]
        if not self.ranges or not (number.isascii() and number.isdigit()):
            return None
        return int(number) if self.of(int(number)) == identity else None


NO_NAMES: Final = StoreNames()


def read_names(connection: sqlite3.Connection) -> StoreNames:
    """All names of a store."""
    return StoreNames(tuple(connection.execute(_SELECT)))


def rename(connection: sqlite3.Connection, first: int) -> str:
    """Give all records from a number on a new name, which is returned; within a transaction."""
    name = os.urandom(4).hex()
    connection.execute("DELETE FROM names WHERE first_id >= ?", (first,))
    connection.execute("INSERT INTO names VALUES (?, ?)", (first, name))
    connection.execute("UPDATE numbering SET store = ?", (name,))
    connection.execute(_SAME_AS, (name, first, first))
    return name


@dataclass(frozen=True)
class Cursor:
    """How far a sink has come. Kept in the store, so it survives any crash, but may lag behind.

    Attributes:
        delivered: Number of the last record that is kept (``results.id``, ``errors.id``); 0: none.
        offset: For a sink that is a file: its length after that record, in bytes.
        names: Names of the store that numbers the records: which ``id`` is whose number.
    """

    delivered: int = 0
    offset: int = 0
    names: StoreNames = NO_NAMES
