"""How far a sink has come in a store."""

from __future__ import annotations

from dataclasses import dataclass

from edge.store.names import NO_NAMES, StoreNames


@dataclass(frozen=True)
class Cursor:
    """How far a sink has come. Kept in the store, so it survives any crash, but may lag behind.

    Attributes:
        delivered: Number of the last record that is kept (``results.id``, ``errors.id``); 0: none.
        offset: For a sink that is a file: its length after that record, in bytes.
        names: Names of the store that numbers the records: which ``id`` is whose number.
    """

    delivered: int = 0
    offset: int = 0
    names: StoreNames = NO_NAMES
