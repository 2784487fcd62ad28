"""Files, folders, sets and tables in, parts of wafer maps out: streaming, and resumed where it was.

Files come one after the other, so the parts that are there say which are done: all in them but the
one that the last part says goes on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow.parquet as pq

from edge.archive import maps, store_maps
from edge.archive.maps import PartWriter, row_of
from edge.archive.store_maps import holds_store
from edge.errors import DataError, InputError, InputKind, OutputError, UsageError
from edge.formats import paths
from edge.formats.reading import os_error
from edge.system.file_lock import Lock
from edge.system.regular_file import open_regular
from edge.wafer.wafermap import WaferMap

Item: TypeAlias = "WaferMap | InputError"

#: What reads the wafers of a file.
Read = Callable[[str], Iterator[Item]]

_PIECE: Final = 2**20


@dataclass
class Imported:
    """What an import did.

    Attributes:
        wafers: Maps that are now in the archive, of this call.
        errors: Inputs that could not be read, likewise.
        before: Rows that were there before.
        parts: Parts that are there now.
    """

    wafers: int = 0
    errors: int = 0
    before: int = 0
    parts: int = 0


def import_maps(
    sources: Iterable[str | Path],
    out: Path,
    read: Read,
    *,
    on_row: Callable[[int], None] | None = None,
) -> Imported:
    """Import whatever is behind paths, folders and patterns into a folder of parts.

    Called again with the same sources it goes on where it was stopped; with others it adds them.

    Args:
        sources: As for ``edge.formats.paths.expand``.
        out: The folder, which is made.
        read: Reads the wafers of a file.
        on_row: Called with the number of rows done, for progress.

    Raises:
        UsageError: the folder cannot be made, another import is at it, or a file has changed since
            it was imported.
        OutputError: a part cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{out}: cannot be made ({error.strerror}); name a folder for the maps"
        raise UsageError(what) from error
    try:
        lock = Lock(out / "_import")
    except UsageError as error:
        what = f"{out}: another import is at work on it"
        raise UsageError(f"{what}; wait for its end, or choose another folder") from error
    try:
        for left in out.glob(".wm-edge-*.part"):  # of an import that was killed
            left.unlink(missing_ok=True)
        done = _Done(out)
        summary = Imported(before=done.total)
        writer = PartWriter(out, done.next_number)
        for row in _rows(sources, read, done):
            writer.add(row)
            summary.errors += row["error"] is not None
            summary.wafers += row["error"] is None
            if on_row:
                on_row(summary.wafers + summary.errors)
        writer.end_part({})
    finally:
        lock.release()
    summary.parts = len(list(out.glob(f"*{maps.SUFFIX}")))
    return summary


class _Done:
    """What stands in the parts of a folder.

    Attributes:
        total: Rows in all.
        next_number: Of the next part.
        goes_on: The file of which more comes; empty for none.
    """

    def __init__(self, folder: Path) -> None:
        self._rows: Counter[str] = Counter()
        self._sha256: dict[str, str] = {}
        self._last: dict[str, int | None] = {}
        self.total, self.next_number, self.goes_on = 0, 1, ""
        for path in sorted(folder.glob(f"*{maps.SUFFIX}")):
            number = path.stem.removeprefix("maps-")
            if not number.isdigit():
                raise UsageError(f"{path}: is no part of an import; choose a folder of its own")
            self._add(path)
            self.next_number = int(number) + 1

    def _add(self, path: Path) -> None:
        file = maps.opened(path, str(path))
        told = pq.read_metadata(path).metadata or {}
        for table in maps.groups(file, str(path), ["file", "file_sha256", "index"]):
            names = table["file"].to_pylist()
            self._rows.update(names)
            self._last.update(zip(names, table["index"].to_pylist(), strict=True))
            self._sha256.update(zip(names, table["file_sha256"].to_pylist(), strict=True))
        self.total += file.metadata.num_rows
        self.goes_on = told.get(b"goes_on", b"").decode()

    def last_of(self, store: str) -> int:
        """The number of the last record of a store that is there; 0 for none."""
        return self._last.get(store) or 0

    def rows_of(self, file: str, sha256: str) -> int | None:
        """How many rows of a file are there; None for all.

        Raises:
            UsageError: it was another file then.
        """
        known = self._sha256.get(file)
        if known is None:
            return 0
        if known != sha256:
            what = f"{file}: has changed since it was imported"
            raise UsageError(f"{what}; import it into a folder of its own")
        return self._rows[file] if file == self.goes_on else None


def _rows(sources: Iterable[str | Path], read: Read, done: _Done) -> Iterator[dict[str, Any]]:
    for found in _in_order(sources, done.goes_on):
        if isinstance(found, str) and holds_store(found):
            yield from _rows_of_store(found, done.last_of(found))
            continue
        sha256, items = "", iter([found]) if isinstance(found, InputError) else _items(found, read)
        file = found.source if isinstance(found, InputError) else found
        if isinstance(found, str):
            try:
                sha256 = sha256_of(found)
            except InputError as error:
                items = iter([error])
        there = done.rows_of(file, sha256)
        if there is not None:
            for item in islice(items, there, None):
                yield row_of(item, file, sha256)


def _rows_of_store(path: str, after: int) -> Iterator[dict[str, Any]]:
    """What has come to a store since; it grows, so no hash says which file it was."""
    try:
        for number, item in store_maps.maps_of(path, after):
            yield row_of(item, path, "") | {"index": number}
    except (InputError, UsageError, OutputError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        yield row_of(InputError(path, InputKind.UNREADABLE, reason), path, "")


def _in_order(sources: Iterable[str | Path], first: str) -> Iterator[str | InputError]:
    """The files behind sources; the one that was left half comes first.

    Raises:
        UsageError: it is not among them.
    """
    if first:
        if first not in paths.expand(sources):
            what = f"{first}: half of it is in the archive"
            raise UsageError(f"{what}; name it, or the folder it is in, once more")
        yield first
    for found in paths.expand(sources):
        if found != first:
            yield found


def _items(file: str, read: Read) -> Iterator[Item]:
    """The wafers of a file; what goes wrong on the way is one more."""
    try:
        yield from read(file)
    except InputError as error:
        yield error
    except DataError as error:
        reason = str(error).removeprefix(f"{file}: ")
        yield InputError(file, InputKind.UNREADABLE, reason)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, hex.

    Raises:
        InputError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open_regular(str(path)) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise os_error(error, str(path)) from error
    except ValueError as error:
        what = f"not a usable file name ({error}); check the name"
        raise InputError(str(path), InputKind.MISSING, what) from error
    return digest.hexdigest()
