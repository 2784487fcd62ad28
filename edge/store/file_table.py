"""The table of files in a store: those that were taken, and what they were called before.

Everything here runs within a transaction of ``edge.store.store``. Looked up and written many at a
time: SQLite lets go of Python's lock at every step, and getting it back costs more than the step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from edge.store.sqlite import bulk_insert, select_in, storable
from edge.store.taken import PART, FileNote, Stamp, displaced, path_of


class _Row(NamedTuple):
    """What stands in the table."""

    stamp: Stamp
    sha256: str
    file: str


class Known(NamedTuple):
    """What is known of a file that was taken now.

    Attributes:
        again: It was taken before in this state, but for its change time and its name: that it
            comes again is no news.
        former: Name by which results know it, if that is another one now.
    """

    again: bool
    former: str | None


_COLUMNS: Final = "path, size, mtime_ns, inode, ctime_ns, file, sha256, target, born_ns"

#: Of a file of which nothing is known.
NEW: Final = Known(again=False, former=None)


class FileTable:
    """The table ``taken`` of a store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        #: Paths of files that were displaced, as the table has them; None until somebody asks.
        self._displaced: set[str] | None = None
        self._before: dict[str, _Row] = {}

    def begin(self, notes: Mapping[str, FileNote | None]) -> dict[str, Known]:
        """Forget files that are gone, and look up those that were taken; see ``Store.add``."""
        former = {
            path: note.former for path, note in notes.items() if note is not None and note.former
        }
        # Before anything is forgotten: what a file is called in results stands with its old name.
        names = {
            row[0]: row[1]
            for row in select_in(
                self._connection,
                "SELECT path, file FROM taken WHERE path",
                [storable(each.path) for each in former.values()],
            )
        }
        self._forget(path for path, note in notes.items() if note is None)
        self._before = {
            row[0]: _Row(Stamp(*row[1:4]), *row[4:])
            for row in select_in(
                self._connection,
                "SELECT path, size, mtime_ns, inode, sha256, file FROM taken WHERE path",
                [storable(path) for path, note in notes.items() if note is not None],
            )
        }
        found = {}
        for path, note in notes.items():
            if note is None:
                continue
            if path in former:
                old = storable(former[path].path)
                name = names.get(old) or storable(former[path].file) or old
                found[path] = Known(again=True, former=name)
            elif (before := self._before.get(storable(path))) is not None:
                again = note.stamp.same_but_for_ctime(before.stamp)
                # The watched folder may have been another one then: results have another name.
                other = before.file if again and before.file != storable(note.file) else ""
                found[path] = Known(again, other or None)
        return found

    def end(
        self,
        notes: Mapping[str, FileNote | None],
        known: Mapping[str, Known],
        names: Mapping[str, str],
    ) -> None:
        """Note the files that were taken; ``names``: by what name results know each."""
        # As long as a part alone is recorded, the file is known by its former name.
        whole = {
            path: note
            for path, note in notes.items()
            if note is not None and not (note.former and note.stamp.ctime_ns == PART)
        }
        self._forget(
            note.former.path
            for note in whole.values()
            if note.former is not None and note.former.path not in notes
        )
        rows = []
        for path, note in whole.items():
            self._displace(storable(path), note)
            moved = known[path].former if path in known and path not in names else None
            file = moved or names.get(path) or storable(note.file)
            target = storable(note.target)
            rows.append((storable(path), *note.stamp, file, note.sha256, target, note.born_ns))
        bulk_insert(self._connection, f"INSERT OR REPLACE INTO taken ({_COLUMNS})", rows)

    def _displace(self, path: str, note: FileNote) -> None:
        """Keep what is known of the file that had this name before: it may come by another one.

        But not where this one has its content: it is taken for the wafer before.
        """
        if self._displaced is None:
            rows = self._connection.execute("SELECT path FROM taken WHERE instr(path, '//') > 0")
            self._displaced = {path_of(row[0]) for row in rows}
        if path in self._displaced:
            self._connection.execute(
                "DELETE FROM taken WHERE path > ? AND path < ? AND sha256 = ?",
                (displaced(path, 0)[:-1], f"{path}/0", note.sha256),
            )
        before = self._before.get(path)
        if before and before.stamp.inode != note.stamp.inode and before.sha256 != note.sha256:
            self._connection.execute(
                "UPDATE OR REPLACE taken SET path = ?, target = NULL WHERE path = ?",
                (displaced(path, before.stamp.inode), path),
            )
            self._displaced.add(path)

    def _forget(self, paths: Iterable[str]) -> None:
        self._connection.executemany(
            "DELETE FROM taken WHERE path = ?", [(storable(path),) for path in paths]
        )
