"""Opening a store's file for writing: what an earlier run, or somebody else, left there.

SQLite takes what it finds: of a damaged log the part before the damage, an empty file for a new
database, a log for that of the database beside it. Each of these loses records unsaid; here it is
looked at before.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from edge.errors import OutputError, UsageError
from edge.sinks.guard import Guard
from edge.sinks.names import Names, read_names
from edge.sinks.rows import NEXT
from edge.sinks.schema import migrate
from edge.sinks.sqlite import connect
from edge.text import printable

_log = logging.getLogger(__name__)

#: Bytes that the log is cut back to after a long transaction; beyond them somebody is told.
LARGE: Final = 16 * 2**20

#: Milliseconds that a transaction waits for another program's. The recorder tries again by itself
#: and must hear of an order to stop meanwhile.
BUSY: Final = 500

#: Seconds that a database is looked through: a large one must not keep a station from starting.
LOOKING: Final = 10.0


class Note(NamedTuple):
    """What a run leaves in the lock file, beside the store: it tells when the store went back.

    Attributes:
        names: The store's first name and the one that it has now.
        next: Number of the next record.
        database: State of the database file, as ``Guard.database``.
    """

    names: tuple[str, ...] = ()
    next: int = 0
    database: str = ""

    @classmethod
    def parse(cls, text: str) -> Note:
        """A note, or an empty one where the text is none."""
        names, _, rest = text.partition(" ")
        number, _, database = rest.partition(" ")
        if not number.isdecimal():
            return cls()
        return cls(tuple(names.split(",")), int(number), database)

    def __str__(self) -> str:
        return f"{','.join(self.names)} {self.next} {self.database}"


class Opened(NamedTuple):
    """A store that is open.

    Attributes:
        connection: To it, in autocommit mode.
        names: Its names.
        next: Number of the next record.
        is_behind: Whether it may have given more numbers before than it knows of.
    """

    connection: sqlite3.Connection
    names: Names
    next: int
    is_behind: bool


def open_database(path: Path, guard: Guard, note: Note) -> Opened:
    """Open a store, whole as far as it is.

    Args:
        path: The file; an empty one becomes a store.
        guard: Has it in hand; watches it from here on.
        note: What the last run noted.

    Raises:
        UsageError: not a store, or one that was emptied.
        OutputError: it cannot be opened now.
        sqlite3.DatabaseError: it is damaged.
    """
    try:
        left = guard.left()
        if guard.is_empty and (left or note.names):
            raise UsageError(
                f"{path}: is empty, but was a store before; put its backup back, or move it and "
                f"{path.name}-wal and {path.name}.lock away to begin a new one: files that are "
                "still in their folder are taken anew"
            )
        if left:
            guard.keep_log()
        if left and left.beyond:
            _log.error(
                "%s-wal: was damaged: %d transactions can be read, %d behind them cannot; a copy "
                "is in %s; what is lost is taken anew where its files are still there",
                printable(str(path)),
                left.sound,
                left.beyond,
                printable(guard.copy_log()),
            )
        doubtful = bool(left) and guard.database != note.database
        connection = _matching(path, guard) if doubtful else connect(path)
        try:
            guard.let_log_go()
            migrate(connection, str(path))  # refuses other databases unchanged
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            names = read_names(connection)  # opens the log and its index
            number = connection.execute(NEXT).fetchone()[0]
            guard.opened()
        except BaseException:
            connection.close()
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be opened ({error.strerror})") from error
    higher = note.next if any(name in note.names for _, name in names.ranges) else 0
    is_behind = higher > number or bool(left and left.beyond)
    if is_behind:
        _log.warning(
            "%s: ends with number %d, and higher ones were given before%s: it was put back from a "
            "backup, or a part of it is lost; from there on records carry a new name",
            printable(str(path)),
            number - 1,
            f" (up to {higher - 1})" if higher > number else "",
        )
    return Opened(connection, names, number, is_behind)


def is_intact(connection: sqlite3.Connection) -> bool:
    """Whether a database, its log included, is in order, as far as can be seen in ten seconds.

    Raises:
        sqlite3.OperationalError: it cannot be told now.
    """
    deadline = time.monotonic() + LOOKING
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        with closing(connection.execute("PRAGMA integrity_check(1)")) as cursor:
            return bool(cursor.fetchone()[0] == "ok")
    except sqlite3.OperationalError:  # no descriptor left, or the like
        if time.monotonic() > deadline:
            return True
        raise
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.set_progress_handler(None, 0)


def _matching(path: Path, guard: Guard) -> sqlite3.Connection:
    """A database that somebody changed beside a log may not go with that log."""
    connection = connect(path)
    if is_intact(connection):
        return connection
    connection.close()
    aside = guard.move_log()
    connection = connect(path)
    if not is_intact(connection):
        connection.close()
        os.replace(aside, f"{path.resolve()}-wal")  # noqa: PTH105
        raise sqlite3.DatabaseError("its content is damaged")
    _log.error(
        "%s-wal: did not belong to the database (was that put back from a backup?); now it is %s",
        printable(str(path)),
        printable(aside),
    )
    return connection


_SETTINGS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {LARGE}",
    f"busy_timeout = {BUSY}",
    # Nothing goes from the log into the database unlooked at.
    "wal_autocheckpoint = 0",
)
