"""What the writer and the readers of a store share: opening it, its errors, what it can hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from edge.errors import OutputError, UsageError

#: Seconds that SQLite waits for somebody who looks into the file with another program.
_PATIENCE: Final = 10.0


def storable(value: Any) -> Any:
    """SQLite holds UTF-8 alone: bytes of a name that are none are written as backslash escapes."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "backslashreplace").decode()
    return value


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
        with closing(connection.execute("PRAGMA schema_version")) as cursor:  # reads the header
            cursor.fetchone()
    return connection


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """What SQLite has to say, as an error of ours that names the file."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):  # a record's fault, not the file's
        raise
    except sqlite3.OperationalError as error:
        # "database or disk is full", "disk I/O error", "attempt to write a readonly database" ...
        raise OutputError(f"{path}: cannot be written ({error})") from error
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"{path}: not a usable SQLite file ({error}); move it away and start again: files that "
            "are still in their folder are taken anew"
        ) from error
