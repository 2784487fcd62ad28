"""The store: every record of a station in one SQLite file, each wafer once.

What makes a wafer the same wafer is its file's name below the watched folder, the hash of its
content and its index in it; for a camera, the event (see ``docs/station-reference.md``). The
records of several files, what is remembered of the files and the numbers of the records go into one
transaction, so a crash leaves either all or nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import OutputError
from edge.results.record import Record
from edge.store import models
from edge.store.file_table import NEW, FileTable
from edge.store.models import ModelNote
from edge.store.names import Cursor
from edge.store.rows import Rows, Same
from edge.store.store_file import StoreFile
from edge.store.taken import FileNote, Placed
from edge.store.wafer_maps import ALWAYS, KeepMaps, MapTable
from edge.system.files import check_place, exists


@dataclass
class Added:
    """What became of some records.

    Attributes:
        records: Those that are new, with their ``id``.
        repeats: Names of sources whose content, all or a part of it, had been recorded before; of a
            recording with the frame.
    """

    records: list[Record] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)


class Store(StoreFile):
    """A store open for writing; one process, one thread.

    Args:
        path: The SQLite file; made if it does not exist.
        same: What makes two wafers of files the same.
        tops: The folders that are watched, absolute; they may be away.
        keep_maps: How long maps are kept.

    Raises:
        UsageError: in use by another station, or not a store.
        OutputError: cannot be opened or written.
    """

    def __init__(
        self,
        path: Path,
        *,
        same: Same = Same.NAME,
        tops: Sequence[str] = (),
        keep_maps: KeepMaps = ALWAYS,
    ) -> None:
        self._same, self._tops, self._keep_maps = same, tops, keep_maps
        self._model: ModelNote | None = None
        if not exists(path):
            check_place(path, overwrite=True)
        super().__init__(path)

    def _use(self, connection: sqlite3.Connection) -> None:
        self._files = FileTable(connection)
        self._maps = MapTable(connection, self._keep_maps)
        self._rows = Rows(connection, self._maps, self._same, self._tops)
        self._is_noted = False

    @property
    def name(self) -> str:
        """The name that new records get."""
        return self.names.ranges[-1][1]

    @property
    def last(self) -> int:
        """Number of the newest record; 0 where there is none."""
        return self.next - 1

    def add(
        self,
        records: Iterable[Record],
        taken: Mapping[str, FileNote | None] | None = None,
        placed: Iterable[Placed] = (),
        *,
        copied: Mapping[str, Cursor] | None = None,
    ) -> Added:
        """Keep records in one transaction, on the disk when this returns.

        Args:
            records: Results and errors; an ``id`` that they carry is not looked at.
            taken: What to remember of files, by their absolute names (``source`` of their records);
                None to forget one.
            placed: Files that are elsewhere than their records say.
            copied: That of another store's records, each of which comes once: how far these have
                come, to be kept with them.

        Raises:
            OutputError: nothing of this was kept (disk full, no permission).
        """
        added = Added()
        repeats: dict[tuple[str, str], str] = {}
        called: dict[tuple[str, str], str] = {}
        names: dict[str, str] = {}
        notes = taken or {}
        with self.transaction() as connection:
            rows = self._rows
            number = first = self.next
            self._maps.begin()
            rows.place(placed)
            known = self._files.begin(notes)
            for record in sorted(records, key=lambda record: self._rank(record, notes)):
                path = _path_of(record, known)
                before = known.get(path, NEW)
                kept, file = rows.keep(number, record, before, copied=copied is not None)
                if file is not None:
                    names[path] = file
                if kept is not None:
                    added.records.append({**kept, "id": f"{self.name}-{number}"})
                    number += 1
                elif copied is None and "error" not in record and not before.again:
                    key = record["source"], record["source_sha256"]
                    repeats[key] = record["recorded_at"]
                    # Of a recording the event ends with the frame.
                    frame = (record.get("event") or "").partition(" ")[2]
                    called[key] = f"{record['source']}, {frame}" if frame else record["source"]
            rows.note_repeats(repeats)
            self._files.end(notes, known, names)
            self._save_marks(connection, copied or {})
            self._maps.end()
            self._note_model(connection)
            if number != first:
                connection.execute("UPDATE numbering SET next_id = ?", (number,))
        self._is_noted = True
        added.repeats = list(called.values())
        return added

    def begin_with(self, model: ModelNote) -> None:
        """Keep which model file records will be of: now if that can be, else with the first one."""
        self._model, self._is_noted = model, False
        with suppress(OutputError), self.transaction() as connection:
            self._note_model(connection)
            self._is_noted = True

    def _note_model(self, connection: sqlite3.Connection) -> None:
        if self._model is not None and not self._is_noted:
            models.note(connection, self._model)

    @staticmethod
    def _rank(record: Record, notes: Mapping[str, FileNote | None]) -> bool:
        """Files that were renamed come first: their names may be other files' now."""
        note = notes.get(_path_of(record, notes))
        if note is None or note.former is None:
            return True
        there = notes.get(note.former.path)
        return there is not None and there.may_be(note)  # it is to be recorded here itself

    def marks(self) -> dict[str, Cursor]:
        """How far each sink has come, by its name."""
        with self.look() as connection:
            rows = connection.execute("SELECT sink, delivered, offset FROM marks").fetchall()
        return {sink: Cursor(delivered, offset) for sink, delivered, offset in rows}

    def save_marks(self, marks: Mapping[str, Cursor]) -> None:
        """Note how far sinks have come."""
        with self.transaction() as connection:
            self._save_marks(connection, marks)

    @staticmethod
    def _save_marks(connection: sqlite3.Connection, marks: Mapping[str, Cursor]) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO marks VALUES (?, ?, ?)",
            [(sink, mark.delivered, mark.offset) for sink, mark in marks.items()],
        )

    def tidy(self) -> None:
        """Drop some maps that are too old, now and then; called in every round."""
        with self.look():
            last = self._maps.old()
        if last is not None:
            with self.transaction():
                self._maps.drop(last)


def _path_of(record: Record, paths: Mapping[str, object]) -> str:
    """The file of a record, as it is known; of a file in an archive (``a.zip!w.csv``), that."""
    path: str = record["source"]
    while path not in paths and "!" in path:
        path = path.rpartition("!")[0]
    return path if path in paths else record["source"]
