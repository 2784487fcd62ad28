"""A station's store, opened read only: no look can slow a station, lock its store or change it."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from edge.errors import UsageError, why
from edge.store import models
from edge.store.names import StoreNames, read_names
from edge.store.schema import VERSION, is_store
from edge.store.sqlite import select_in, sqlite_errors
from edge.system.files import exists
from edge.verdict.rule import Verdict
from edge.wafer.patterns import JOINT, Pattern, PatternSet

#: The step of the store's tables that brought maps, and names of a store.
_MAPS: Final = 3

#: Seconds that a look waits for a station that is just opening its store.
_PATIENCE: Final = 5.0


class Wafer(NamedTuple):
    """What a record says of a wafer, as far as lots need it.

    Attributes:
        id: Number of its record.
        lot: None where nobody knows it; like ``wafer`` and ``slot``.
        patterns: Those that it shows; empty for none.
        is_review: Whether it went to a person.
        dies: On the wafer.
        fails: Of these.
        unfamiliarity: Distance to the nearest class, standard deviations.
        recorded_at: UTC, ISO 8601.
    """

    id: int
    lot: str | None
    wafer: str | None
    slot: int | None
    patterns: tuple[str, ...]
    is_review: bool
    dies: int
    fails: int
    unfamiliarity: float
    recorded_at: str

    @property
    def name(self) -> str:
        """What people call it."""
        return self.wafer or (f"slot {self.slot}" if self.slot is not None else f"#{self.id}")

    @property
    def fail_share(self) -> float:
        """Failing dies of all."""
        return self.fails / self.dies if self.dies else 0.0


def patterns_of(
    pattern: str, suggested: str | None, known: Container[str], none: str | None
) -> tuple[str, ...]:
    """The patterns under which a wafer is counted.

    Args:
        pattern: Of its record: one name, or several joined by ``+``.
        suggested: A pattern of one's own that claims the wafer as well.
        known: The names of its model file: one that holds a ``+`` is one name.
        none: Which of them means that there is no pattern.
    """
    names = (pattern,) if pattern in known else tuple(pattern.split(JOINT))
    own = (suggested,) if suggested else ()
    return tuple(dict.fromkeys(name for name in (*names, *own) if name and name != none))


class StoreView:
    """A look into a store; used by the thread that made it, and closed by it.

    Args:
        path: The SQLite file.

    Raises:
        UsageError: there is no such file, it is no store, or one of a later version.
        OutputError: it cannot be read now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if not is_store(path):
                raise UsageError(f"{path}: is no station's store; name the file behind --store")
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({why(error)})") from error
        with self._errors():
            self._connection = _opened(path)
            self.version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if self.version > VERSION:
            self.close()
            what = f"{path}: a store of version {self.version}, this wm-edge knows {VERSION}"
            raise UsageError(f"{what}; install the wm-edge that wrote it")
        with self._errors():
            table = self._connection.execute("PRAGMA table_info(results)")
            self._columns = frozenset(row[1] for row in table)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def has_maps(self) -> bool:
        """Whether it is of a version that keeps maps."""
        return self.version >= _MAPS

    @cached_property
    def names(self) -> StoreNames:
        """The store's names."""
        if self.version >= _MAPS:
            with self._errors():
                return read_names(self._connection)
        return StoreNames(((1, self.rows("SELECT store FROM numbering")[0][0]),))

    @cached_property
    def pattern_sets(self) -> dict[str, PatternSet]:
        """By the hash of each model file; empty in a store of before."""
        with self._errors():
            found = models.read(self._connection, str(self.path))
        return {note.sha256: note.patterns for note in found}

    @property
    def patterns(self) -> list[str]:
        """What its model files tell apart, without what means none."""
        named = [name for one in self.pattern_sets.values() for name in one if name != one.none]
        return list(dict.fromkeys(named))

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; what SQLite says is said with the file's name."""
        with self._errors():
            return self._connection.execute(query, values).fetchall()

    def rows_in(self, select: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows in which a column, whose name ends ``select``, has one of any number of values."""
        with self._errors():
            yield from select_in(self._connection, select, values)

    def wafers(self, where: str, values: Sequence[Any] = (), *, order: str) -> Iterator[Wafer]:
        """Wafers of the table ``results``; read as they are asked for.

        Args:
            where: A condition of SQL.
            values: For its question marks.
            order: Columns of SQL.
        """
        own = "suggested" if "suggested" in self._columns else "NULL"
        query = (
            f"SELECT id, lot, wafer, slot, pattern, {own}, model_sha256, verdict, dies, fails, "  # noqa: S608
            f"coalesce(unfamiliarity, 0.0), recorded_at FROM results WHERE {where} ORDER BY {order}"
        )
        usual = Pattern.NONE.value
        found: dict[tuple[str, str | None, str], tuple[str, ...]] = {}
        with self._errors():
            for row in self._connection.execute(query, values):
                key = row[4:7]
                if key not in found:
                    known = self.pattern_sets.get(key[2])
                    names, none = (known, known.nothing) if known else ((), usual)
                    found[key] = patterns_of(key[0], key[1], names, none)
                is_review = row[7] == Verdict.REVIEW.value
                yield Wafer._make((*row[:4], found[key], is_review, *row[8:]))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with sqlite_errors(self.path, in_use=True):
            yield


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, not even what an earlier writer left in the log.

    Where nobody may write beside the file SQLite cannot read it together with a station; a file
    without a log is then read as one that nobody changes.
    """
    where = quote(str(path.resolve()))
    for how in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"file:{where}?{how}", uri=True, timeout=_PATIENCE, isolation_level=None
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if how != "mode=ro" or exists(Path(f"{path.resolve()}-wal")):
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError
