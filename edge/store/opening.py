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
from edge.store.guard import Guard
from edge.store.names import StoreNames, read_names
from edge.store.rows import NEXT
from edge.store.schema import migrate
from edge.store.sqlite import connect
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Bytes that the log is cut back to after a long transaction; beyond them somebody is told.
LARGE: Final = 16 * 2**20

#: Milliseconds that a transaction waits for another program's. The recorder tries again by itself
#: and must hear of an order to stop meanwhile.
BUSY: Final = 500

#: How often a log is put back that is harmed again at once.
_TRIES: Final = 5

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
        is_behind: Whether it may have given more numbers before than it knows of.
    """

    connection: sqlite3.Connection
    names: StoreNames
    next: int
    is_behind: bool = False


def open_database(path: Path, guard: Guard, note: Note, *, whole: bool = False) -> Opened:
    """Open a store, whole as far as it is.

    Args:
        path: The file; an empty one becomes a store.
        guard: Has it in hand; watches it from here on.
        note: What the last run noted.
        whole: This run had it open until now, and left its log as it was.

    Raises:
        UsageError: not a store, or one that was emptied.
        OutputError: it cannot be opened now.
        sqlite3.DatabaseError: it is damaged.
    """
    try:
        for _ in range(_TRIES):
            found = _open_once(path, guard, note)
            if not whole or found.next >= note.next:
                break
            found.connection.close()
            guard.closed()
            whole = guard.put_back()
        guard.follow()
    except OSError as error:
        raise OutputError(f"{path}: cannot be opened ({error.strerror})") from error
    if found.is_behind:
        _log.warning(
            "%s: ends with number %d, and higher ones were given before (up to %s): it was put "
            "back from a backup, or a part of it is lost; from there on records carry a new name",
            printable(str(path)),
            found.next - 1,
            note.next - 1 if note.next > found.next else "some more",
        )
    return found


def _open_once(path: Path, guard: Guard, note: Note) -> Opened:
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
    try:
        found = _begin(path, guard, doubtful=doubtful)
    except (sqlite3.OperationalError, OutputError) as error:
        if not any(words in str(error) for words in _OTHER_INDEX):
            raise
        guard.drop_index()
        found = _begin(path, guard, doubtful=doubtful)
    ours = any(name in note.names for _, name in found.names.ranges)
    is_behind = (ours and note.next > found.next) or bool(left and left.beyond)
    return found._replace(is_behind=is_behind)


def _begin(path: Path, guard: Guard, *, doubtful: bool) -> Opened:
    """Open a database for writing; it is closed where that fails."""
    connection = _matching(path, guard) if doubtful else connect(path)
    try:
        guard.keep_log(keep=False)
        migrate(connection, str(path))  # refuses other databases unchanged
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        names = read_names(connection)  # opens the log and its index
        number = connection.execute(NEXT).fetchone()[0]
        guard.opened()
    except BaseException:
        guard.keep_log()
        connection.close()
        guard.closed()
        raise
    return Opened(connection, names, number)


def is_intact(connection: sqlite3.Connection) -> bool:
    """Whether a database, its log included, is in order, as far as can be seen in ten seconds."""
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


def put_away(connection: sqlite3.Connection, how: str) -> bool:
    """Put the log into the database, as far as nobody reads it; returns whether all of it went.

    ``how`` is what ``wal_checkpoint`` knows.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        stopped, had, done = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    except sqlite3.OperationalError:  # no room: the log holds it all
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY}")
    return not stopped and had == done


def grown(path: Path, size: int) -> str | None:
    """What is to be said of a log of so many bytes; None while that is usual."""
    if size <= LARGE:
        return None
    return (
        f"{path}-wal: has grown to {size // 2**20} MB: another program reads the store with a "
        "transaction left open; close it"
    )


def _matching(path: Path, guard: Guard) -> sqlite3.Connection:
    """A database that somebody changed beside a log may not go with that log."""
    if connection := _intact(path):
        return connection
    aside = guard.move_log()
    if connection := _intact(path):
        _log.error(
            "%s-wal: did not belong to the database (was that put back from a backup?); now it is "
            "%s",
            printable(str(path)),
            printable(aside),
        )
        return connection
    os.replace(aside, f"{path.resolve()}-wal")  # noqa: PTH105
    raise sqlite3.DatabaseError("its content is damaged")


def _intact(path: Path) -> sqlite3.Connection | None:
    """A connection to a database, if that is in order."""
    connection = connect(path)
    intact = False
    try:
        intact = is_intact(connection)
    finally:
        if not intact:
            connection.close()
    return connection if intact else None


#: What is said where another program has the index of a log that is there no more.
_OTHER_INDEX: Final = ("disk I/O error", "not of each other")

_SETTINGS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {LARGE}",
    f"busy_timeout = {BUSY}",
    # Nothing goes from the log into the database unlooked at.
    "wal_autocheckpoint = 0",
)
