"""A store's file open for writing: by one station alone, and only while it is what it was.

What is doubtful is mended where nothing can be lost by it, else refused: recording waits then, and
files stay where they are. ``edge.store.guard`` tells doubts from what other programs may do.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from edge.errors import OutputError, UsageError
from edge.store.guard import Doubt, Guard
from edge.store.names import StoreNames, read_names, rename
from edge.store.opening import Note, grown, is_intact, open_database, put_away
from edge.store.rows import NEXT
from edge.store.sqlite import access_of, connect, sqlite_errors
from edge.system.file_lock import Lock, in_use
from edge.system.files import exists
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Frames of the log (pages, mostly of 4096 bytes) after which it is put into the database.
_FRAMES: Final = 1000

#: Seconds after which it is put there at the latest: what is there no harm to the log can reach.
EVERY: Final = 5.0

#: Seconds without a transaction after which the log is emptied, and until that is tried again.
IDLE: Final = 1.0
_AGAIN: Final = 5.0

#: Ends of the names of a store and of what lies beside it; the lock is let go of last.
_BESIDE: Final = ("-wal", "-shm", ".taking", "")


class StoreFile:
    """The file of a store, its log and its locks; used by one thread.

    What cannot be done now raises ``OutputError``: nothing of it was kept.

    Attributes:
        next: Number of the next record.
        notice: What somebody should know though recording goes on; None for nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names, self.next = StoreNames(), 1
        self.notice: str | None = None
        self._connection: sqlite3.Connection | None = None
        self._refused: str | None = None
        self._due = _FRAMES
        self._busy_since = self._tried = self._put = time.monotonic()
        self._access = access_of(path)
        if self._access.is_owned:
            raise in_use(path, str(os.getpid()))
        self._lock = Lock(path)
        beside = (f"{path.resolve()}{end}" for end in _BESIDE)
        self._made = [file for file in beside if not os.path.lexists(file)]
        if not exists(path):  # somebody moved it away to begin a new one
            self._lock.note("")
        try:
            self._guard = Guard(path)
        except BaseException:
            self._lock.release(discard=True)
            raise
        self._access.is_owned = True
        try:
            with sqlite_errors(path):
                self._open()
        except BaseException:
            self.close(discard=True)
            raise

    @property
    def log_bytes(self) -> int:
        """Length of the log; from any thread."""
        return self._guard.log_bytes

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is done in the block is on the disk when it ends, all or nothing."""
        with self._errors():
            connection = self._sure()
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._read_numbers(connection)
                yield connection
                number = connection.execute(NEXT).fetchone()[0]
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._busy_since = time.monotonic()
            doubt = self._guard.committed()
            self.next = self.next if doubt else number
            if doubt:
                self._mend(doubt)
            elif self._guard.frames >= self._due or self._busy_since > self._put + EVERY:
                self._checkpoint("PASSIVE")
            if self.next < number:
                raise OutputError(f"{self.path}: what was just recorded was lost with its log")
            self._note()
            self._measure()

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """For reading what is there."""
        with self._errors():
            yield self._connection or self._sure()

    def rename(self, first: int) -> None:
        """Give all records from a number on a new name: they may have been given before."""
        with self.transaction() as connection:
            rename(connection, first)
        self.names = read_names(connection)
        self._note()

    def rest(self) -> None:
        """There is nothing to record: look after the files; called twice a second or so."""
        now = time.monotonic()
        with self._errors():
            self._sure()
            idle = now - self._busy_since >= IDLE and now >= self._tried
            if idle and self._guard.known_bytes and not self._checkpoint("TRUNCATE"):
                self._tried = now + _AGAIN
            self._measure()

    def close(self, *, discard: bool = False) -> None:
        """Put the log into the database, where it is sound, and let go of the file.

        Args:
            discard: Nothing came of it: take away what was made here, while nobody has it.
        """
        with suppress(OutputError), self._errors():
            if self._connection is not None:
                self._sure()
                self._checkpoint("TRUNCATE")
                self._guard.keep_log(keep=False)
        try:
            with self._access.exclusive(self.path):
                self._disconnect()
                self._guard.close()
        except OutputError:  # somebody reads and hangs; the process's end lets go
            self._disconnect()
        self._access.is_owned = False
        if discard and str(self.path.resolve()) in self._made and self.next == 1:
            for file in self._made:
                with suppress(OSError):
                    os.unlink(file)  # noqa: PTH108
        self._lock.release(discard=discard)

    def _use(self, connection: sqlite3.Connection) -> None:
        """Take the connection that is to be used from now on."""

    def _open(self, *, whole: bool = False) -> None:
        note = Note.parse(self._lock.noted)
        note = note._replace(next=max(note.next, self.next))
        self._connection, self.names, self.next, is_behind = open_database(
            self.path, self._guard, note, whole=whole
        )
        self._use(self._connection)
        if is_behind:
            self.rename(self.next)
        self._note()

    def _note(self) -> None:
        names = self.names.ranges[0][1], self.names.ranges[-1][1]
        self._lock.note(str(Note(names, self.next, self._guard.known_database)))

    def _sure(self) -> sqlite3.Connection:
        """The connection, once the files are beyond doubt."""
        if self._connection is None:
            self._reopen()
        for _ in range(3):
            doubt = self._guard.doubt()
            if doubt is None:
                assert self._connection is not None  # noqa: S101 - opened above
                return self._connection
            if doubt is Doubt.MOVED:
                what = f"{self.path}: was moved or deleted while in use"
                raise OutputError(f"{what}; put it back, or start anew with another one")
            if doubt is Doubt.WRITTEN:
                self._judge()
            else:
                self._mend(doubt)
        raise OutputError(f"{self.path}: is changed by another program all the time; stop that one")

    def _judge(self) -> None:
        """Somebody wrote the database: he may have tidied it up, or overwritten it."""
        state = self._guard.database
        if state != self._refused and not self._guard.is_empty:
            with suppress(UsageError), closing(connect(self.path)) as fresh:
                if is_intact(fresh) and fresh.execute(NEXT).fetchone()[0] >= self.next:
                    self._guard.accept(state)
                    return
        self._refused = state
        raise OutputError(
            f"{self.path}: was overwritten by another program while in use, and is not the store "
            "any more; stop the station, put the file's backup back and start it again"
        )

    def _mend(self, doubt: Doubt) -> None:
        """Go on with files that were replaced or harmed: what can be read of them stays."""
        if doubt is Doubt.MOVED:
            self._sure()
        try:
            whole = self._guard.rescue()
            if not whole and doubt is Doubt.LOG_REPLACED:
                self._guard.copy_log()
        except OSError as error:
            raise OutputError(
                f"{self.path}: its log cannot be mended ({error.strerror})"
            ) from error
        _log.error(
            "%s: its log (-wal, -shm) was %s by another program; %s",
            printable(str(self.path)),
            "deleted or replaced" if doubt is Doubt.LOG_REPLACED else "damaged",
            "nothing is lost" if whole else "what can be read of it is kept",
        )
        self._reopen(whole=whole)

    def _reopen(self, *, whole: bool = False) -> None:
        with self._access.exclusive(self.path):
            self._disconnect()
            self._guard.closed()
            self._open(whole=whole)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        with suppress(sqlite3.Error):
            if connection is not None:
                connection.close()

    def _checkpoint(self, how: str) -> bool:
        """Put the log into the database if it is sound; returns whether all of it went."""
        assert self._connection is not None  # noqa: S101 - called with it open
        if not self._guard.holds():
            self._mend(Doubt.LOG_HARMED)
            return True
        whole = put_away(self._connection, how)
        self._put = time.monotonic()
        self._due = (0 if whole else self._guard.frames) + _FRAMES
        self._guard.checkpointed()
        self._note()
        return whole

    def _read_numbers(self, connection: sqlite3.Connection) -> None:
        if (number := connection.execute(NEXT).fetchone()[0]) < self.next:
            raise OutputError(f"{self.path}: was put back to an earlier state; start anew")
        self.next = number

    def _measure(self) -> None:
        found = grown(self.path, self._guard.known_bytes)
        if found and self.notice is None:
            _log.warning("%s", printable(found))
        self.notice = found and (self.notice or found)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """While it is in use, what cannot be read is waited for like what cannot be written."""
        try:
            with sqlite_errors(self.path):
                yield
        except UsageError as error:
            raise OutputError(str(error)) from error
