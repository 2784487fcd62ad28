"""The text files that a station appends to: how a record becomes a line in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from edge.results.csv import STATION_COLUMNS, Rows
from edge.results.jsonl import encode
from edge.sinks.append_file import Lines


def _json() -> Lines:
    return Lines(
        lambda record: f"{encode(record)}\n".encode(), before_id=b'{"id": "', after_id=b'"'
    )


def _csv() -> Lines:
    rows = Rows(STATION_COLUMNS)
    return Lines(
        lambda record: f"{rows.row(record)}\n".encode(),
        header=f"{rows.header()}\n".encode(),
        any_header=b"id,source,index,",
        is_quoted=True,
    )


#: By the kind of sink.
LINES: Final[Mapping[str, Callable[[], Lines]]] = {"jsonl": _json, "csv": _csv}
