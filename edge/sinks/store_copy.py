"""A second store, fed from the first like every other sink. Maps stay in the first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.errors import OutputError, UsageError
from edge.results.record import Record, number_of
from edge.store.models import ModelNote
from edge.store.names import Cursor
from edge.store.store import Store


class StoreSink:
    """A second store, fed from the first like every other sink.

    Args:
        path: The file.
        model: The model file at work.
    """

    def __init__(self, path: Path, model: ModelNote | None = None) -> None:
        self.name = f"store:{os.path.abspath(path)}"  # noqa: PTH100 - a link stays a link
        self._path, self._model = path, model
        self._store: Store | None = None
        self._feeder = ""
        self._delivered = 0

    def open(self, mark: Cursor) -> Cursor:
        """Open the file; what it has already is not added twice, so the mark stands.

        But where the file was put back from a backup, it says itself how far it has come.
        """
        self.close()
        try:
            self._store = Store(self._path)
        except UsageError as error:  # it was free when the station started
            raise OutputError(str(error)) from error
        if self._model is not None:
            self._store.begin_with(self._model)
        self._feeder = f"fed by {mark.names.ranges[0][1]}" if mark.names.ranges else ""
        own = self._store.marks().get(self._feeder, mark)
        self._delivered = own.delivered
        return replace(mark, delivered=own.delivered)

    def send(self, records: Sequence[Record]) -> Cursor:
        """Add the records; each gets a number of this store."""
        if self._store is None:
            raise OutputError(f"{self._path}: is not open")
        mark = Cursor(max(self._delivered, number_of(records[-1])))
        news = [record for record in records if number_of(record) > self._delivered]
        self._store.add(news, copied={self._feeder: mark})
        self._delivered = mark.delivered
        return mark

    def idle(self, seconds: float) -> None:
        """Nothing to keep alive."""

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()
            self._store = None
