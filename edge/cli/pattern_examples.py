"""The wafers that are given to ``wm-edge pattern`` as examples: files, or records of a store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern
    from edge.store.reader import StoreReader
    from edge.wafer.wafermap import WaferMap


@contextmanager
def reading(store: Path | None) -> Iterator[StoreReader | None]:
    """A store, for reading; None where none is given."""
    if store is None:
        yield None
        return
    from edge.errors import UsageError
    from edge.store.reader import StoreReader

    if not store.is_file():
        raise UsageError(f"{store}: there is no such store; check the name")
    with closing(StoreReader(store)) as reader:
        yield reader


def wafers(
    examples: tuple[str, ...],
    pattern: NamePattern | None,
    reader: StoreReader | None,
    rules: Rules,
) -> Iterator[WaferMap]:
    """The wafers that examples name."""
    from edge.errors import InputError
    from edge.formats.name_pattern import Names
    from edge.formats.paths import expand, read_items
    from edge.wafer.wafermap import WaferMap as Found

    names = Names(pattern, filter(os.path.isdir, examples)) if pattern else None
    for each in examples:
        kept = None if reader is None or Path(each).exists() else reader.kept_as(each)
        if kept is not None:
            yield Found(kept.dies, kept.source, lot=kept.lot, wafer=kept.wafer)
            continue
        for found in read_items(expand([each]), names, rules):
            if isinstance(found, InputError):
                raise found
            yield found
