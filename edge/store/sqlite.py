"""What the writer and the readers of a store share: opening it, its errors, what it can hold."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from edge.errors import OutputError, UsageError
from edge.system.text import utf8

#: Seconds that SQLite waits for somebody who looks into the file with another program.
_PATIENCE: Final = 10.0

#: Values in a statement: what every SQLite takes.
_VALUES: Final = 900


def storable(value: Any) -> Any:
    """SQLite holds UTF-8 alone (``edge.system.text.utf8``)."""
    return utf8(value) if isinstance(value, str) else value


def select_in(
    connection: sqlite3.Connection, select: str, values: Iterable[Any]
) -> Iterator[tuple[Any, ...]]:
    """Rows in which a column, whose name ends ``select``, has one of any number of values."""
    rest = list(values)
    while rest:
        some, rest = rest[:_VALUES], rest[_VALUES:]
        yield from connection.execute(f"{select} IN ({', '.join('?' * len(some))})", some)


def bulk_insert(connection: sqlite3.Connection, insert: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, all of one length, many in a statement; ``insert`` ends with the table."""
    at_once = _VALUES // len(rows[0]) if rows else 1
    for begin in range(0, len(rows), at_once):
        some = rows[begin : begin + at_once]
        marks = f"({', '.join('?' * len(some[0]))})"
        statement = f"{insert} VALUES {', '.join([marks] * len(some))}"
        connection.execute(statement, [value for row in some for value in row])


def connect(path: Path) -> sqlite3.Connection:
    """Open a database, in autocommit mode.

    Raises:
        UsageError: not an SQLite file.
        OutputError: cannot be opened.
    """
    with sqlite_errors(path):
        connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            with closing(connection.execute("PRAGMA schema_version")) as cursor:  # reads the header
                cursor.fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def sqlite_errors(path: Path, *, in_use: bool = False) -> Iterator[None]:
    """What SQLite has to say, as an error of ours that names the file.

    Of a file that was in order (``in_use``), what cannot be read now may be read later.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):  # a record's fault, not the file's
        raise
    except sqlite3.OperationalError as error:
        # "database or disk is full", "disk I/O error", "attempt to write a readonly database" ...
        raise OutputError(f"{path}: cannot be written ({error})") from error
    except sqlite3.DatabaseError as error:
        kind = OutputError if in_use else UsageError
        raise kind(
            f"{path}: not a usable SQLite file ({error}); move it away and start again: files that "
            "are still in their folder are taken anew"
        ) from error


#: Seconds that looks into the store may take while their end is waited for.
_LOOKS: Final = 5.0


class SharedAccess:
    """The readers of one store in this process, so that all can let go of it for a moment.

    Their connections share what SQLite knows of the write-ahead log. Where its files were replaced
    under them, all have to be closed before any sees the new ones.

    Attributes:
        is_owned: A ``StoreFile`` of this process has the store open for writing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[threading.Lock, Callable[[], None]] = {}
        self.is_owned = False

    def enter(self, lock: threading.Lock, close: Callable[[], None]) -> None:
        """A reader begins; it holds ``lock`` while it looks, and ``close`` closes its connection.

        It opens that anew where it is closed.
        """
        with self._lock:
            self._readers[lock] = close

    def leave(self, lock: threading.Lock) -> None:
        """A reader has ended."""
        with self._lock:
            self._readers.pop(lock, None)

    @contextmanager
    def exclusive(self, path: Path) -> Iterator[None]:
        """Close the connections of all readers; none is opened while the block runs.

        Raises:
            OutputError: one is in use for too long.
        """
        deadline = time.monotonic() + _LOOKS
        with self._lock, ExitStack() as held:
            for lock in self._readers:
                if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                    raise OutputError(f"{path}: is being read; it is tried again")
                held.callback(lock.release)
            for close in self._readers.values():
                close()
            yield


_known: Final[WeakValueDictionary[Path, SharedAccess]] = WeakValueDictionary()
_making: Final = threading.Lock()


def access_of(path: Path) -> SharedAccess:
    """The one of a store, by whatever link it is named."""
    with _making:
        return _known.setdefault(path.resolve(), SharedAccess())
