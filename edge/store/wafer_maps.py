"""What the store keeps of each wafer to show it, find others like it and learn from it.

A row of ``maps`` has the record's ``id``. Maps are what takes room, so how long they are kept is a
setting; the embedding, some 36 bytes, stays.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.results.record import Record
from edge.store.sqlite import bulk_insert
from edge.system.choice import Choice
from edge.verdict.rule import Verdict
from edge.wafer.wafermap import DieGrid

#: Level, window and memory for maps of some thousand states. Runs alone are looked for: on WM-811K
#: 182 bytes a map in 9 us, where level 1 takes 256 in 11 and level 6 takes 190 in 33.
_PACKING: Final = (1, zlib.DEFLATED, 12, 5, zlib.Z_RLE)

#: Ids looked through at a time while old maps are dropped, and seconds between two such looks.
STEP: Final = 500
EVERY: Final = 1.0


class KeptMap(NamedTuple):
    """What is kept of a wafer.

    Attributes:
        dies: zlib of the uint8 states, row by row; None where they are not kept.
        embedding: The network's int8 output; None where no network was asked.
    """

    rows: int
    columns: int
    dies: bytes | None
    embedding: bytes | None

    def grid(self) -> DieGrid | None:
        """The map, uint8 (rows, columns) of {0, 1, 2}; None where it is not kept."""
        return None if self.dies is None else unpacked(self.dies, self.rows, self.columns)


def unpacked(packed: bytes, rows: int, columns: int) -> DieGrid:
    """The map that zlib packed, uint8 (rows, columns)."""
    return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(rows, columns)


def kept_map(dies: DieGrid, embedding: npt.NDArray[np.int8] | None) -> KeptMap:
    """What is kept of a wafer: of its map, uint8 (rows, columns), and embedding, int8 (size,)."""
    packing = zlib.compressobj(*_PACKING)
    packed = packing.compress(dies.tobytes()) + packing.flush()
    rows, columns = dies.shape
    return KeptMap(rows, columns, packed, None if embedding is None else embedding.tobytes())


class Which(Choice):
    """Whose maps are kept."""

    ALL = "all"
    REVIEW = "review"


@dataclass(frozen=True)
class KeepMaps:
    """How long maps are kept.

    Attributes:
        days: Older ones are dropped; None for none.
    """

    which: Which = Which.ALL
    days: int | None = None

    @classmethod
    def parse(cls, value: object) -> KeepMaps:
        """``all``, ``review``, or a number of days.

        Raises:
            ValueError: it is something else.
        """
        text = str(value)
        if not isinstance(value, bool) and text.isascii() and text.isdigit() and int(text) > 0:
            return cls(days=min(int(text), 36_500))
        return cls(Which(text))


ALWAYS: Final = KeepMaps()

#: What ``KeepMaps.parse`` takes, for messages.
KEPT: Final = '"all", "review" or a number of days'


class MapTable:
    """The table ``maps`` of a store; ``keep`` says how long maps are kept."""

    def __init__(self, connection: sqlite3.Connection, keep: KeepMaps) -> None:
        self._connection = connection
        self._keep = keep
        self._new: dict[int, KeptMap] = {}
        self._looked_at = 0
        self._due = time.monotonic()

    def insert(self, number: int, record: Record, kept: KeptMap) -> None:
        """Keep what a record brought with it, once the transaction comes to its ``end``."""
        if self._keep.which is Which.REVIEW and record["verdict"] != Verdict.REVIEW.value:
            kept = kept._replace(dies=None)
        self._new[number] = kept

    def begin(self) -> None:
        """What an earlier transaction could not keep comes again."""
        self._new.clear()

    def end(self) -> None:
        """Keep all of them."""
        rows = [(number, *kept) for number, kept in self._new.items()]
        bulk_insert(self._connection, "INSERT INTO maps", rows)
        self._new.clear()

    def old(self) -> int | None:
        """The last of some ids whose maps are too old, now and then; None where there are none."""
        if self._keep.days is None or time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + EVERY
        before = datetime.now(timezone.utc) - timedelta(days=self._keep.days)
        # Behind what was looked at.
        row = self._connection.execute(
            "SELECT max(id) FROM (SELECT id FROM maps WHERE id > ? ORDER BY id LIMIT ?) "
            "JOIN results USING (id) WHERE recorded_at < ?",
            (self._looked_at, STEP, before.isoformat(timespec="milliseconds")),
        ).fetchone()
        return row[0] if row else None

    def drop(self, last: int) -> None:
        """Drop the maps up to an id that ``old`` gave, within a transaction."""
        self._connection.execute(
            "UPDATE maps SET dies = NULL WHERE id > ? AND id <= ? AND dies IS NOT NULL",
            (self._looked_at, last),
        )
        self._looked_at = last
