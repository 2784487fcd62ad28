"""The wafers that are given to ``wm-edge pattern`` as examples: files, or records of a store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.system.text import listed
from edge.terminal import options
from edge.terminal.streams import warn

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern
    from edge.store.reader import StoreReader
    from edge.wafer.wafermap import WaferMap

#: What the ``id`` of a record, or its number in the store, looks like.
_IDENTITY: Final = r"([0-9a-f]{8}-)?[0-9]+"


@contextmanager
def reading(store: Path | None) -> Iterator[StoreReader | None]:
    """A store, for reading; None where none is given."""
    if store is None:
        yield None
        return
    from edge.errors import UsageError
    from edge.store.reader import StoreReader

    if not store.is_file():
        others = sorted(map(str, store.parent.glob("*.sqlite"))) if store.parent.is_dir() else []
        there = f"there are: {listed(others, 10)}" if others else "check the name"
        raise UsageError(f"{store}: there is no such store; {there}")
    with closing(StoreReader(store)) as reader:
        yield reader


def wafers(
    examples: tuple[str, ...],
    pattern: NamePattern | None,
    reader: StoreReader | None,
    rules: Rules,
) -> Iterator[WaferMap]:
    """The wafers that examples name; what their files warn of is said on stderr.

    Raises:
        InputError: a file that cannot be read.
        UsageError: no record of the store is called so, or its map is not kept.
    """
    from edge.errors import InputError, UsageError
    from edge.formats.paths import expand, read_items
    from edge.wafer.wafermap import WaferMap as Found
    from edge.wafer.warned import Warned

    names, warned = options.names(pattern, examples), Warned()
    for each in examples:
        kept = None if reader is None or Path(each).exists() else reader.kept_as(each)
        if kept is not None:
            yield Found(kept.dies, kept.source, lot=kept.lot, wafer=kept.wafer)
            continue
        if reader is not None and re.fullmatch(_IDENTITY, each) and not Path(each).exists():
            raise UsageError(
                f"{each}: no wafer of the store is called so, or its map is not kept; `id` of a "
                "record, results.id of the store, or the name of a file is meant"
            )
        for found in warned.noting(read_items(expand([each]), names, rules)):
            if isinstance(found, InputError):
                raise found
            yield found
    warn(warned.sentences())
