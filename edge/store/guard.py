"""A store's files while they are in use: whether they are still those that this process wrote.

Somebody may delete, cut, overwrite or put back a database file or its write-ahead log under a
running station. SQLite does not notice; it would go on writing into a file without a name, or copy
flipped bytes into the database. So the files are looked at before and after each transaction (three
``stat`` where nothing happened), and the log's checksums before any of it goes into the database.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import Final

from edge.errors import OutputError
from edge.store.spare import Spare, copy_range, write_copy
from edge.store.wal import Findings, Index, LogFile, read_index
from edge.system.file_lock import alone, claim, keep_log, let_log_go
from edge.system.files import State, state_of

#: How often a log is read again that somebody writes now.
_TRIES: Final = 50

#: Frames beyond which a log that was looked through is not looked through from its start again.
_MANY: Final = 4096


class Doubt(Enum):
    """What keeps a store from being written."""

    #: The database file was moved, deleted or replaced.
    MOVED = auto()
    #: The log or its index was deleted or replaced; what was written is in our hands.
    LOG_REPLACED = auto()
    #: The log does not hold what was written.
    LOG_HARMED = auto()
    #: The database file was written by somebody else.
    WRITTEN = auto()


class Guard:
    """Watches a database file, its log and the log's index.

    What cannot be copied or put back raises ``OSError``.

    Args:
        path: The database file; made, empty, if it does not exist. No descriptor of it may be
            closed while SQLite has it open, but by SQLite: that would let go of SQLite's locks.

    Raises:
        UsageError: another process has claimed it.
        OutputError: it cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        real = path.resolve()
        self._files = (str(real), f"{real}-wal", f"{real}-shm")
        self._log: int | None = None
        self._index: int | None = None
        self._known: list[State | None] = [None, None, None]
        self._done: Index | None = None
        self._spare = Spare()
        self.frames = 0  # in the log, after the last transaction
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            self._database = os.open(real, flags, 0o644)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            claim(self._database, path)
        except BaseException:
            os.close(self._database)
            raise

    # Before SQLite opens the files.

    @property
    def database(self) -> str:
        """The state of the database file, for a note of it."""
        return " ".join(map(str, state_of(self._files[0]) or ()))

    @property
    def is_empty(self) -> bool:
        """Whether the database file holds nothing."""
        return not os.fstat(self._database).st_size

    def left(self) -> Findings | None:
        """What is in the log that an earlier run left; None where there is none."""
        with suppress(FileNotFoundError):
            descriptor = os.open(self._files[1], os.O_RDONLY | os.O_CLOEXEC)
            try:
                if os.fstat(descriptor).st_size:
                    return LogFile(descriptor).findings()
            finally:
                os.close(descriptor)
        return None

    def copy_log(self) -> str:
        """Set a copy of the log aside; returns its name."""
        aside = self._aside()
        descriptor = os.open(self._files[1], os.O_RDONLY) if self._log is None else self._log
        try:
            write_copy(descriptor, os.fstat(descriptor).st_size, aside)
        finally:
            if descriptor != self._log:
                os.close(descriptor)
        return aside

    def move_log(self) -> str:
        """Set the log itself aside: it is another database's. Returns its new name."""
        aside = self._aside()
        Path(self._files[1]).rename(aside)
        self.drop_index()
        return aside

    def drop_index(self) -> None:
        """Another program that reads has the index of another log: SQLite is to make it anew."""
        Path(self._files[2]).unlink(missing_ok=True)

    def keep_log(self, *, keep: bool = True) -> None:
        """Whether SQLite leaves the log alone when its last connection is closed."""
        (keep_log if keep else let_log_go)(self._database)

    # While SQLite has them open.

    def opened(self) -> None:
        """SQLite has opened the files: from now on they are watched.

        Raises:
            OSError: the log or its index cannot be opened.
            sqlite3.OperationalError: they are not of each other.
        """
        self._log = os.open(self._files[1], os.O_RDWR | os.O_CLOEXEC)
        self._index = os.open(self._files[2], os.O_RDWR | os.O_CLOEXEC)
        self._done = None
        self.keep_log()
        self._known = self._states()
        if not self.holds():
            raise sqlite3.OperationalError("the log and its index are not of each other")

    def put_back(self) -> bool:
        """The log was harmed once more before SQLite had it open; it is closed again.

        Returns:
            Whether it is now what it was when the last transaction ended.
        """
        spare = self._spare.of()
        if spare is not None:
            write_copy(*spare, self._files[1])
            self.drop_index()
        return spare is not None

    def closed(self) -> None:
        """SQLite has closed all connections, those of readers too."""
        for descriptor in (self._log, self._index):
            if descriptor is not None:
                os.close(descriptor)
        self._log = self._index = None

    def close(self) -> None:
        """Let go of the files; all connections are closed."""
        self.closed()
        self._spare.close()
        os.close(self._database)

    @property
    def log_bytes(self) -> int:
        """Length of the log; from any thread."""
        log = state_of(self._files[1])
        return log.size if log else 0

    @property
    def known_bytes(self) -> int:
        """Length of the log when it was last looked at."""
        return self._known[1].size if self._known[1] else 0

    @property
    def known_database(self) -> str:
        """``database`` when it was last in order."""
        return " ".join(map(str, self._known[0] or ()))

    def doubt(self) -> Doubt | None:
        """What is wrong with the files, if anything; looks into the log where it was touched."""
        states = self._states()
        if doubt := self._other(states):
            return doubt
        if states[1] != self._known[1]:
            if not self.holds(afresh=True):
                return Doubt.LOG_HARMED
            self._known[1] = states[1]
        return Doubt.WRITTEN if states[0] != self._known[0] else None

    def holds(self, *, afresh: bool = False) -> bool:
        """Whether the log holds what was written into it.

        Args:
            afresh: Look through all of it; else what was looked through before is trusted where the
                log is long.
        """
        assert self._log is not None and self._index is not None  # noqa: S101, PT018 - opened()
        for _ in range(_TRIES):
            index = read_index(self._index)
            if index is None:
                time.sleep(0.001)
                continue
            trust = None if afresh or index.frames < _MANY else self._done
            if LogFile(self._log).holds(index, trust):
                self._done = index
                return True
            if read_index(self._index) == index:
                return False
        return False

    def committed(self) -> Doubt | None:
        """A transaction was finished: the log as it is now is ours, if it is the same file."""
        states = self._states()
        self._known[1] = states[1]
        whole = self.follow()
        return self._other(states) or (None if whole else Doubt.LOG_HARMED)

    def rescue(self) -> bool:
        """Leave the log as it was when the last transaction ended, for SQLite to open it again.

        Returns:
            Whether that is known; else the log is left as it is.
        """
        assert self._log is not None and self._index is not None  # noqa: S101, PT018 - opened()
        index = read_index(self._index)
        spare = self._spare.of(index) if index else None
        if not self._other(self._states()):
            with alone(self._index, self._path):
                if self.holds(afresh=True):
                    self.follow()
                    return True
                now = read_index(self._index)
                if spare and now and LogFile(spare[0]).holds(now):
                    copy_range(spare[0], self._log, 0, spare[1])
                    os.fsync(self._log)
                    return True
        elif index and self.holds(afresh=True):
            self.follow()
            spare = self._log, LogFile(self._log).length(index.frames)
        if spare is not None:
            write_copy(*spare, self._files[1])
            self.drop_index()
        return spare is not None

    def checkpointed(self) -> None:
        """The log went into the database: what the files are now is our doing."""
        states = self._states()
        if not self._other(states):
            self._known = states
            self.follow()

    def accept(self, database: str) -> None:
        """Somebody else's database is in order; of this state (``database``) it was looked at."""
        if (state := self._states()[0]) is not None and " ".join(map(str, state)) == database:
            self._known[0] = state

    def follow(self) -> bool:
        """Keep a copy of what is in the log now; returns whether as much is there as must be."""
        if self._log is None or self._index is None:
            return True
        index = read_index(self._index)
        self.frames = index.frames if index else 0
        return self._spare.follow(self._log, index)

    def _aside(self) -> str:
        return f"{self._files[1]}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"

    def _states(self) -> list[State | None]:
        return [state_of(file) for file in self._files]

    def _other(self, states: list[State | None]) -> Doubt | None:
        """Whether a name stands for another file than the one that is open."""
        for state, known, doubt in zip(states, self._known, _REPLACED, strict=True):
            if state is None or known is None or state[:2] != known[:2]:
                return doubt
        return None


_REPLACED: Final = (Doubt.MOVED, Doubt.LOG_REPLACED, Doubt.LOG_REPLACED)
