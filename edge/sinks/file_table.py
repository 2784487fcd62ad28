"""The table of files in a store: those that were taken, and what they were called before.

Everything here runs within a transaction of ``edge.sinks.store``. Looked up and written many at a
time: SQLite lets go of Python's lock at every step, and getting it back costs more than the step.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from edge.sinks.sqlite import bulk_insert, select_in, storable
from edge.sinks.taken import FileNote, Stamp


class Former(NamedTuple):
    """What is known of a file that was taken now.

    Attributes:
        is_known: It was taken before in this state, but for its change time: that it comes again is
            no news.
        path: The name, absolute, under which it was taken before; no such file is there any more.
        file: The same below the watched folder.
    """

    is_known: bool
    path: str | None
    file: str | None


#: Of a file of which nothing is known.
NEW: Final = Former(False, None, None)


class FileTable:
    """The table ``taken`` of a store.

    Args:
        connection: Of the store.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self, notes: Mapping[str, FileNote | None]) -> dict[str, Former]:
        """Forget files that are gone, and look up those that were taken now.

        Args:
            notes: As for ``Store.add``.

        Returns:
            What is known of each file that has a note.
        """
        # First of all: the inode of a file that is gone may be another one's by now.
        self._forget(path for path, note in notes.items() if note is None)
        taken = {path: note.stamp for path, note in notes.items() if note is not None}
        known = {
            row[0]: Stamp(*row[1:])
            for row in select_in(
                self._connection,
                "SELECT path, size, mtime_ns, inode FROM taken WHERE path",
                map(storable, taken),
            )
        }
        found = {}
        for path, stamp in taken.items():
            before = known.get(storable(path))
            if before is not None:
                found[path] = Former(stamp.same_but_for_ctime(before), None, None)
        others = {path: stamp for path, stamp in taken.items() if path not in found}
        renamed = self._renamed({stamp.inode for stamp in others.values()})
        for path, stamp in others.items():
            found[path] = renamed.get(stamp[:3], NEW)
        return found

    def end(self, notes: Mapping[str, FileNote | None], former: Mapping[str, Former]) -> None:
        """Note the files that were taken.

        Args:
            notes: As for ``Store.add``.
            former: What ``begin`` gave.
        """
        self._forget(before.path for before in former.values() if before.path is not None)
        rows = [
            (storable(path), *note.stamp, storable(note.file), note.sha256, storable(note.target))
            for path, note in notes.items()
            if note is not None
        ]
        bulk_insert(self._connection, "INSERT OR REPLACE INTO taken", rows)

    def _renamed(self, inodes: set[int]) -> dict[tuple[int, ...], Former]:
        """Files with these inodes whose names are gone, by size, time and inode."""
        return {
            row[2:]: Former(True, row[0], row[1] or row[0])
            for row in select_in(
                self._connection,
                "SELECT path, file, size, mtime_ns, inode FROM taken WHERE inode",
                inodes,
            )
            if not os.path.lexists(row[0])
        }

    def _forget(self, paths: Iterable[str]) -> None:
        self._connection.executemany(
            "DELETE FROM taken WHERE path = ?", [(storable(path),) for path in paths]
        )
