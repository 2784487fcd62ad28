"""The model files that a store's records are of, and the patterns that each tells apart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from edge.errors import UsageError
from edge.results.jsonl import encode
from edge.system.text import utf8
from edge.system.typed import MismatchError
from edge.wafer.patterns import PatternSet, SetKind

_NOTE: Final = (
    "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (sha256) DO UPDATE SET file = excluded.file, last_at = excluded.last_at"
)
_THERE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'models'"
_SELECT: Final = "SELECT * FROM models ORDER BY first_at, sha256"


class ModelNote(Struct, frozen=True):
    """What is kept of a model file.

    Attributes:
        sha256: Of the file, hex: ``model_sha256`` of its records.
        model: Its short identity, as in its records.
        file: Its name, without folders.
        network_sha256: Of the network in it, hex: where it is the same, embeddings are.
        patterns: What it tells apart.
        first_at: When a station first began with it, UTC, ISO 8601.
        last_at: When one last did.
    """

    sha256: str
    model: str
    file: str
    network_sha256: str
    patterns: PatternSet
    first_at: str
    last_at: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what tells the model file, and its pattern set."""
        kept = ("sha256", "model", "file", "network_sha256")
        named = {key: utf8(getattr(self, key)) for key in kept}
        patterns = self.patterns
        meaning = {"none": patterns.none, "aliases": patterns.aliases, "hints": patterns.hints}
        kind = {"kind": SetKind.SEVERAL.value} if patterns.is_several else {}
        return {**named, "patterns": [*patterns], **meaning, **kind}


def note(connection: sqlite3.Connection, model: ModelNote) -> None:
    """Keep that a station works with a model file; within a transaction."""
    values = model.as_dict()
    kind = values.pop("kind", None)
    kept = [one if isinstance(one, str | None) else encode(one) for one in values.values()]
    connection.execute(_NOTE, [*kept, model.first_at, model.last_at, kind])


def read(connection: sqlite3.Connection, path: str) -> list[ModelNote]:
    """The model files of a store, in the order in which they came; none of one of before.

    Raises:
        UsageError: somebody changed a row so that it holds no pattern set.
    """
    if not connection.execute(_THERE).fetchone():
        return []
    return [*_notes(connection, path)]


def _notes(connection: sqlite3.Connection, path: str) -> Iterator[ModelNote]:
    for row in connection.execute(_SELECT).fetchall():
        sha256, model, file, network, names, none, aliases, hints, first, last, *kind = row
        try:
            meaning = (*map(json.loads, (aliases, hints)), *map(SetKind, filter(None, kind)))
            found = PatternSet(tuple(json.loads(names)), none, *meaning)
        except (ValueError, TypeError, AttributeError, MismatchError) as error:
            what = f"{path}: table models, {sha256}: is no pattern set ({error})"
            raise UsageError(f"{what}; delete that row while no station runs") from None
        yield ModelNote(sha256, model, file, network, found, first, last)
