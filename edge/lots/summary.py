"""The lots of a store, counted once: what was counted is kept in a file beside it.

``results.sqlite`` has ``results.lots.sqlite``. It holds nothing that cannot be counted again: it
may be deleted at any time. Before each look one index of the store tells, by how many records a lot
has and by the sum of their numbers, which lots have changed since; these are counted anew. A
million wafers take a tenth of a second then.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from edge.errors import OutputError, UsageError
from edge.lots.lot import Lot, joined, lot_of, newest
from edge.lots.store_view import StoreView, Wafer

#: "wmel" in ASCII.
_APPLICATION_ID: Final = 0x776D656C

#: Rises when something is counted in another way.
_VERSION: Final = 1

#: Wafers without a lot are counted by so many numbers of records, then joined by day.
_BLOCK: Final = 4096

#: Seconds that the file is waited for while another process counts.
_PATIENCE: Final = 10.0

#: Lots that are kept in one transaction.
_AT_ONCE: Final = 2000

_TABLES: Final = """
CREATE TABLE store (names TEXT NOT NULL);
CREATE TABLE lots (
    lot TEXT,
    block INTEGER NOT NULL,
    day TEXT NOT NULL,
    records INTEGER NOT NULL,
    ids INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX lots_by_lot ON lots (lot, block);
CREATE INDEX lots_by_time ON lots (last_at);
"""

# Both read an index of the store alone.
_STATE: Final = (
    "SELECT lot, 0, count(*), sum(id) FROM results WHERE lot IS NOT NULL GROUP BY lot",
    f"SELECT NULL, id / {_BLOCK}, count(*), sum(id) FROM results WHERE lot IS NULL GROUP BY 2",  # noqa: S608
)
_KEPT: Final = "SELECT lot, block, sum(records), sum(ids) FROM lots GROUP BY lot, block"

#: Lot, or None, and block.
_Key = tuple[str | None, int]


class Selection(NamedTuple):
    """Which lots are looked at; all of these must hold.

    Attributes:
        lot: Of this name, or this day.
        since: Whose last wafer was recorded then or later, UTC, ISO 8601.
        last: At most so many, the newest.
    """

    lot: str | None = None
    since: str | None = None
    last: int | None = None


def side_file(store: Path, kind: str) -> Path:
    """``results.KIND.sqlite`` beside ``results.sqlite``, by whatever link that is named."""
    return store.resolve().with_name(f"{store.resolve().stem}.{kind}.sqlite")


class Summary:
    """The lots of a store; used by the thread that made it, and closed by it.

    Args:
        view: The store.
        progress: Told now and then how many lots of how many were counted.

    Attributes:
        note: Why nothing is kept beside the store; empty where it is.

    Raises:
        UsageError: something else is called as the file beside the store.
        OutputError: that cannot be read now.
    """

    def __init__(
        self, view: StoreView, progress: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        self._view = view
        self._path = side_file(view.path, "lots")
        self.note = ""
        self._connection = self._opened()
        try:
            with self._errors():
                self._refresh(progress)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file beside the store."""
        self._connection.close()

    def total(self) -> int:
        """How many lots there are."""
        query = "SELECT count(DISTINCT lot) + count(DISTINCT CASE WHEN lot IS NULL THEN day END)"
        with self._errors():
            return int(self._connection.execute(f"{query} FROM lots").fetchone()[0])

    def lots(self, selection: Selection = Selection()) -> list[Lot]:  # noqa: B008
        """Lots in the order of their last wafers."""
        asked: list[tuple[str, Any]] = [("last_at >= ?", selection.since or "")]
        if selection.lot is not None:
            asked.append(("coalesce(lot, day) = ?", selection.lot))
        where = " AND ".join(condition for condition, _ in asked)
        newest_first = "max(last_at) DESC, max(rowid) DESC"
        chosen = (
            f"SELECT lot, day FROM lots WHERE {where} "  # noqa: S608
            f"GROUP BY lot, CASE WHEN lot IS NULL THEN day END ORDER BY {newest_first} LIMIT ?"
        )
        values = [value for _, value in asked]
        with self._errors():
            found = self._connection.execute(
                f"SELECT lots.lot, lots.day, content FROM lots JOIN ({chosen}) AS chosen "  # noqa: S608
                "ON lots.lot = chosen.lot OR (lots.lot IS NULL AND chosen.lot IS NULL "
                "AND lots.day = chosen.day) ORDER BY lots.lot IS NULL, lots.day, block",
                [*values, -1 if selection.last is None else selection.last],
            ).fetchall()
        decoded = ((lot or day, _decoder.decode(content)) for lot, day, content in found)
        parts = itertools.groupby(decoded, key=lambda pair: (pair[1].is_day, pair[0]))
        lots = [joined([one for _, one in same]) for _, same in parts]
        return sorted(lots, key=lambda one: (one.last_at, one.name))

    def wafers(self, lot: Lot) -> list[Wafer]:
        """The wafers of a lot, each once."""
        if not lot.is_day:
            return newest(self._view.wafers("lot = ?", [lot.name], order="id"))
        where = "lot IS NULL AND recorded_at >= ? AND recorded_at <= ?"
        return newest(self._view.wafers(where, [lot.first_at, lot.last_at], order="id"))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            what = f"{self._path}: cannot be used ({error})"
            raise OutputError(f"{what}; delete it: it is made anew") from error

    def _opened(self) -> sqlite3.Connection:
        """The file beside the store, or the memory where nothing can be kept there."""
        for _ in range(2):
            try:
                return self._prepared(str(self._path))
            except sqlite3.OperationalError as error:
                self.note = f"{self._path}: cannot be written ({error}), so lots are counted anew"
                break
            except sqlite3.DatabaseError:  # damaged; all of it can be counted again
                self.note = f"{self._path}: is damaged and cannot be deleted"
                try:
                    self._path.unlink()
                except OSError:
                    break
                self.note = ""
        return self._prepared(":memory:")

    def _prepared(self, path: str) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables; begin anew where they are of another store, or of another version.

        Raises:
            UsageError: the tables of somebody else are there.
        """
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
        if not ours and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise UsageError(f"{self._path}: is no summary of ours; move it away")
        names = json.dumps(self._view.names.ranges)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")  # fails where nothing can be written
        if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
            kept = connection.execute("SELECT names FROM store").fetchone()
            if kept and kept[0] == names:
                connection.execute("ROLLBACK")
                return
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            connection.execute(f'DROP TABLE "{table}"')
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute("INSERT INTO store VALUES (?)", (names,))
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")

    def _refresh(self, progress: Callable[[int, int], None]) -> None:
        """Count the lots that changed."""
        now = {tuple(row[:2]): row[2:] for query in _STATE for row in self._view.rows(query)}
        kept = {tuple(row[:2]): row[2:] for row in self._connection.execute(_KEPT)}
        gone = [key for key in kept if key not in now]
        changed = [key for key, state in now.items() if kept.get(key) != state]
        for begin in range(0, len(changed) + bool(gone), _AT_ONCE):
            some = changed[begin : begin + _AT_ONCE]
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._keep(some, gone if not begin else [])
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            progress(begin + len(some), len(changed))

    def _keep(self, changed: list[_Key], gone: list[_Key]) -> None:
        self._connection.executemany(
            "DELETE FROM lots WHERE lot IS ? AND block = ?", [*changed, *gone]
        )
        rows = (row for key in changed for row in self._counted(key))
        self._connection.executemany("INSERT INTO lots VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _counted(self, key: _Key) -> Iterator[tuple[Any, ...]]:
        lot, block = key
        if lot is not None:
            records = [*self._view.wafers("lot = ?", [lot], order="id")]
            days = {lot: records}
        else:
            between = block * _BLOCK, (block + 1) * _BLOCK
            where = "lot IS NULL AND id >= ? AND id < ?"
            days = {}
            for one in self._view.wafers(where, between, order="id"):
                days.setdefault(one.recorded_at[:10], []).append(one)
        for name, records in days.items():
            if not records:  # deleted meanwhile
                continue
            found = lot_of(name, newest(records), is_day=lot is None)
            state = len(records), sum(one.id for one in records)
            day = found.last_at[:10]
            yield lot, block, day, *state, found.last_at, _encoder.encode(found)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Lot)
